"""An epoch that Redis forgot is replaced without anybody calling."""

from __future__ import annotations

import redis

from billing.database import open_pool
from billing.revival import revive_lanes
from billing.treasury import SqlTreasury
from metering.purse_redis import connect_purse


async def test_a_forgotten_epoch_is_replaced_once(books_url: str, valkey_url: str) -> None:
    purse = await connect_purse(valkey_url)
    try:
        async with open_pool(books_url) as pool:
            assert await revive_lanes(pool, purse) == 0
            first = await SqlTreasury(pool, purse).current_epoch(3)
            assert await revive_lanes(pool, purse) == 0
            with redis.Redis.from_url(valkey_url) as client:
                client.flushall()
            assert await revive_lanes(pool, purse) == 1
            assert await purse.epoch_here(3) == first + 1
            assert await revive_lanes(pool, purse) == 0
    finally:
        await purse.close()
