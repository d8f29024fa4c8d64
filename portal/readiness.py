"""Whether the office's two servers answer, asked at most once a second however often somebody looks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

import psycopg
import psycopg_pool

from billing.database import Pool

KEPT_S: Final = 1.0
WAIT_S: Final = 2.0


class Pinged(Protocol):
    async def ping(self) -> None:
        """Raises OSError."""


@dataclass(slots=True)
class Readiness:
    pool: Pool
    redis: Pinged
    _asked_s: float = field(default=float("-inf"), init=False)
    _missing: list[str] = field(default_factory=list, init=False)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def missing(self) -> list[str]:
        """The names of what does not answer."""
        async with self._asking:
            if time.monotonic() - self._asked_s > KEPT_S:
                found = await asyncio.gather(self._postgres_answers(), self._redis_answers())
                names = ("postgresql", "redis")
                self._missing = [name for name, answers in zip(names, found, strict=True) if not answers]
                self._asked_s = time.monotonic()
            return self._missing

    async def _postgres_answers(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_S), self.pool.connection() as connection:
                await connection.execute("select 1")
        except (psycopg.Error, psycopg_pool.PoolTimeout, TimeoutError):
            return False
        return True

    async def _redis_answers(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                await self.redis.ping()
        except (OSError, TimeoutError):
            return False
        return True
