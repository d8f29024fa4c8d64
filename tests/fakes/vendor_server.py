"""A vendor as a bare socket that does as its script says: for what no well-behaved server does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from providers.catalogue import UpstreamTarget
from providers.upstream import UpstreamAnswer
from providers.vendor_connection import VendorConnection

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: v1\r\nSet-Cookie: a=b\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def whole(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


async def piece_of(answer: UpstreamAnswer | VendorConnection) -> bytes:
    """What has come of its body, at least a byte; b"" at its end."""
    pieces: list[bytes] = []

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    await answer.read_into(take)
    return b"".join(pieces)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


class Vendor:
    """A server that does as its script says, once per request, and remembers what it was asked.

    One that does not `listen` leaves the requests to its script.
    """

    def __init__(self, script: Script, *, listens: bool = True) -> None:
        self._script = script
        self._listens = listens
        self.serving: set[asyncio.Task[None]] = set()
        self.asked: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        try:
            while True:
                if self._listens:
                    self.asked.append(await read_request(reader))
                await self._script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.close()
            self.serving.discard(task)


@contextlib.asynccontextmanager
async def vendor(
    script: Script, *, listens: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Vendor, UpstreamTarget]]:
    made = Vendor(script, listens=listens)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield made, target(f"{'http' if tls is None else 'https'}://127.0.0.1:{port}/v1")
    finally:
        server.close()
        for task in list(made.serving):
            task.cancel()
        await asyncio.sleep(0)


def target(base_url: str) -> UpstreamTarget:
    return UpstreamTarget(
        target_id="p/0", dialect="openai", vendor=None, base_url=base_url, model="m", api_key="secret-key"
    )


def says(*pieces: bytes, pause_s: float = 0.0, then: Script | None = None) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if then is not None:
            await then(reader, writer)

    return script


async def lose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    raise ConnectionError
