"""The limit a purse is told follows what it counted, whichever end of a call the books heard of first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.closing import close_epochs
from billing.database import Connection, Pool
from billing.loans import push_loans
from billing.posting import Poster
from billing.posting_events import Charge
from billing.posting_rules import apply_event
from billing.posting_state import BooksState, Outcome
from tests.fakes.books_world import LANE, VOUCHER, WON, World
from tests.fakes.posted import books_of, ended


def _end(micro: int, *, kind: str = "settled", gateway: str = "g1", counted: bool = False) -> Charge:
    started_ms = 2 if gateway == "g2" else 1
    return ended("a", micro, kind=kind, gateway=gateway, started_ms=started_ms, counted=counted)


def _books(epoch: str = "open") -> BooksState:
    return books_of(free=0, lent={1: (1000, epoch)})


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    events: tuple[Charge, ...]
    beyond: int  # what the loan paid and the purse did not count


@pytest.mark.parametrize(
    "case",
    [
        Case("counted", (_end(60, counted=True),), 0),
        Case("late", (_end(60),), 60),
        Case("late, and sent again", (_end(60), _end(60)), 60),
        Case("late, then counted where the hold still was", (_end(60), _end(60, counted=True)), 0),
        Case("told once more", (_end(60), _end(60, counted=True), _end(60, counted=True)), 0),
        Case("counted, then sent again", (_end(60, counted=True), _end(60), _end(60, counted=True)), 0),
        Case("late, then swept there", (_end(60), _end(10, kind="swept", counted=True)), 50),
        Case("swept there, then late", (_end(10, kind="swept", counted=True), _end(60)), 50),
        Case("released late, then swept there", (_end(0), _end(10, kind="swept", counted=True)), -10),
        Case("late, then made again there", (_end(60), _end(70, gateway="g2", counted=True)), 0),
        Case(
            "late, made again there, and that told once more",
            (_end(60), _end(70, gateway="g2", counted=True), _end(70, gateway="g2", counted=True)),
            0,
        ),
    ],
    ids=lambda case: case.name,
)
def test_what_the_purse_did_not_count(case: Case) -> None:
    books, out = _books(), Outcome()
    for event in case.events:
        apply_event(books, out, event)
    assert books.loans[LANE, 1, VOUCHER].beyond_micro == case.beyond


@given(
    ends=st.permutations([_end(60), _end(60), _end(60, counted=True), _end(60, counted=True)])
    | st.permutations([_end(60), _end(10, kind="swept", counted=True), _end(10, kind="swept", counted=True)]),
    cut=st.integers(0, 4),
)
def test_one_end_is_counted_once_in_any_order(ends: list[Charge], cut: int) -> None:
    """Also where the books are written and read between: what they remember is in them."""
    books, out = _books(), Outcome()
    for index, event in enumerate(ends):
        if index == cut:
            out = Outcome()
        apply_event(books, out, event)
    [counted] = {end.charge_micro for end in ends if end.counted}
    loan = books.loans[LANE, 1, VOUCHER]
    assert loan.posted_micro - loan.beyond_micro == counted
    assert not books.uncounted


def test_of_an_epoch_that_is_over_no_limit_is_told() -> None:
    books, out = _books("closing"), Outcome()
    apply_event(books, out, _end(60))
    apply_event(books, out, _end(60, counted=True))
    assert not books.uncounted
    assert not out.uncounted
    assert books.loans[LANE, 1, VOUCHER].beyond_micro == 0


async def _holding(pool: Pool, conn: Connection) -> tuple[World, Poster, int, str]:
    """-> a call that holds 700 of the 1,000 won, in an epoch"""
    world = World(pool)
    await world.fund(government_won=1000)
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1000 * WON)
    op = await world.reserve(n, 700 * WON)
    return world, poster, n, op


async def test_a_data_set_that_was_away_comes_back_and_counts(pool: Pool, conn: Connection) -> None:
    """Else what it holds for others could not be lent to them until the epoch is over."""
    world, poster, n, op = await _holding(pool, conn)
    ours, world.purse.data = world.purse.data, type(world.purse.data)()
    await world.settle(op, n, 700 * WON)  # late: it knows no hold
    await poster.post_once()
    world.purse.data = ours
    await world.settle(op, n, 700 * WON)
    stream = ours.lane(LANE).log
    entries = list(stream)
    await poster.post_once()
    stream[:] = entries  # as a worker leaves it that dies before it can empty it
    await poster.post_once()
    assert await _rows(conn, "select beyond_micro, posted_micro from loan") == [(0, 700 * WON)]
    assert await _rows(conn, "select op from uncounted") == []
    await push_loans(world.purse, conn, lanes=[LANE])
    await world.call(n, 300 * WON)
    await poster.post_once()
    await world.sound()


async def test_forgotten_with_its_epoch(pool: Pool, conn: Connection) -> None:
    world, poster, n, op = await _holding(pool, conn)
    world.purse.data = type(world.purse.data)()
    await world.settle(op, n, 700 * WON)
    await poster.post_once()
    assert await _rows(conn, "select op, n, lane from uncounted") == [(op, n, LANE)]
    await world.treasury.renew_epoch(LANE, n)
    await conn.execute("update lane_epoch set drained = true where n = %s", [n])
    await close_epochs(conn, lanes=[LANE])
    assert await _rows(conn, "select op from uncounted") == []


async def _rows(conn: Connection, query: str) -> list[tuple[object, ...]]:
    return await (await conn.execute(query.encode())).fetchall()
