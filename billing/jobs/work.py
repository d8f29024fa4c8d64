"""A worker's part in long jobs: it takes them from the queue, and looks after those of dead workers.

What an attempt does is done elsewhere (in a process of its own, where posting must not wait for it): here it
is an `Attempt`, whatever it is made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.database import Connection, open_pool
from billing.jobs import bundle, month_close, statement_import, statement_set
from billing.jobs.queue import PACE, Attempt, Pace, Queue
from billing.jobs.reviving import Reviver
from billing.jobs.running import Tools, Work, attempt

WORKS: Final[Mapping[str, Work]] = {
    "close_month": month_close.close,
    "statements": statement_set.make,
    "bundle": bundle.export,
    "reconciliation": statement_import.match,
}


@dataclass(frozen=True, slots=True)
class JobWork:
    attempt: Attempt
    pace: Pace = PACE

    async def work(self, conn: Connection, database_url: str, stop: asyncio.Event) -> None:
        """Until `stop`; `conn` is for looking after others. Raises psycopg.Error where PostgreSQL is away."""
        async with open_pool(database_url, size_max=2) as pool, Queue(pool, self.attempt, self.pace) as queue:
            looking = asyncio.create_task(self._look(conn, Reviver(queue), stop))
            try:
                while not stop.is_set() and not looking.done():
                    await queue.work(stop)
            finally:
                looking.cancel()
                await asyncio.wait({looking})
            if not looking.cancelled():
                looking.result()

    async def _look(self, conn: Connection, reviver: Reviver, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await reviver.look(conn)
            await asyncio.sleep(self.pace.look_s)


async def attempt_here(tools: Tools, job_id: str, turn: int) -> None:
    """In this very process."""
    await attempt(tools, WORKS, job_id, turn)
