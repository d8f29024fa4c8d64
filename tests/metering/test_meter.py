"""Admission by one process: who is served, who waits, who is refused and with what word."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from metering.directory import KeyLimits
from metering.purse import Settled
from metering.wish import (
    LimitReached,
    MeterUnavailable,
)
from tests.fakes.meter_world import meter_world, said, voucher
from tests.fakes.virtual_time import in_virtual_time

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
async def test_a_balance_that_was_lost_while_it_was_reckoned_with_refuses_nobody(tmp_path: Path) -> None:
    """Redis forgot everything between the treasury's answer and the look at the second voucher."""
    async with meter_world(tmp_path, 100, 300) as w:
        await w.hold("a", 250)
        w.purse.just_before["balance"] = w.purse.flush
        assert await said(w.hold("b", 200)) == "200"


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
