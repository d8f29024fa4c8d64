"""Wires before the real sockets of a running house (tests/fakes/wire.py says what can be done to one).

The vendor is declared at its wire's port. Valkey and PostgreSQL listen where `up` told them to: `insert`
renames a server's socket and listens in its place, until that server starts anew and takes its name back.
What goes over such a wire may be led to another server: `follow`.
Whoever was connected before goes on without the wire, so the caller cuts those connections at the server.

All of it lives in one event loop; other threads go through `loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.fakes.wire import Streams, Wire


class SocketWire(Wire):
    """In the place of a server's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(self._reach)
        self._path = path
        self.behind = path.with_name(f"{path.name}.behind")
        self._followed: Path | None = None
        self._inode: int | None = None

    async def _reach(self) -> Streams:
        return await asyncio.open_unix_connection(str(self._followed or self.behind))

    def follow(self, path: Path | None) -> None:
        """Who connects from now on reaches another server; None: the one whose place this is."""
        self._followed = path

    async def insert(self) -> None:
        """Raises FileNotFoundError while the server is down."""
        if self.is_ours():
            return
        if self.server is not None:
            self.server.close()
        os.replace(self._path, self.behind)
        self.server = await asyncio.start_unix_server(self.serve, str(self._path))
        self._inode = self._path.stat().st_ino

    async def close(self) -> None:
        """The server gets its name back: who connects later finds it."""
        if self.is_ours():
            os.replace(self.behind, self._path)
        await super().close()

    def is_ours(self) -> bool:
        try:
            return self._inode is not None and self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False
