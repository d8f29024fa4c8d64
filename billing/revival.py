"""Gives a data set that lost its epochs new ones, also where nobody calls.

A gateway asks for an epoch when a call needs one. Without calls, an epoch that Redis has forgotten would stay
the current one of its lane, and what was lent to it would be shown as held until somebody calls. Here it is
replaced within moments, so that it closes and returns what it did not spend.
"""

from __future__ import annotations

import asyncio

from billing.database import Pool
from billing.treasury import SqlTreasury
from metering.purse import Purse, PurseUnavailable


async def revive_lanes(pool: Pool, purse: Purse) -> int:
    """-> how many lanes got a new epoch. Raises TreasuryUnavailable, PurseUnavailable, psycopg.Error."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select lane, n from lane_epoch where state = 'open' order by lane")
        current = [(int(lane), int(n)) for lane, n in await cursor.fetchall()]
    asked = (purse.epoch_here(lane) for lane, _ in current)
    held = await asyncio.gather(*asked, return_exceptions=True)
    lost = []
    for (lane, n), here in zip(current, held, strict=True):
        if isinstance(here, BaseException):  # of a node of a cluster that is away nothing is known
            if not isinstance(here, PurseUnavailable):
                raise here
        elif here != n:
            lost.append((lane, n))
    if held and all(isinstance(here, PurseUnavailable) for here in held):
        raise PurseUnavailable(str(held[0]))
    treasury = SqlTreasury(pool, purse)
    for lane, n in lost:
        await treasury.renew_epoch(lane, n)
    return len(lost)
