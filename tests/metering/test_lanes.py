"""Epochs as one gateway meets them: followed, renewed and left with nothing unsaid; loans asked for once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from metering.directory import KeyLimits
from metering.event import OpenHold
from metering.purse import HoldRef, Reserved, ReserveRequest
from metering.treasury import LendOutcome, NothingFree
from metering.wish import MeterUnavailable
from tests.fakes.memory_treasury import MemoryTreasury
from tests.fakes.meter_world import LANE, MeterWorld, meter_world, said
from tests.fakes.virtual_time import in_virtual_time


async def turn_epoch(world: MeterWorld) -> int:
    """The books open another epoch in this data set, as another gateway's finding would make them."""
    n = world.treasury.newest[LANE]
    ticket = await world.purse.vacate(lane=LANE, nonce="x", used_ticket=None, stale_n=n)
    assert ticket is not None
    world.treasury.newest[LANE] = n + 1
    assert await world.purse.open(lane=LANE, n=n + 1, ticket=ticket)
    for fund in world.treasury.funds.values():
        fund.free_micro, fund.lent_micro, fund.version = fund.free_micro + fund.lent_micro, 0, 0
    return n + 1


def refill(world: MeterWorld) -> None:
    """The books count what the lost epoch had as theirs again."""
    for fund in world.treasury.funds.values():
        fund.free_micro, fund.lent_micro = fund.free_micro + fund.lent_micro, 0


@in_virtual_time
@pytest.mark.parametrize("loss", ["flush", "restart"])
async def test_a_purse_that_lost_its_epoch_gets_another(tmp_path: Path, loss: str) -> None:
    async with meter_world(tmp_path, 1000) as w:
        first = await w.hold("a")
        getattr(w.purse, loss)()
        refill(w)
        second = await w.hold("b")
        assert (first.ref.n, second.ref.n, w.treasury.renewed) == (1, 2, [0, 1])
        assert await w.settle(first, 10) is None, "late: news for the books, no money here"
        assert await w.balance() == (0, 100)
        assert await w.ops() == ["a"]


@in_virtual_time
async def test_many_who_find_it_lost_ask_the_books_once(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a")
        w.purse.flush()
        refill(w)
        held = await asyncio.gather(*[w.hold(f"b{i}", 10) for i in range(8)])
        assert {h.ref.n for h in held} == {2}
        assert w.treasury.renewed == [0, 1]


@in_virtual_time
async def test_a_later_epoch_is_followed_without_asking(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a")
        asked = len(w.treasury.renewed)
        assert await turn_epoch(w) == 2
        assert (await w.hold("b")).ref.n == 2
        assert len(w.treasury.renewed) == asked


@in_virtual_time
async def test_an_earlier_epoch_is_the_books_affair(tmp_path: Path) -> None:
    """An old data set came back: nobody goes back to a number it has passed."""
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a")
        older = w.purse.data.snapshot()
        await turn_epoch(w)
        assert (await w.hold("b")).ref.n == 2
        w.purse.data = older  # the same replication id: the fence alone does not see it
        refill(w)
        assert (await w.hold("c")).ref.n == 3
        assert w.treasury.renewed[-1] == 2


@in_virtual_time
async def test_a_lost_epoch_while_the_books_are_away(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a")
        w.purse.flush()
        w.treasury.silent = True
        with pytest.raises(MeterUnavailable):
            await w.hold("b")


# -- leaving


@in_virtual_time
async def test_the_last_word_on_an_epoch_is_whole(tmp_path: Path) -> None:
    """All events the books may lack and all holds still open, and none of another epoch."""
    async with meter_world(tmp_path, 1000) as w:
        running = await w.hold("running", 70)
        done, known = await w.hold("done", 100), await w.hold("known", 100)
        await w.settle(done, 30)
        await w.settle(known, 20)
        await w.acknowledge("known")
        await turn_epoch(w)
        await w.settle(await w.hold("new", 5), 1)
        w.treasury.closing = ((LANE, 1),)
        await asyncio.sleep(1.5)
        notice = (await w.notices())[0]
        assert (notice.gateway_id, notice.lane, notice.n) == ("g1", LANE, 1)
        assert [(e.op, e.charge_micro) for e in notice.events] == [("done", 30)]
        assert notice.open_holds == (OpenHold("running", "v1", 70),)
        [first, *_] = await w.entries("left")
        assert (first.op, first.n) == (f"left:g1:{LANE}:1", 1)
        assert await w.settle(running, 7) is None
        await asyncio.sleep(1)
        assert (await w.notices())[-1].open_holds == ()


@in_virtual_time
async def test_it_is_said_again_until_the_books_have_heard_it(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("a", 10))
        await turn_epoch(w)
        w.treasury.closing = ((LANE, 1),)
        w.purse.deaf.add("note")
        await asyncio.sleep(3)
        assert await w.notices() == []
        w.purse.deaf.clear()
        await asyncio.sleep(2.5)
        assert len(await w.notices()) >= 2, "with one op, so that it counts once"
        assert {entry.op for entry in await w.entries("left")} == {f"left:g1:{LANE}:1"}
        w.treasury.closing = ()
        said = len(await w.notices())
        await asyncio.sleep(3)
        assert len(await w.notices()) == said


@in_virtual_time
async def test_nobody_leaves_while_a_reserve_of_that_epoch_is_on_its_way(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("a", 10))
        w.purse.hanging.add("reserve")
        asking = asyncio.ensure_future(w.hold("b", 10))
        await asyncio.sleep(0.1)
        await turn_epoch(w)
        w.treasury.closing = ((LANE, 1),)
        await asyncio.sleep(3)
        assert await w.notices() == []
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.sleep(1.1)
        assert len(await w.notices()) == 1


@in_virtual_time
async def test_the_epoch_in_use_is_not_left(tmp_path: Path) -> None:
    """The books may close what the purse still holds; until there is a later one we stay."""
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a", 10)
        w.treasury.closing = ((LANE, 1),)
        await asyncio.sleep(3)
        assert await w.notices() == []
        await turn_epoch(w)
        await asyncio.sleep(1.1)
        notices = await w.notices()  # said again with every poll until the books have it
        assert notices
        assert {notice.n for notice in notices} == {1}
        assert (await w.hold("b", 10)).ref.n == 2


@in_virtual_time
async def test_who_never_used_the_lane_leaves_at_once(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        w.treasury.closing = ((LANE, 7),)
        await asyncio.sleep(1.1)
        [notice] = await w.notices()
        assert (notice.n, notice.events, notice.open_holds) == (7, (), ())


# -- loans


@in_virtual_time
async def test_a_crowd_that_is_short_asks_for_one_loan(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await asyncio.gather(*[w.hold(f"a{i}", 10) for i in range(20)])
        assert w.treasury.asked == 1


@in_virtual_time
async def test_less_than_half_of_a_loan_asks_for_more_beside_the_calls(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        w.treasury.lends_at_once_micro = 100
        await w.hold("a", 40)
        assert w.treasury.asked == 1
        await w.hold("b", 20)
        await asyncio.sleep(0.01)
        assert w.treasury.asked == 2
        assert w.treasury.funds["v1"].lent_micro == 200


@in_virtual_time
async def test_nothing_free_is_believed_for_a_moment(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 10) as w:
        await w.hold("a", 10)
        lane = w.meter._lanes[LANE]
        await asyncio.sleep(1)
        before = w.treasury.asked
        answers = [await w.meter._lanes.lend(lane, 1, "v1", 1) for _ in range(5)]
        assert all(isinstance(answer, NothingFree) for answer in answers)
        assert w.treasury.asked == before + 1
        await asyncio.sleep(0.4)
        await w.meter._lanes.lend(lane, 1, "v1", 1)
        assert w.treasury.asked == before + 2


@in_virtual_time
async def test_nothing_free_of_slow_books_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """They looked two seconds ago. Meanwhile the grant was raised: the call waits, asks again and runs."""
    async with meter_world(tmp_path, 10) as w:
        await w.hold("a", 10)
        await asyncio.sleep(1)
        w.treasury.answers_after_s = 2.0
        lane = w.meter._lanes[LANE]
        asking = asyncio.create_task(w.meter._lanes.lend(lane, 1, "v1", 1))
        call = asyncio.create_task(w.hold("b", 10))
        await asyncio.sleep(1)
        w.treasury.funds["v1"].free_micro += 10
        w.treasury.answers_after_s = 0.0
        assert await asking == NothingFree(pending=True, free_micro=0)
        assert (await call).granted_micro == 10


@in_virtual_time
async def test_the_rest_went_to_another_gateway_while_the_books_were_asked(tmp_path: Path) -> None:
    """The purse refused before the books did: what the other one holds may come back, so the call waits."""
    async with meter_world(tmp_path, 10) as w:
        fund, lend = w.treasury.funds["v1"], w.treasury.lend

        async def first_not_yet(**asked: Any) -> LendOutcome:
            w.treasury.lend = then_to_another  # type: ignore[method-assign]
            fund.free_micro, kept = 0, fund.free_micro
            await MemoryTreasury.lend(w.treasury, **asked)  # its loan is told, and there is nothing in it
            fund.free_micro = kept
            await asyncio.sleep(0.4)  # so slow that it is not believed
            return NothingFree(pending=False, free_micro=0)

        async def then_to_another(**asked: Any) -> LendOutcome:
            w.treasury.lend = lend  # type: ignore[method-assign]
            await lend(**asked)
            other = replace(w.wish("x", 10).meta, gateway_id="g2")
            request = ReserveRequest(
                op="x", lane=LANE, n=1, gateway_id="g2", vouchers=("v1",), want_micro=10, least_micro=10,
                key_id="k", tokens=1, limits=KeyLimits(), meta=other.to_bytes(), day_spent_micro=None,
                sliced=False,
            )  # fmt: skip
            assert isinstance(await w.purse.reserve(request), Reserved)
            return NothingFree(pending=False, free_micro=0)

        w.treasury.lend = first_not_yet  # type: ignore[method-assign]
        call = asyncio.create_task(said(w.hold("a", 5)))
        await asyncio.sleep(0.7)
        await w.purse.settle(HoldRef(LANE, 1, "x", "v1", "k", "g2"), charge_micro=2, tokens=1, event=b"{}")
        assert await call == "5"


@in_virtual_time
async def test_nothing_free_in_one_epoch_says_nothing_of_the_next(tmp_path: Path) -> None:
    """What the former epoch was lent is frozen until it closes: it may come back, so nobody is refused."""
    async with meter_world(tmp_path, 10) as w:
        lane = w.meter._lanes[LANE]
        await w.hold("a", 10)
        assert await w.meter._lanes.lend(lane, 1, "v1", 1) == NothingFree(pending=False, free_micro=0)
        w.purse.flush()
        await w.meter._lanes.renew(lane, 1)
        await w.meter._lanes.lend(lane, 2, "v1", 1)
        w.treasury.pending = True
        w.treasury.funds["v1"].version = 1
        assert await w.meter._lanes.lend(lane, 2, "v1", 1) == NothingFree(pending=True, free_micro=0)


@in_virtual_time
async def test_a_loan_for_an_epoch_that_was_replaced_leads_to_the_new_one(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.hold("a", 10)
        w.purse.flush()
        refill(w)
        w.treasury.funds["v1"].version = 0
        lane = w.meter._lanes[LANE]
        await w.meter._lanes.lend(lane, 1, "v1", 1)
        assert lane.n == 2
