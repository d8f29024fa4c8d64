"""A wire on loopback before a server's unix socket.

`socket_path` may be changed: who connects from then on meets another server, as after a failover.

`requests` is what clients sent, in order, for tests that look for a command that was sent twice.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakes.wire import Streams, Wire


class TcpProxy(Wire):
    def __init__(self, socket_path: Path) -> None:
        super().__init__(self._reach)
        self.socket_path = socket_path
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.requests = bytearray()

    async def _reach(self) -> Streams:
        return await asyncio.open_unix_connection(str(self.socket_path))

    async def __aenter__(self) -> TcpProxy:
        await self.listen(port=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        self.resume()
        self.cut()
        await asyncio.gather(*self._tasks)
        await self.server.wait_closed()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def hear(self, request: bytes) -> None:
        self.requests += request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.refusing:
            self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await super().serve(reader, writer)
