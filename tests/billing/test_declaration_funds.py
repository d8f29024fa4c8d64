"""A declaration and the books: grants become funds, and are never lowered below what is spent and held."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing.database import Pool
from billing.expiry import expire_vouchers
from billing.ledger.store import trial_balance
from metering.purse import PurseUnavailable
from metering.purse_memory import MemoryPurse
from tests.fakes.books_world import LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import COMPANY, PROGRAMME, World, edited
from tests.fakes.declared_world import VOUCHER as DECLARED

WHOLE = PROGRAMME + COMPANY + DECLARED
# Where money is lent, which goes by the database's clock: the voucher outlives the test.
LASTING = edited(WHOLE, "ends_on: 2026-12-31", "ends_on: 2099-12-31")


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
    await world.apply(LASTING)
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
    await world.apply(LASTING)
    books = Books(pool)
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=300_000 * WON)
    refusal = await world.refusal(voucher(government_krw=1), purse=_Away(now_ms=books.clock))
    assert "300000 won are held" in refusal


async def expire(world: World) -> None:
    """The worker's turn, long after everything's end."""
    await world.conn.execute("update funds set ends_ms = 1 where voucher_id = %s", [VOUCHER])
    assert await expire_vouchers(MemoryPurse(now_ms=lambda: 0), world.conn, lanes=range(64)) == 1


async def test_what_was_granted_again_is_not_brought_back(world: World) -> None:
    """An ended voucher's rest is the budget's; a later end would promise it twice."""
    narrow = edited(PROGRAMME, "budget_krw: 1000000", "budget_krw: 500000")
    await world.apply(narrow + COMPANY + DECLARED + "    ends_on: 2026-06-30\n")
    await expire(world)
    other = (
        "- {id: second, company: gaonde, programme: ai-2026, government_krw: 500000, ends_on: 2026-12-31}\n"
    )
    assert "500001 won, above its budget" in await world.refusal(
        "vouchers:\n" + other.replace("500000", "500001")
    )
    await world.apply("vouchers:\n" + other)
    # The whole file again: what has ended stays ended.
    whole = narrow + COMPANY + DECLARED + "    ends_on: 2026-06-30\n" + other.replace("- {", "  - {")
    assert (await world.apply(whole)).changed == ()
    refusal = await world.refusal(voucher(ends_on="2026-12-31"))
    assert "come to 800000 won, above its budget of 500000 won" in refusal


async def test_a_programme_s_later_end_brings_nothing_back_that_was_granted_again(world: World) -> None:
    ended = edited(PROGRAMME, "ends_on: 2026-12-31", "ends_on: 2026-06-30")
    await world.apply(edited(ended, "budget_krw: 1000000", "budget_krw: 300000") + COMPANY + DECLARED)
    await expire(world)
    other = "{id: second, company: gaonde, programme: ai-2026, government_krw: 300000}"
    await world.apply(f"vouchers:\n- {other}\n")
    refusal = await world.refusal("programmes:\n- {id: ai-2026, ends_on: 2026-12-31}\n")
    assert "come to 600000 won, above its budget of 300000 won" in refusal
