"""The lease of a living gateway: renewed whatever hangs beside it; noticed where it was missed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from metering.purse import LEASE_MS
from tests.fakes.meter_world import MeterWorld, meter_world
from tests.fakes.virtual_time import in_virtual_time, sleep_through


async def renewals_in(world: MeterWorld, seconds: float) -> int:
    before = world.purse.heard.count("renew_lease")
    await asyncio.sleep(seconds)
    return world.purse.heard.count("renew_lease") - before


@in_virtual_time
async def test_it_is_renewed_every_two_seconds(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        assert 9 <= await renewals_in(w, 20) <= 11
        w.clock_ms[0] += LEASE_MS - 1
        assert await w.purse.lease_alive("g1")


@in_virtual_time
async def test_books_that_never_answer_do_not_cost_the_lease(tmp_path: Path) -> None:
    """The tick waited for the books and the lease for the tick: the living were swept under load."""
    async with meter_world(tmp_path, 1000) as w:
        w.treasury.hangs = True
        assert await renewals_in(w, 60) >= 29
        assert not w.meter.was_asleep


@in_virtual_time
async def test_a_resend_that_blocks_does_not_cost_the_lease(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a")
        w.purse.deaf.add("settle")
        assert await w.settle(held) is None
        w.purse.deaf.clear()
        w.purse.hanging.add("settle")
        assert await renewals_in(w, 60) >= 29
        assert not w.meter.was_asleep


@in_virtual_time
async def test_a_purse_that_is_away_is_asked_again(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        w.purse.deaf.add("renew_lease")
        await asyncio.sleep(30)
        asleep = [w.meter.was_asleep]
        w.purse.deaf.clear()
        await asyncio.sleep(2.1)
        asleep.append(w.meter.was_asleep)
        assert asleep == [True, False]


@in_virtual_time
async def test_a_hold_is_ours_until_it_was_swept(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a")
        sleep_through(11)
        assert w.meter.was_asleep
        assert await w.meter.still_ours(held)
        await w.purse.sweep(lane=w.lane, n=1, op="a", gateway_id="g1")
        assert not await w.meter.still_ours(held)


@in_virtual_time
async def test_who_cannot_ask_goes_on(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a")
        w.purse.deaf.add("extend")
        assert await w.meter.still_ours(held)


@in_virtual_time
async def test_an_epoch_that_ended_is_no_sweep(tmp_path: Path) -> None:
    """Running calls go on; their settlements are late."""
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a")
        w.purse.flush()
        assert await w.meter.still_ours(held)
        assert await w.settle(held) is None
        assert await w.ops() == ["a"]
