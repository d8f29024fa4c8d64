"""Admission and settlement of one process: who is served, who waits, who is refused and with what word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.journal import Journal
from metering.meter import BOOKS_SILENT_MAX_S
from metering.purse import ReserveRequest, Settled
from metering.wish import (
    Exhausted,
    FundsHeld,
    Held,
    LimitReached,
    MeterUnavailable,
    VoucherEnded,
    Wish,
)
from tests.fakes.meter_world import event, meter_world, voucher
from tests.fakes.virtual_time import in_virtual_time


async def said(asking: Awaitable[Held]) -> str:
    """The amount granted, or the word of the refusal."""
    try:
        return str((await asking).granted_micro)
    except (Exhausted, FundsHeld, LimitReached, MeterUnavailable, VoucherEnded) as refused:
        return type(refused).__name__


# -- the plain way


@in_virtual_time
async def test_a_call_is_held_settled_acknowledged_and_forgotten(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        assert (held.granted_micro, held.voucher, w.meter.holds_open) == (100, w.vouchers[0], 1)
        assert await w.balance() == (0, 100)
        outcome = await w.settle(held, 30)
        assert isinstance(outcome, Settled)
        assert (outcome.spent_micro, outcome.held_micro) == (30, 0)
        assert (w.meter.holds_open, w.meter.unposted) == (0, 1)
        await w.acknowledge("a")
        await asyncio.sleep(1.1)
        assert w.meter.unposted == 0


@in_virtual_time
async def test_a_running_call_may_raise_its_hold(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        await w.meter.extend(held, want_micro=300, least_micro=200, floor_micro=0, floor_output_tokens=0)
        assert (held.granted_micro, await w.balance()) == (300, (0, 300))
        w.purse.deaf.add("extend")
        with pytest.raises(MeterUnavailable):
            await w.meter.extend(held, want_micro=400, least_micro=0, floor_micro=0, floor_output_tokens=0)
        w.treasury.grant(w.vouchers[0], 0)
        w.treasury.funds["v1"].version = 5
        assert not await w.meter.lend_more(held, 1)


# -- money is short


@in_virtual_time
async def test_exhausted_only_where_free_and_held_together_cannot_pay(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 100) as w:
        assert await said(w.hold("a", 101)) == "Exhausted"
        held = await w.hold("b", 60)
        assert await said(w.hold("c", 50)) == "FundsHeld", "it could be paid if b cost nothing"
        assert await said(w.hold("d", 101)) == "Exhausted", "it could not"
        await w.settle(held, 60)
        assert await said(w.hold("e", 41)) == "Exhausted"
        assert await said(w.hold("f", 40)) == "40"


@in_virtual_time
async def test_money_frozen_in_a_former_epoch_may_come_back(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 10) as w:
        await w.settle(await w.hold("a", 10), 10)
        w.treasury.pending = True
        assert await said(w.hold("b", 10)) == "FundsHeld"
        w.treasury.pending = False
        await asyncio.sleep(1)
        assert await said(w.hold("c", 10)) == "Exhausted"


@in_virtual_time
async def test_what_the_treasury_still_has_is_asked_for(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        w.treasury.lends_at_once_micro = 100
        assert await said(w.hold("a", 350)) == "350", "loan after loan, as far as it needs"
        assert await said(w.hold("b", 651)) == "FundsHeld"


@in_virtual_time
async def test_who_waits_is_served_in_order_as_calls_end(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 100, wait_for_funds_s=10) as w:
        held = await w.hold("first", 100)
        order: list[str] = []

        async def wait(op: str) -> None:
            waiting = await w.hold(op, 40)
            order.append(op)
            await asyncio.sleep(0.5)
            await w.settle(waiting, 10)

        tasks = []
        for op in "abcd":
            tasks.append(asyncio.ensure_future(wait(op)))
            await asyncio.sleep(0.01)
        assert (w.meter.waiting, order) == (4, [])
        await w.settle(held, 20)
        await asyncio.sleep(0.2)
        assert order == ["a", "b"], "80 are left: two of 40"
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "d"]
        assert await w.balance() == (60, 0)


@in_virtual_time
async def test_a_small_call_does_not_overtake_one_that_waits(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 100, wait_for_funds_s=10) as w:
        held = await w.hold("first", 60)
        large = asyncio.ensure_future(w.hold("large", 90))
        await asyncio.sleep(0.1)
        small = asyncio.ensure_future(w.hold("small", 10))
        await asyncio.sleep(0.2)
        assert not small.done(), "40 are free, and 90 were asked for before"
        await w.settle(held, 0)
        assert (await large).granted_micro == 90
        assert (await small).granted_micro == 10


@in_virtual_time
async def test_patience_ends(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 100, wait_for_funds_s=2) as w:
        await w.hold("first", 100)
        began_s = asyncio.get_running_loop().time()
        assert await said(w.hold("a", 40)) == "FundsHeld"
        assert 1.9 < asyncio.get_running_loop().time() - began_s < 2.2
        assert w.meter.waiting == 0


@in_virtual_time
async def test_several_vouchers_pay_in_their_order(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 100, 300) as w:
        first, second = await w.hold("a", 80), await w.hold("b", 80)
        assert [h.voucher.voucher_id for h in (first, second)] == ["v1", "v2"]
        assert await said(w.hold("c", 301)) == "Exhausted"
        assert await said(w.hold("d", 250)) == "FundsHeld", "v2 could, if b cost nothing"
        assert await said(w.hold("e", 220)) == "220"
        assert await said(w.hold("f", 20)) == "20", "from the first, which has 20"
        assert (await w.balance("v1"), await w.balance("v2")) == ((0, 100), (0, 300))


@in_virtual_time
async def test_a_voucher_without_a_loan_does_not_stand_in_the_way_of_another(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 0, 100) as w:
        w.treasury.funds["v1"].version = 1  # its all is lent elsewhere: nothing can be lent here
        held = await w.hold("a", 50)
        assert held.voucher.voucher_id == "v2"


@in_virtual_time
async def test_a_voucher_that_ended_by_the_purses_clock(tmp_path: Path) -> None:
    async with meter_world(tmp_path) as w:
        ended = voucher(ends_ms=w.clock_ms[0])
        w.treasury.grant(ended, 100)
        assert await said(w.hold("a", 10, vouchers=(ended,))) == "VoucherEnded"


# -- limits of a key


@in_virtual_time
async def test_the_books_are_asked_once_what_a_key_spent_today(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        limits = KeyLimits(krw_per_day_micro=100)
        w.treasury.day_spent_micro = 70
        assert await said(w.hold("a", 20, limits=limits)) == "20"
        assert await said(w.hold("b", 10, limits=limits)) == "10"
        assert await said(w.hold("c", 1, limits=limits)) == "LimitReached"
        assert w.treasury.day_asked == [("gaonde/backend", 20_717)]


@in_virtual_time
async def test_a_limit_is_told_with_its_time(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        limits = KeyLimits(requests_per_minute=1)
        await w.hold("a", 1, limits=limits)
        w.clock_ms[0] += 20_000
        with pytest.raises(LimitReached) as reached:
            await w.hold("b", 1, limits=limits)
        assert (reached.value.limit, reached.value.retry_ms) == ("requests_per_minute", 40_000)


# -- the purse or the books are away


@in_virtual_time
async def test_books_that_are_away_refuse_what_needs_them_and_only_that(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        w.treasury.silent = True
        assert await said(w.hold("a")) == "MeterUnavailable", "the lane's epoch is not known"
        w.treasury.silent = False
        assert await said(w.hold("b")) == "100"
        w.treasury.silent = True
        assert await said(w.hold("c")) == "100", "what is lent may be spent"
        assert await said(w.hold("d", limits=KeyLimits(krw_per_day_micro=1000))) == "MeterUnavailable"
        assert await said(w.hold("e", 900)) == "MeterUnavailable", "never 402 where nobody can say so"


@in_virtual_time
async def test_books_that_are_silent_for_too_long_end_all_admission(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        assert await said(w.hold("a", 1)) == "1"
        w.treasury.silent = True
        await asyncio.sleep(BOOKS_SILENT_MAX_S - 5)
        assert await said(w.hold("b", 1)) == "1"
        await asyncio.sleep(10)
        assert await said(w.hold("c", 1)) == "MeterUnavailable"
        w.treasury.silent = False
        await asyncio.sleep(1.1)
        assert await said(w.hold("d", 1)) == "1"


@in_virtual_time
async def test_too_much_unposted_ends_admission_until_it_is_taken(tmp_path: Path) -> None:
    size = len(event("a").to_bytes())
    async with meter_world(tmp_path, 1000, unposted_bytes_max=size + size // 2) as w:
        one, two = await w.hold("a", 10), await w.hold("b", 10)
        await w.settle(one)
        await w.settle(two)
        assert await said(w.hold("c", 10)) == "MeterUnavailable"
        await w.acknowledge("a")
        await asyncio.sleep(1.1)
        assert await said(w.hold("c", 10)) == "10"


@in_virtual_time
@pytest.mark.parametrize("fault", ["deaf", "mute"])
async def test_a_settlement_the_purse_missed_is_sent_again_and_counts_once(
    tmp_path: Path, fault: str
) -> None:
    """Word lost or answer lost: None, no error, since the disk has it; and one effect in the end."""
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        faults: set[str] = getattr(w.purse, fault)
        faults.add("settle")
        assert await w.settle(held, 30) is None
        assert w.meter.holds_open == 0
        faults.clear()
        await asyncio.sleep(3)
        assert await w.balance() == (30, 0)
        [entry] = await w.entries()
        assert UsageEvent.from_bytes(entry.fields["e"]).charge_micro == 30
        await w.acknowledge("a")
        await asyncio.sleep(1.1)
        assert w.meter.unposted == 0


@in_virtual_time
async def test_where_neither_disk_nor_purse_took_it_the_call_is_no_success(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        w.purse.deaf.add("settle")
        fill(w.meter._journal)
        with pytest.raises(MeterUnavailable):
            await w.settle(held, 30)
        w.purse.deaf.clear()
        await asyncio.sleep(3)
        assert (await w.balance(), await w.ops()) == ((30, 0), ["a"]), "but it is not forgotten either"


@in_virtual_time
async def test_the_disk_alone_may_fail(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        fill(w.meter._journal)
        assert isinstance(await w.settle(held, 30), Settled)


def fill(journal: Journal) -> None:
    """No segment is left to write to, and no place for another."""
    journal._current.written_bytes = 1 << 40
    journal._directory /= "nowhere"


# -- life


@in_virtual_time
async def test_the_charges_of_a_dead_process_are_delivered_at_start(tmp_path: Path) -> None:
    dead = Journal(tmp_path, "dead")
    for made in (event("a", gateway_id="dead"), event("b", gateway_id="dead")):
        dead.append(made.op, made.to_bytes())
    dead.append("torn", b'{"meta": {"op"')
    dead.append("odd", b"[1]")
    dead.close()
    async with meter_world(tmp_path, 1000) as w:
        assert w.meter.unposted == 2
        await asyncio.sleep(1.1)
        assert await w.ops() == ["a", "b"]
        await w.purse.push_acks(lane=w.lane, acks={"dead": ["a", "b"]})
        await asyncio.sleep(1.1)
        assert w.meter.unposted == 0


@in_virtual_time
async def test_closing_waits_a_moment_for_the_books_and_keeps_the_rest(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        for op in "ab":
            await w.settle(await w.hold(op, 10))
        closing = asyncio.ensure_future(w.meter.close(patience_s=3))
        await asyncio.sleep(1)
        assert not closing.done()
        await w.acknowledge("a", "b")
        await asyncio.sleep(0.2)
        assert closing.done()
        assert list_of(tmp_path) == []
        w.meter._journal = Journal(tmp_path, "g1")  # for the world's own close


@in_virtual_time
async def test_closing_does_not_wait_for_books_that_never_answer(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("a", 10))
        w.treasury.hangs = True
        async with asyncio.timeout(4):
            await w.meter.close(patience_s=3)
        assert list_of(tmp_path) == ["g1.1.log"]
        w.meter._journal = Journal(tmp_path, "g1")


def list_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@in_virtual_time
async def test_a_hold_whose_answer_was_lost_is_ended_as_released(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("before", 1), 0)
        w.purse.mute.add("reserve")
        assert await said(w.hold("a", 100)) == "MeterUnavailable"
        assert (await w.balance(), w.meter.holds_open) == ((0, 100), 0)
        w.purse.mute.clear()
        await asyncio.sleep(3)
        assert await w.balance() == (0, 0)
        released = UsageEvent.from_bytes((await w.entries())[-1].fields["e"])
        assert (released.op, released.status, released.charge_micro) == ("a", "released", 0)


@in_virtual_time
async def test_so_is_one_whose_caller_was_cancelled_while_it_was_asked_for(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("before", 1), 0)
        w.purse.hanging.add("reserve")
        asking = asyncio.ensure_future(w.hold("a", 100))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait([asking])
        w.purse.hanging.clear()
        await w.purse.reserve(request_of(w.wish("a", 100)))  # the word arrived after all
        await asyncio.sleep(3)
        assert await w.balance() == (0, 0)
        assert (await w.ops())[-1] == "a"


def request_of(wish: Wish) -> ReserveRequest:
    return ReserveRequest(
        op=wish.meta.op,
        lane=wish.meta.lane,
        n=1,
        gateway_id="g1",
        vouchers=tuple(v.voucher_id for v in wish.vouchers),
        want_micro=wish.want_micro,
        least_micro=wish.least_micro,
        key_id=wish.meta.key_id,
        tokens=wish.tokens,
        limits=wish.limits,
        meta=wish.meta.to_bytes(),
    )


@in_virtual_time
async def test_a_reserve_that_never_arrived_leaves_nothing(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("before", 1), 0)
        w.purse.deaf.add("reserve")
        assert await said(w.hold("a", 100)) == "MeterUnavailable"
        w.purse.deaf.clear()
        await asyncio.sleep(20)
        assert await w.ops() == ["before"]
        assert w.meter._orphans == {}
