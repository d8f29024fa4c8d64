"""The keys of closed epochs get an end in Redis; those of living ones and the stream do not."""

from __future__ import annotations

import redis

from billing.database import Pool, connect, open_pool
from billing.forgetting import Forgetting
from billing.treasury import SqlTreasury
from metering import keys
from metering.purse_redis import RedisPurse, connect_purse

LANE = 3


async def test_what_a_closed_epoch_left_has_an_end(books_url: str, valkey_url: str) -> None:
    purse = await connect_purse(valkey_url)
    try:
        async with open_pool(books_url) as pool:
            await _tell(pool, purse, valkey_url, books_url)
    finally:
        await purse.close()


async def _tell(pool: Pool, purse: RedisPurse, valkey_url: str, books_url: str) -> None:
    treasury, forgetting = SqlTreasury(pool, purse), Forgetting(pool, purse)
    first = await treasury.current_epoch(LANE)
    old = [
        keys.voucher(LANE, first, "v"),
        keys.api_key(LANE, first, "c/k") + ":tokens",
        keys.hold(LANE, first, "a"),
    ]
    with redis.Redis.from_url(valkey_url) as client:
        for key in old:
            client.hset(key, "f", "1")
        client.pexpire(old[2], 1000)
        assert await forgetting.forget_once() == 0, "it is the current one"
        client.hdel(keys.epoch(LANE), "fence")
        second = await treasury.renew_epoch(LANE, first)
        young = keys.voucher(LANE, second, "v")
        client.hset(young, "f", "1")
        assert await forgetting.forget_once() == 0, "closing: it may still be settled and swept"
        async with await connect(books_url) as conn:
            await conn.execute("update lane_epoch set state = 'closed' where n = %s", [first])
        assert await forgetting.forget_once() == 2
        assert all(3_500_000 < client.pttl(key) <= 3_600_000 for key in old[:2])
        assert client.pttl(old[2]) <= 1000, "a hold keeps its own hour"
        assert [client.pttl(key) for key in (young, keys.epoch(LANE), keys.log(LANE))] == [-1, -1, -1]
        client.persist(old[0])
        assert await forgetting.forget_once() == 0, "nothing changed, nothing is looked for"
        assert await Forgetting(pool, purse).forget_once() == 1, "the next worker looks once"
