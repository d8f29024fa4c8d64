"""A worker's part in long jobs: it takes them from the queue, and looks after those of dead workers.

What an attempt does is done elsewhere (in a process of its own, where posting must not wait for it): here it
is an `Attempt`, whatever it is made of.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

import psycopg

from billing.database import Pool, open_pool
from billing.jobs.queue import PACE, Attempt, Pace, Queue
from billing.jobs.reviving import Reviver

CONNECTIONS: Final = 4  # to fetch, to beat, to look, and to ask the queue about what is looked at

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobWork:
    attempt: Attempt
    pace: Pace = PACE

    async def work(self, database_url: str, stop: asyncio.Event) -> None:
        """Until `stop`. Raises psycopg.Error where PostgreSQL is away."""
        pool = open_pool(database_url, size_max=CONNECTIONS)
        async with pool, Queue(pool, self.attempt, self.pace) as queue:
            looking = asyncio.create_task(self._look(pool, Reviver(queue), stop))
            try:
                while not stop.is_set() and not looking.done():
                    await queue.work(stop)
            finally:
                looking.cancel()
                await asyncio.wait({looking})
            if not looking.cancelled():
                looking.result()

    async def _look(self, pool: Pool, reviver: Reviver, stop: asyncio.Event) -> None:
        """Whatever one look meets, the next one is taken: else nobody would know of the dead any more."""
        while not stop.is_set():
            try:
                async with pool.connection() as conn:
                    await reviver.look(conn)
            except psycopg.Error as error:
                _log.warning("jobs_not_looked_at reason=%s", error)
            await asyncio.sleep(self.pace.look_s)
