"""The limit in the purse follows what the books have left in its loan, whoever asks for money meanwhile."""

from __future__ import annotations

import pytest

from billing.database import Pool
from billing.loans import push_loans
from billing.posting import Poster
from billing.treasury import SqlTreasury
from metering.purse import Loan, OtherEpoch, PurseUnavailable, Vacant
from metering.purse_redis import RedisPurse, connect_purse
from metering.treasury import NothingFree
from tests.fakes.books_world import LANE, VOUCHER, WON, World


async def test_what_is_to_be_recalled_is_not_forgotten_for_a_gateway_that_asks(pool: Pool) -> None:
    """A call cost more than its sweep; what is recalled for it others hold, and then ask for more."""
    world = World(pool)
    await world.fund(government_won=1000)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=WON)
    slow = await world.reserve(n, 50 * WON)
    await world.purse.sweep(lane=LANE, n=n, op=slow, gateway_id="g1")
    other = await world.reserve(n, 1000 * WON)
    await world.settle(slow, n, 30 * WON)
    async with pool.connection() as conn:
        poster = Poster(conn, world.purse)
        await poster.take_lanes()
        await poster.post_once()
        await push_loans(world.purse, conn, lanes=[LANE])
        await world.settle(other, n, 900 * WON)
        lent = await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1000 * WON)
        assert lent == NothingFree(pending=False, free_micro=0)
        for _ in range(3):
            await push_loans(world.purse, conn, lanes=[LANE])
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert balance.limit_micro - balance.spent_micro == (1000 - 30 - 900) * WON


class DeafPurse(RedisPurse):
    """Redis, but what it is told of loans can be lost on the way."""

    is_deaf = False

    async def lend(self, *, lane: int, n: int, loan: Loan) -> bool | Vacant | OtherEpoch:
        if self.is_deaf:
            raise PurseUnavailable("no way there")
        return await super().lend(lane=lane, n=n, loan=loan)


async def test_a_total_makes_good_the_message_that_was_lost(pool: Pool, valkey_url: str) -> None:
    """Told as what was drawn now, a lost message would be money that nobody can spend."""
    await World(pool).fund(government_won=1_000_000)
    connected = await connect_purse(valkey_url)
    purse = DeafPurse(connected.line)
    treasury = SqlTreasury(pool, purse)
    try:
        n = await treasury.current_epoch(LANE)
        await treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=WON)
        purse.is_deaf = True
        with pytest.raises(PurseUnavailable):
            await treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=700_000 * WON)
        purse.is_deaf = False
        limits_won = [await limit_won(purse, n)]
        async with pool.connection() as conn:
            await push_loans(purse, conn, lanes=[LANE])
        limits_won.append(await limit_won(purse, n))
        await treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=900_000 * WON)
        limits_won.append(await limit_won(purse, n))
        assert limits_won == [500_000, 750_000, 900_000]
    finally:
        await purse.close()


async def limit_won(purse: RedisPurse, n: int) -> int:
    balance = await purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    return balance.limit_micro // WON
