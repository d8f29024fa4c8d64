"""A wire that can be made bad: a proxy in the test's own event loop, before a real server.

cut       every connection ends at once; while it refuses, new ones end at once too
stall     nothing goes in either direction, and the connections stay
swallow   requests go through and are executed, replies vanish
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_CHUNK_BYTES: Final = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """`connect` reaches the server behind it."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._writers: set[asyncio.StreamWriter] = set()
        self._moving = asyncio.Event()
        self._moving.set()
        self.refusing = False
        self.swallowing = False
        self.server: asyncio.Server | None = None

    async def listen(self, *, port: int) -> None:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)

    @property
    def port(self) -> int:
        assert self.server is not None
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def refuse(self, refusing: bool) -> None:
        self.refusing = refusing
        if refusing:
            self.cut()

    def stall(self) -> None:
        self._moving.clear()

    def resume(self) -> None:
        self._moving.set()

    def swallow(self, swallowing: bool) -> None:
        """While true, requests arrive and are executed, and replies vanish. Then the connections end."""
        self.swallowing = swallowing
        if not swallowing:
            self.cut()

    def hear(self, request: bytes) -> None:
        """What a client sent, as it goes on to the server."""

    async def close(self) -> None:
        self.resume()
        self.refuse(True)
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            behind_reader, behind_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, behind_writer}
        try:
            await asyncio.gather(
                self._pump(reader, behind_writer, replies=False),
                self._pump(behind_reader, writer, replies=True),
            )
        finally:
            for one in (writer, behind_writer):
                one.transport.abort()
                self._writers.discard(one)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool
    ) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                await self._moving.wait()
                if not replies:
                    self.hear(data)
                elif self.swallowing:
                    continue
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one end was cut; so is the other, below
        writer.transport.abort()
