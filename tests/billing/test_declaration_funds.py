"""A declaration and the books: grants become funds, and are never lowered below what is spent and held."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing.database import Pool
from billing.ledger.store import trial_balance
from metering.purse import PurseUnavailable
from metering.purse_memory import MemoryPurse
from tests.fakes.books_world import LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import COMPANY, PROGRAMME, World
from tests.fakes.declared_world import VOUCHER as DECLARED

WHOLE = PROGRAMME + COMPANY + DECLARED


@pytest.fixture
async def world(pool: Pool) -> AsyncIterator[World]:
    async with pool.connection() as conn:
        yield World(conn)


async def funds(world: World) -> tuple[object, ...]:
    cursor = await world.conn.execute(
        "select government_micro, self_micro, capacity_micro, ends_ms, state from funds"
    )
    (row,) = await cursor.fetchall()
    return tuple(row)


def voucher(**changes: object) -> str:
    values = "".join(f", {name}: {value}" for name, value in changes.items())
    return f"vouchers:\n- {{id: {VOUCHER}{values}}}\n"


async def test_a_grant_becomes_funds_and_follows_the_declaration(world: World) -> None:
    await world.apply(WHOLE)
    end_of_2026_ms = 1_798_729_200_000  # 2027-01-01T00:00+09:00
    granted = (300_000 * WON, 100_000 * WON)
    assert await funds(world) == (*granted, 400_000 * WON, end_of_2026_ms, "active")
    await world.apply(voucher(state="suspended", self_deposit_krw=50_000, ends_on="2026-06-30"))
    end_of_june_ms = 1_782_831_600_000
    assert await funds(world) == (granted[0], 50_000 * WON, 200_000 * WON, end_of_june_ms, "suspended")
    balance = await trial_balance(world.conn)
    assert balance.faults == ()


async def test_a_programme_s_new_dates_reach_the_funds_of_vouchers_not_named(world: World) -> None:
    await world.apply(WHOLE)
    await world.apply("programmes:\n- {id: ai-2026, ends_on: 2027-01-31}\n")
    assert (await funds(world))[3] == 1_798_729_200_000 + 31 * 86_400_000


async def test_a_grant_is_not_lowered_below_what_is_spent_and_held(pool: Pool, world: World) -> None:
    await world.apply(WHOLE)
    books = Books(pool)
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=300_000 * WON)
    await books.reserve(n, 200_000 * WON)
    # The line reaches 200,000 won with 150,000 of the grant; a purse gives back what nobody holds.
    lower = voucher(government_krw=150_000)
    refusal = await world.refusal(lower)
    assert refusal.startswith(
        "house.yaml:2: vouchers[0].government_krw: 0 won are spent and 300000 won are held: together more"
    )
    assert (await funds(world))[0] == 300_000 * WON
    assert (await world.apply(lower, purse=books.purse)).changed == (f"voucher/{VOUCHER}",)
    assert (await funds(world))[0] == 150_000 * WON
    refusal = await world.refusal(voucher(government_krw=149_999), purse=books.purse)
    assert "200000 won are held" in refusal
    assert len(refusal.splitlines()) == 1
    await books.sound()


class _Away(MemoryPurse):
    async def recall(self, *args: object, **kwargs: object) -> int:
        raise PurseUnavailable("away")


async def test_a_purse_that_is_away_leaves_what_is_lent_held(pool: Pool, world: World) -> None:
    await world.apply(WHOLE)
    books = Books(pool)
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=300_000 * WON)
    refusal = await world.refusal(voucher(government_krw=1), purse=_Away(now_ms=books.clock))
    assert "300000 won are held" in refusal
