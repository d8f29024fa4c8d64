"""A wire that can be made bad: a proxy on loopback before a server's unix socket, in the test's own loop.

    cut       every connection ends at once; with `refusing`, new ones end at once too
    stall     nothing goes in either direction, and the connections stay
    swallow   requests go through and are executed, replies vanish

`socket_path` may be changed: who connects from then on meets another server, as after a failover.

`requests` is what clients sent, in order, for tests that look for a command that was sent twice.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

_CHUNK_BYTES: Final = 65_536


class TcpProxy:
    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Event()
        self._moving.set()
        self.refusing = False
        self.swallowing = False
        self.accepted = 0
        self.requests = bytearray()

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.resume()
        self.cut()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        self._moving.clear()

    def resume(self) -> None:
        self._moving.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(str(self.socket_path))
        self._writers |= {writer, upstream_writer}
        try:
            await asyncio.gather(
                self._pump(reader, upstream_writer, replies=False),
                self._pump(upstream_reader, writer, replies=True),
            )
        finally:
            for one in (writer, upstream_writer):
                one.transport.abort()
                self._writers.discard(one)
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool
    ) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                await self._moving.wait()
                if not replies:
                    self.requests += data
                elif self.swallowing:
                    continue
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one end was cut; so is the other, below
        writer.transport.abort()
