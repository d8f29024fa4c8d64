"""Wires that can be cut, stalled or made to swallow replies, before the real sockets of a running house.

The vendor is declared at its wire's port. Valkey and PostgreSQL listen where `up` told them to: `insert`
renames a server's socket and listens in its place, until that server starts anew and takes its name back.
Whoever was connected before goes on without the wire, so the caller cuts those connections at the server.

All of it lives in one event loop; other threads go through `loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
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

    def stall(self, stalled: bool) -> None:
        if stalled:
            self._moving.clear()
        else:
            self._moving.set()

    def swallow(self, swallowing: bool) -> None:
        """While true, requests arrive and are executed, and replies vanish. Then the connections end."""
        self.swallowing = swallowing
        if not swallowing:
            self.cut()

    async def close(self) -> None:
        self.stall(False)
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
                if replies and self.swallowing:
                    continue
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one end was cut; so is the other, below
        writer.transport.abort()


class SocketWire(Wire):
    """In the place of a server's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(self._reach)
        self._path = path
        self._behind = path.with_name(f"{path.name}.behind")
        self._inode: int | None = None

    async def _reach(self) -> Streams:
        return await asyncio.open_unix_connection(str(self._behind))

    async def insert(self) -> None:
        """Raises FileNotFoundError while the server is down."""
        if self._is_ours():
            return
        if self.server is not None:
            self.server.close()
        os.replace(self._path, self._behind)
        self.server = await asyncio.start_unix_server(self.serve, str(self._path))
        self._inode = self._path.stat().st_ino

    async def close(self) -> None:
        """The server gets its name back: who connects later finds it."""
        if self._is_ours():
            os.replace(self._behind, self._path)
        await super().close()

    def _is_ours(self) -> bool:
        try:
            return self._inode is not None and self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False
