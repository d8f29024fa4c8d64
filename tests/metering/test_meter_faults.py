"""Purse, books or disk are away: what is refused, what is sent again, what is never called a success."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.journal import Journal
from metering.meter import BOOKS_SILENT_MAX_S
from metering.purse import Settled
from metering.wish import (
    MeterUnavailable,
)
from tests.fakes.meter_world import event, meter_world, said
from tests.fakes.virtual_time import in_virtual_time


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
