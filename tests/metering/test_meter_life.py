"""A meter begins with the charges of the dead, ends with its own written down, and ends orphaned holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from metering.event import UsageEvent
from metering.journal import Journal
from metering.purse import ReserveRequest
from metering.wish import (
    Wish,
)
from tests.fakes.meter_world import MeterWorld, event, meter_world, said
from tests.fakes.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_charges_of_a_dead_process_are_delivered_at_start(tmp_path: Path) -> None:
    dead = Journal(tmp_path, "dead")
    for made in (event("a", gateway_id="dead"), event("b", gateway_id="dead")):
        dead.append(made.ack_name, made.to_bytes())
    dead.append(("torn", "dead"), b'{"meta": {"op"')
    dead.append(("odd", "dead"), b"[1]")
    dead.close()
    async with meter_world(tmp_path, 1000) as w:
        assert w.meter.unposted == 2
        await asyncio.sleep(1.1)
        assert await w.ops() == ["a", "b"]
        await w.purse.push_acks(lane=w.lane, acks={"dead": ["a", "b"]})
        await asyncio.sleep(1.1)
        assert w.meter.unposted == 0


@in_virtual_time
async def test_a_disk_that_is_full_at_start_keeps_what_the_dead_wrote(tmp_path: Path) -> None:
    dead = Journal(tmp_path, "dead")
    dead.append(("a", "dead"), event("a", gateway_id="dead").to_bytes())
    dead.close()
    async with meter_world(tmp_path, 1000, starts=False) as w:
        w.meter._journal._current.written_bytes = 1 << 40
        w.meter._journal._directory /= "nowhere"
        await w.meter.start()
        await asyncio.sleep(1.1)
        assert await w.ops() == ["a"], "it is delivered,"
        assert "dead.1.log" in list_of(tmp_path), "and not lost with this process before it is acknowledged"


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


async def lose_the_answer(w: MeterWorld) -> None:
    """Call `a` is held for in the purse, and its gateway does not know it."""
    await w.settle(await w.hold("before", 1), 0)
    w.purse.mute.add("reserve")
    assert await said(w.hold("a", 100)) == "MeterUnavailable"
    assert (await w.balance(), w.meter.holds_open) == ((0, 100), 0)
    w.purse.mute.clear()


@in_virtual_time
async def test_a_hold_whose_answer_was_lost_is_ended_as_released(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await lose_the_answer(w)
        await asyncio.sleep(3)
        assert await w.balance() == (0, 0)
        released = UsageEvent.from_bytes((await w.entries())[-1].fields["e"])
        assert (released.op, released.status, released.charge_micro) == ("a", "released", 0)


@in_virtual_time
async def test_a_call_made_again_at_once_keeps_the_hold_whose_answer_was_lost(tmp_path: Path) -> None:
    """Its caller repeats the Idempotency-Key before anybody looked for the hold: one call, one charge."""
    async with meter_world(tmp_path, 1000) as w:
        await lose_the_answer(w)
        held = await w.hold("a", 100)
        await asyncio.sleep(3)
        assert await w.balance() == (0, 100), "nobody takes it for one that is nobody's"
        await w.settle(held, 40)
        assert await w.balance() == (40, 0)
        assert [int(entry.fields["charge"]) for entry in await w.entries()] == [0, 40]


@in_virtual_time
async def test_a_call_made_again_after_its_release_waits_for_the_books_to_know_of_it(tmp_path: Path) -> None:
    """An acknowledgement names the call, not its charge: the release's must not pass for the charge's."""
    async with meter_world(tmp_path, 1000) as w:
        await lose_the_answer(w)
        await asyncio.sleep(3)
        assert await w.ops() == ["before", "a"]
        assert await said(w.hold("a", 100)) == "MeterUnavailable", "the release is not acknowledged yet"
        await w.acknowledge("before", "a")
        await asyncio.sleep(3)
        held = await w.hold("a", 100)
        await w.settle(held, 40)
        await w.acknowledge()
        await asyncio.sleep(3)
        assert (await w.balance(), w.meter.unposted) == ((40, 0), 1), "until this one is acknowledged too"
        assert await said(w.hold("a", 100)) == "MeterUnavailable"


@in_virtual_time
async def test_a_call_that_ended_with_a_charge_is_not_begun_again(tmp_path: Path) -> None:
    async with meter_world(tmp_path, 1000) as w:
        await w.settle(await w.hold("a", 100), 40)
        await w.acknowledge("a")
        await asyncio.sleep(3)
        assert w.meter.unposted == 0
        assert await said(w.hold("a", 100)) == "MeterUnavailable"
        assert await w.balance() == (40, 0)


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


@in_virtual_time
async def test_what_a_data_set_brings_back_open_is_ended_though_its_call_was_settled_elsewhere(
    tmp_path: Path,
) -> None:
    """A replica was promoted, took the settlement as late, and the former primary is here again."""
    async with meter_world(tmp_path, 1000) as w:
        held = await w.hold("a", 100)
        there = w.purse.data
        w.purse.data = there.snapshot()
        w.purse.data.lanes.clear()
        await w.settle(held, 40)
        await w.acknowledge("a")
        await asyncio.sleep(3)
        w.purse.data = there
        running = await w.hold("b", 100)
        assert (await w.balance(), w.meter.holds_open) == ((0, 200), 1)
        await asyncio.sleep(25)
        assert await w.balance() == (0, 100), "the one that runs keeps what it holds"
        assert [(e.op, int(e.fields["charge"])) for e in await w.entries()] == [("a", 0)]
        await w.settle(running, 10)


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
        assert len(w.meter._orphans) == 0
