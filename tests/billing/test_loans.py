"""The limit in the purse follows what the books have left in its loan, whoever asks for money meanwhile."""

from __future__ import annotations

from billing.database import Pool
from billing.loans import push_loans
from billing.posting import Poster
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
