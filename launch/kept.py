"""The two kinds of things the supervisor keeps alive: our own roles, and the embedded servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from config.settings import Limits
from launch.embedded import EmbeddedServer
from launch.forks import ForkServer
from launch.process import RoleCommand, RoleProcess, ended, start_role
from launch.refusal import DiedStarting, Refused

log = structlog.get_logger(__name__)

READY_POLL_S: Final = 0.02


class KeptRole:
    """A role; each start may be a new command (a gateway gets a new id each time)."""

    def __init__(
        self,
        name: str,
        *,
        command: Callable[[], RoleCommand],
        limits: Limits,
        stop_timeout_s: float,
        forks: ForkServer | None,
        after_end: Callable[[RoleProcess], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._command = command
        self._limits = limits
        self._stop_timeout_s = stop_timeout_s
        self._forks = forks
        self._after_end = after_end
        self._running: RoleProcess | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running is not None else None

    async def start(self) -> None:
        running = await start_role(self._command(), self._forks)
        self._running = running
        log.info("spawned", role=self._name, pid=running.pid)
        await running.ready(timeout_s=self._limits.start_timeout_s)

    async def ended(self) -> int:
        return await ended(self._running.process) if self._running is not None else 0

    async def after_end(self) -> None:
        running, self._running = self._running, None
        if running is not None and self._after_end is not None:
            await self._after_end(running)

    async def stop(self, *, hurry: asyncio.Event) -> None:
        if self._running is not None:
            code = await self._running.stop(timeout_s=self._stop_timeout_s, hurry=hurry)
            log.info("stopped", role=self._name, code=code)
        await self.after_end()


class KeptServer:
    """An embedded server: processes are made on the loop's own thread, since a leash is tied to a thread."""

    def __init__(self, server: EmbeddedServer, limits: Limits) -> None:
        self._server = server
        self._limits = limits

    @property
    def name(self) -> str:
        return self._server.process_name

    @property
    def pid(self) -> int | None:
        return self._server.pid

    async def start(self) -> None:
        server = self._server
        await asyncio.to_thread(server.clear_leftovers)
        await asyncio.to_thread(server.prepare)
        server.spawn()
        log.info("spawned", role=self.name, pid=server.pid)
        try:
            async with asyncio.timeout(self._limits.start_timeout_s):
                await self._until_ready()
        except TimeoutError:
            server.kill()
            raise Refused(f"{self.name} did not answer in time: {server.last_line()}") from None

    async def _until_ready(self) -> None:
        server = self._server
        while not server.ready():
            if server.pid is None:
                if not server.mend(server.last_words()):
                    kind = DiedStarting if server.was_killed else Refused
                    raise kind(f"{self.name} did not start: {server.last_line()}")
                server.spawn()
            await asyncio.sleep(READY_POLL_S)

    async def ended(self) -> int:
        process = self._server.process
        return await ended(process) if process is not None else 0

    async def after_end(self) -> None:
        self._server.process = None

    async def stop(self, *, hurry: asyncio.Event) -> None:
        del hurry  # it writes its files and ends; that takes a moment and is worth it
        await asyncio.to_thread(self._server.stop, timeout_s=self._limits.stop_timeout_s)
        log.info("stopped", role=self.name)
