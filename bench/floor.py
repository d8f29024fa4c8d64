"""The least that a call costs which is held before and settled after: two durable writes around the vendor.

`python bench/floor.py PORT VENDOR_PORT SOCKET`. It knows no key and no price and looks at a request for its
end only. What it adds to a lone call, no gateway can go below on this machine, with this loop and this disk.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import cast

import hiredis
import uvloop

# As long as what a hold, and a settlement, hand to Valkey.
WRITE = b"*3\r\n$3\r\nSET\r\n$5\r\nevent\r\n$900\r\n" + b"x" * 900 + b"\r\n"


def is_whole(message: bytes) -> bool:
    head, end, body = message.partition(b"\r\n\r\n")
    _, _, rest = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(rest.split(b"\r\n", 1)[0] or 0)


class Peer(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)


class Store(Peer):
    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[Callable[[], None]] = deque()

    def write(self, then: Callable[[], None]) -> None:
        self._waiting.append(then)
        self.transport.write(WRITE)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while self._reader.gets() is not False:
            self._waiting.popleft()()


class Vendor(Peer):
    """One connection, for one caller."""

    def __init__(self, then: Callable[[bytes], None]) -> None:
        self._then, self._answer = then, b""

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if is_whole(self._answer):
            answer, self._answer = self._answer, b""
            self._then(answer)


class Caller(Peer):
    def __init__(self, store: Store, vendor_port: int) -> None:
        self._store, self._vendor_port = store, vendor_port
        self._vendor: Vendor | None = None
        self._request = b""

    def data_received(self, data: bytes) -> None:
        self._request += data
        if not is_whole(self._request):
            return
        if self._vendor is None:
            self._connecting = asyncio.ensure_future(self._connect())
        else:
            self._store.write(self._ask)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._vendor = await loop.create_connection(
            lambda: Vendor(self._answered), "127.0.0.1", self._vendor_port
        )
        self._store.write(self._ask)

    def _ask(self) -> None:
        assert self._vendor is not None
        request, self._request = self._request, b""
        self._vendor.transport.write(request)

    def _answered(self, answer: bytes) -> None:
        self._store.write(lambda: self.transport.write(answer))

    def connection_lost(self, _: Exception | None) -> None:
        if self._vendor is not None:
            self._vendor.transport.close()


async def serve(port: int, vendor_port: int, socket: str) -> None:
    loop = asyncio.get_running_loop()
    _, store = await loop.create_unix_connection(Store, socket)
    server = await loop.create_server(lambda: Caller(store, vendor_port), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
