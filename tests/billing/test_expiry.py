"""A voucher's end: what is held is settled first, the rest goes back; a new end brings it back."""

from __future__ import annotations

from billing.database import Pool, connect
from billing.expiry import expire_vouchers
from billing.funds import set_capacity
from billing.loans import push_loans
from billing.posting import Poster
from billing.usage_store import voucher_balances
from metering.purse import OtherEpoch, Vacant
from metering.purse_memory import MemoryPurse
from metering.treasury import NothingFree
from tests.fakes.books_world import COMPANY, ENDS_MS, LANE, VOUCHER, WON, World


async def test_an_ended_voucher_returns_what_it_did_not_use(pool: Pool, books_url: str) -> None:
    world = World(pool)
    await world.fund(government_won=750, self_won=300, share_ppm=750_000)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    await world.call(n, 100 * WON)
    running = await world.reserve(n, 50 * WON)
    await world.fund(government_won=750, self_won=300, share_ppm=750_000, state="ended")
    async with await connect(books_url) as conn:
        poster = Poster(conn, world.purse)
        await poster.take_lanes()
        await poster.post_once()
        assert await expire_vouchers(world.purse, conn, lanes=[LANE]) == 0, "a call is still running"
        await world.settle(running, n, 20 * WON)
        await poster.post_once()
        for expired in (1, 0):
            assert await expire_vouchers(world.purse, conn, lanes=[LANE]) == expired
        await push_loans(world.purse, conn, lanes=[LANE])
        [voucher] = await voucher_balances(conn, COMPANY)
    assert (voucher.government_returned_micro, voucher.self_returned_micro) == (660 * WON, 270 * WON)
    accounts = await world.sound()
    assert accounts[f"voucher/{VOUCHER}/expired"] == 930 * WON
    outcome = await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    assert outcome == NothingFree(pending=False, free_micro=0)
    await world.fund(government_won=750, self_won=300, share_ppm=750_000, state="active")
    # One micro-won further: the government's part is rounded down.
    assert await world.funds() == (880 * WON + 1, 120 * WON, 1000 * WON + 1)
    await world.sound()


async def declare_later(pool: Pool, state: str) -> None:
    async with pool.connection() as conn, conn.transaction():
        await set_capacity(
            conn,
            voucher_id="later-2026",
            company_id=COMPANY,
            programme_id="p",
            government_micro=70 * WON,
            self_micro=0,
            share_ppm=1_000_000,
            ends_ms=ENDS_MS,
            state=state,
        )


class _Meanwhile(MemoryPurse):
    """A declaration gives the next voucher another end while the worker asks for what this one was lent."""

    pool: Pool

    async def recall(
        self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
    ) -> int | Vacant | OtherEpoch | None:
        await declare_later(self.pool, "active")
        return await super().recall(
            lane=lane, n=n, voucher_id=voucher_id, version=version, target_micro=target_micro
        )


async def test_a_voucher_that_got_another_end_meanwhile_keeps_its_money(pool: Pool, books_url: str) -> None:
    world = World(pool)
    purse = _Meanwhile(now_ms=world.clock)
    purse.pool = pool
    world.use(purse)
    await world.fund(government_won=100)
    await declare_later(pool, "ended")
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    await world.fund(government_won=100, state="ended")
    async with await connect(books_url) as conn:
        assert await expire_vouchers(purse, conn, lanes=[LANE]) == 1
    accounts = await world.sound()
    assert accounts["voucher/later-2026/free"] == 70 * WON
    assert accounts[f"voucher/{VOUCHER}/expired"] == 100 * WON
