"""Lets Redis forget closed epochs: the books say which they are, the purse gives their keys an end.

Looked for after each change only: an epoch that closed, or another data set behind the purse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from billing.database import Pool


class KeptKeys(Protocol):
    async def data_set(self) -> str: ...

    async def expire_epochs_before(self, oldest: Mapping[int, int]) -> int: ...


@dataclass(slots=True)
class Forgetting:
    pool: Pool
    purse: KeptKeys
    _done: tuple[str, dict[int, int]] = field(default=("", {}))

    async def forget_once(self) -> int:
        """-> how many keys got an end. Raises PurseUnavailable, psycopg.Error."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "select lane, min(n) from lane_epoch where state <> 'closed' group by lane"
            )
            oldest = {int(lane): int(n) for lane, n in await cursor.fetchall()}
        now = await self.purse.data_set(), oldest
        if now == self._done:
            return 0
        expired = await self.purse.expire_epochs_before(oldest)
        self._done = now
        return expired
