"""Epochs are tied to the data set that asked; money is lent in totals, and never twice to one that forgot."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from billing.database import Connection, Pool
from billing.funds import BelowSpent, FundsChange
from billing.loans import push_loans
from billing.reclaim import prepare_change, reclaim
from billing.treasury import BooksMismatch, SqlTreasury
from metering.purse import OtherEpoch, Vacant
from metering.purse_memory import MemoryPurse
from metering.treasury import EpochReplaced, Lent, NothingFree
from tests.fakes.books_world import COMPANY, LANE, VOUCHER, WON, World


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=1_000_000)
    return world


async def test_four_gateways_at_once_open_one_epoch(world: World) -> None:
    treasuries = [SqlTreasury(world.pool, world.purse) for _ in range(4)]
    assert await asyncio.gather(*(each.current_epoch(LANE) for each in treasuries)) == [1] * 4
    world.purse.restart()
    assert await asyncio.gather(*(each.renew_epoch(LANE, 1) for each in treasuries)) == [2] * 4
    assert await world.purse.epoch_here(LANE) == 2
    assert await world.treasury.current_epoch(LANE) == 2


async def test_a_flushed_purse_gets_a_new_epoch_and_never_the_old_loan(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    world.purse.flush()
    assert await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1) == EpochReplaced(2)
    outcome = await world.treasury.lend(lane=LANE, n=2, voucher_id=VOUCHER, need_micro=1)
    assert outcome == Lent(250_000 * WON, 250_000 * WON)
    balance = await world.purse.balance(lane=LANE, n=2, voucher_id=VOUCHER)
    assert balance is not None
    assert (balance.limit_micro, balance.frozen_micro) == (250_000 * WON, 500_000 * WON)
    await world.sound()


async def test_a_loan_the_purse_lost_alone_replaces_the_epoch(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    del world.purse.data.lane(LANE).vouchers[n, VOUCHER]
    outcomes = await asyncio.gather(
        *(world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1) for _ in range(4))
    )
    assert outcomes == [EpochReplaced(2)] * 4


async def test_an_epoch_of_another_data_set_is_vacated(world: World) -> None:
    await world.treasury.current_epoch(LANE)
    older = world.purse.data.snapshot()
    world.purse.restart()
    assert await world.treasury.current_epoch(LANE) == 2
    older.replid = "b0"
    older.lane(LANE).epoch.fence = "b0"
    world.purse.data = older  # split brain: the old primary still lives in its epoch 1
    assert await world.treasury.current_epoch(LANE) == 3


async def _insert_epoch(conn: Connection, n: int, ticket: str | None) -> None:
    await conn.execute(
        "insert into lane_epoch (lane, n, ticket, state) values (%s, %s, %s, 'open')", [LANE, n, ticket]
    )


async def test_a_ticket_of_an_epoch_that_ended_is_replaced(world: World) -> None:
    """Its data set was asked and lost the answer; meanwhile another one had the lane, and went away."""
    await world.treasury.current_epoch(LANE)
    world.purse.restart()
    ticket = await world.purse.vacate(lane=LANE, nonce="x", used_ticket=None, stale_n=1)
    assert ticket is not None
    async with world.pool.connection() as conn:
        await conn.execute("update lane_epoch set state = 'closing', fenced_at = now() where n = 1")
        await _insert_epoch(conn, 2, ticket)
        await conn.execute("update lane_epoch set state = 'closing', fenced_at = now() where n = 2")
        await _insert_epoch(conn, 3, "other")
    assert await world.treasury.current_epoch(LANE) == 4
    assert await world.purse.epoch_here(LANE) == 4


async def test_a_ticket_tied_but_never_opened_is_opened_by_the_next_request(world: World) -> None:
    ticket = await world.purse.vacate(lane=LANE, nonce="x", used_ticket=None, stale_n=0)
    async with world.pool.connection() as conn:
        await _insert_epoch(conn, 1, ticket)
    assert await world.treasury.current_epoch(LANE) == 1


async def test_money_lent_while_a_recall_was_under_way_is_not_returned_too(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    await world.reserve(n, 400_000 * WON)

    class LendsMeanwhile(MemoryPurse):
        async def recall(
            self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
        ) -> int | Vacant | OtherEpoch | None:
            limit = await MemoryPurse.recall(
                self, lane=lane, n=n, voucher_id=voucher_id, version=version, target_micro=target_micro
            )
            await world.treasury.lend(lane=lane, n=n, voucher_id=voucher_id, need_micro=1)
            return limit

    slow = LendsMeanwhile(now_ms=world.clock, data=world.purse.data)
    async with world.pool.connection() as conn:
        assert await reclaim(slow, conn, VOUCHER, 100_000 * WON) == 0
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert balance.limit_micro == 750_000 * WON
    assert (await world.funds())[0] == 250_000 * WON
    await world.sound()


async def test_books_older_than_the_purse_refuse(world: World) -> None:
    world.purse.data.lane(LANE).epoch.n = 7
    world.purse.data.lane(LANE).epoch.fence = world.purse.data.replid
    with pytest.raises(BooksMismatch):
        await world.treasury.current_epoch(LANE)


@pytest.mark.parametrize(
    ("granted_won", "need_won", "lent_won"),
    [(1_000_000, 1, 500_000), (1_000_000, 700_000, 700_000), (99_999, 1, 99_999), (100_000, 1, 50_000)],
)
async def test_how_much_is_lent(pool: Pool, granted_won: int, need_won: int, lent_won: int) -> None:
    world = World(pool)
    await world.fund(government_won=granted_won)
    n = await world.treasury.current_epoch(LANE)
    outcome = await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=need_won * WON)
    assert outcome == Lent(lent_won * WON, (granted_won - lent_won) * WON)


@pytest.mark.parametrize(
    ("need_won", "lent_won"),
    [(400_000, 500_000), (450_000, 750_000), (700_000, 800_000), (5_000_000, 1_000_000)],
    ids=["is there", "is not", "more than half of what is free", "more than there ever was"],
)
async def test_the_need_is_what_should_be_available_in_all(
    world: World, need_won: int, lent_won: int
) -> None:
    """It was taken for what is missing, compared with what was there: a running call asked for ever."""
    n = await world.treasury.current_epoch(LANE)
    lend = partial(world.treasury.lend, lane=LANE, n=n, voucher_id=VOUCHER)
    assert await lend(need_micro=1) == Lent(500_000 * WON, 500_000 * WON)
    await world.reserve(n, 100_000 * WON)
    assert await lend(need_micro=need_won * WON) == Lent(lent_won * WON, (1_000_000 - lent_won) * WON)


async def test_a_burst_of_requests_lends_once(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await asyncio.gather(
        *(world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1) for _ in range(20))
    )
    assert (await world.funds())[0] == 500_000 * WON


async def test_nothing_free_is_pending_only_where_a_former_epoch_keeps_money(pool: Pool) -> None:
    world = World(pool)
    await world.fund(government_won=100)
    n = await world.treasury.current_epoch(LANE)
    lend = partial(world.treasury.lend, lane=LANE, voucher_id=VOUCHER, need_micro=200 * WON)
    assert await lend(n=n) == Lent(100 * WON, 0)
    await world.reserve(n, 60 * WON)
    nothing = NothingFree(pending=False, free_micro=0)
    assert await lend(n=n) == nothing
    world.purse.restart()
    n = await world.treasury.renew_epoch(LANE, n)
    nothing = NothingFree(pending=True, free_micro=0)
    assert await lend(n=n) == nothing


async def test_a_suspended_voucher_is_lent_nothing_and_the_purse_is_told(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    await world.fund(government_won=1_000_000, state="suspended")
    async with world.pool.connection() as conn:
        await push_loans(world.purse, conn, lanes=[LANE])
    assert world.purse.data.lane(LANE).vouchers[n, VOUCHER].loan.state == "suspended"
    outcome = await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=WON)
    assert isinstance(outcome, Lent | NothingFree)
    assert (await world.funds())[0] == 500_000 * WON


async def test_a_lowered_grant_takes_back_what_is_lent_and_unspent(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=900_000 * WON)
    await world.reserve(n, 300_000 * WON)
    with pytest.raises(BelowSpent):
        await world.fund(government_won=400_000)
    change = FundsChange(VOUCHER, COMPANY, "p", 400_000 * WON, 0, 1_000_000, 4_000_000_000_000, "active")
    async with world.pool.connection() as conn:
        await prepare_change(world.purse, conn, change)
    await world.fund(government_won=400_000)
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert balance.limit_micro == 400_000 * WON
    async with world.pool.connection() as conn:
        assert await reclaim(world.purse, conn, VOUCHER, 400_000 * WON) == 100_000 * WON
    with pytest.raises(BelowSpent):
        await world.fund(government_won=299_999)
    accounts = await world.sound()
    assert accounts[f"voucher/{VOUCHER}/allotment/{LANE}.{n}"] == 300_000 * WON


async def test_key_spending_is_zero_for_a_key_without_calls(world: World) -> None:
    assert await world.treasury.key_spent_micro("nobody", 20_000) == 0


async def test_a_gateway_is_told_which_epochs_wait_for_it(world: World) -> None:
    await world.treasury.current_epoch(LANE)
    assert await world.treasury.poll("g1") == ()
    world.purse.restart()
    await world.treasury.current_epoch(LANE)
    assert await world.treasury.poll("g1") == ((LANE, 1),)


async def test_a_gateway_that_fell_silent_is_missing_for_a_while(world: World) -> None:
    """Long enough for what it held to be swept, and no longer; its own silence tells nobody anything."""
    for gateway_id in ("g1", "g2"):
        await world.treasury.poll(gateway_id)

    async def unseen(seconds: float) -> tuple[bool, bool]:
        async with world.pool.connection() as conn:
            await conn.execute(
                "update gateway set seen_at = clock_timestamp() - make_interval(secs => %s) where id = 'g1'",
                [seconds],
            )
        return await world.treasury.is_gateway_missing("g2"), await world.treasury.is_gateway_missing("g1")

    assert [await unseen(seconds) for seconds in (2, 6, 20, 40)] == [
        (False, False),
        (True, False),
        (True, False),
        (False, False),
    ]
