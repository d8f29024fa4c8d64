"""Tells the books which gateway processes have ended, however the supervisor itself fares.

The books keep what a gateway was lent until they know that it is gone. So each gateway's id stands in a file
from before its start until the books have heard of its end; what is left of an earlier run is told at the
next start, when those processes are surely dead: the data directory is locked by us and their port was free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


class BooksUnavailable(Exception):
    """PostgreSQL cannot be reached now."""


class Departures:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._telling: set[asyncio.Task[None]] = set()

    def expect(self, gateway_id: str) -> None:
        """Before the process is started."""
        (self._directory / gateway_id).touch()

    def of_earlier_runs(self) -> list[str]:
        return sorted(path.name for path in self._directory.iterdir())

    async def tell(self, gateway_id: str, say: Callable[[str], Awaitable[None]]) -> None:
        """`say` raises BooksUnavailable; it is asked until it succeeds."""
        while True:
            try:
                await say(gateway_id)
            except BooksUnavailable as error:
                log.warning("books_unavailable", gateway_id=gateway_id, reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                (self._directory / gateway_id).unlink(missing_ok=True)
                return

    def tell_soon(self, gateway_id: str, say: Callable[[str], Awaitable[None]]) -> None:
        task = asyncio.create_task(self.tell(gateway_id, say), name=f"tell of {gateway_id}")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self, *, timeout_s: float) -> None:
        """Wait a little for what is being told; what is not told stays for the next run."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=timeout_s)
        for task in list(self._telling):
            task.cancel()
