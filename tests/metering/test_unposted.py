"""What is charged and not acknowledged: sent again until it is, and booked once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.journal import Adopted, Journal
from metering.purse import HoldRef, Loan, PurseUnavailable, Reserved, ReserveRequest
from metering.unposted import SEND_AT_ONCE_MAX, UNANSWERED_S, VERIFY_AFTER_S, Unposted, last_words
from tests.fakes.lossy_purse import LossyPurse
from tests.fakes.meter_world import LANE, NOW_MS, event
from tests.fakes.values import replace


@dataclass(slots=True)
class Desk:
    purse: LossyPurse
    journal: Journal
    unposted: Unposted
    directory: Path

    def add(self, op: str, *, now_s: float = 0.0, n: int = 1, lane: int = LANE) -> None:
        made = event(op, n=n, lane=lane)
        hold = HoldRef(made.meta.lane, made.n, op, "v1", made.meta.key_id, "g1")
        self.unposted.add(made, hold=hold, tokens=1, now_s=now_s)

    async def log(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.op) for entry in await self.purse.read_log(lane=LANE, count=9999)]

    async def drop_log(self) -> None:
        """The worker posted all; its acknowledgements were lost on the way."""
        entries = await self.purse.read_log(lane=LANE, count=9999)
        await self.purse.delete_log(lane=LANE, entry_ids=[entry.entry_id for entry in entries])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    purse = LossyPurse(now_ms=lambda: NOW_MS)
    journal = Journal(tmp_path, "g1")
    yield Desk(purse, journal, Unposted(purse=purse, journal=journal), tmp_path)
    journal.close()


async def test_an_acknowledgement_by_name_forgets(desk: Desk) -> None:
    desk.add("a")
    desk.add("b")
    size = desk.unposted.size_bytes
    assert size == 2 * len(event("a").to_bytes())
    await desk.purse.push_acks(lane=LANE, acks={"g1": ["a", "nobody"], "g2": ["b"]})
    await desk.unposted.fetch_acks()
    assert (len(desk.unposted), desk.unposted.size_bytes) == (1, size // 2)


async def test_who_says_another_word_of_a_call_is_counted_once(desk: Desk) -> None:
    desk.add("a")
    size = desk.unposted.size_bytes
    desk.add("a")
    assert (len(desk.unposted), desk.unposted.size_bytes) == (1, size)


async def test_acknowledgements_without_end_are_all_taken(desk: Desk) -> None:
    for number in range(1500):
        desk.add(str(number))
    await desk.purse.push_acks(lane=LANE, acks={"g1": [str(number) for number in range(1500)]})
    await desk.unposted.fetch_acks()
    assert (len(desk.unposted), desk.unposted.size_bytes) == (0, 0)


async def test_the_acknowledgements_of_an_adopted_event_go_to_its_writer(desk: Desk) -> None:
    desk.unposted.add(event("a", gateway_id="dead"), hold=None, tokens=0, now_s=0)
    await desk.purse.push_acks(lane=LANE, acks={"dead": ["a"]})
    await desk.unposted.fetch_acks()
    assert len(desk.unposted) == 0


async def test_two_gateways_tell_of_one_call_and_each_is_acknowledged_for_itself(desk: Desk) -> None:
    """The dead one's checkpoint was adopted here, where the call was then made again."""
    desk.unposted.add(event("a", gateway_id="dead"), hold=None, tokens=0, now_s=0)
    desk.add("a")
    assert len(desk.unposted) == 2
    await desk.purse.push_acks(lane=LANE, acks={"dead": ["a"]})
    await desk.unposted.fetch_acks()
    assert [waiting.meta.gateway_id for waiting in desk.unposted.of_epoch(LANE, 1)] == ["g1"]
    [written] = desk.directory.iterdir()
    assert written.read_bytes().count(b"\n") == 2, "it stays until both are acknowledged"


async def test_an_answer_that_never_came_is_asked_for_with_the_same_op(desk: Desk) -> None:
    desk.add("a", now_s=10)
    await desk.unposted.send_again(10 + UNANSWERED_S / 2)
    assert await desk.log() == [], "the first sending may still be on its way"
    await desk.unposted.send_again(10 + UNANSWERED_S)
    await desk.unposted.send_again(10 + 2 * UNANSWERED_S)
    assert await desk.log() == [("settled", "a")], "once in the stream it is not sent again"


async def test_an_adopted_event_is_sent_at_once_as_a_note(desk: Desk) -> None:
    desk.unposted.add(event("a"), hold=None, tokens=0, now_s=10)
    await desk.unposted.send_again(10)
    assert await desk.log() == [("settled", "a")]
    assert "settle" not in desk.purse.heard


@pytest.mark.parametrize(
    ("in_the_purse", "kind", "charges"),
    [(30, "swept", [b"30", None]), (10, "settled", [b"20"])],
    ids=["the disk was full for the last one", "the purse missed the last one"],
)
async def test_an_adopted_checkpoint_ends_its_call_at_the_later_one(
    desk: Desk, in_the_purse: int, kind: str, charges: list[bytes | None]
) -> None:
    await hold_in(desk.purse, "a")
    hold = HoldRef(LANE, 1, "a", "v1", "k", "g1")
    await desk.purse.extend(
        hold, want_micro=0, least_micro=0, floor_micro=in_the_purse, floor_output_tokens=3
    )
    desk.unposted.add(replace(event("a", charge=20), is_floor=True), hold=None, tokens=0, now_s=10)
    await desk.unposted.send_again(10)
    told = (await desk.purse.read_log(lane=LANE, count=9))[1:]
    assert (told[0].kind, [entry.fields.get("charge") for entry in told]) == (kind, charges)
    assert await desk.purse.open_ops(lane=LANE, n=1, gateway_id="g1") == []


@pytest.mark.parametrize("is_floor", [False, True], ids=["an end", "a checkpoint"])
async def test_an_adopted_event_waits_while_another_gateway_makes_the_call_again(
    desk: Desk, is_floor: bool
) -> None:
    """Told first, it would be booked, and the purse count the second try beside it."""
    await hold_in(desk.purse, "a")
    made = replace(event("a", gateway_id="dead"), is_floor=is_floor)
    desk.unposted.add(made, hold=None, tokens=0, now_s=10)
    await desk.unposted.send_again(10)
    assert await desk.log() == [("opened", "")]
    assert await desk.purse.open_ops(lane=LANE, n=1, gateway_id="g1") == ["a"]
    again = HoldRef(LANE, 1, "a", "v1", "k", "g1")
    await desk.purse.settle(again, charge_micro=7, tokens=0, event=event("a", charge=7).to_bytes())
    await desk.unposted.send_again(11)
    charges = [entry.fields.get("charge") for entry in await desk.purse.read_log(lane=LANE, count=9)]
    assert charges == [None, b"7", None], "the books hear of the second try first"


def test_the_last_word_on_a_call_is_its_end_else_its_highest_checkpoint() -> None:
    def floor(op: str, charge: int) -> UsageEvent:
        return replace(event(op, charge=charge), is_floor=True)

    said = [floor("a", 5), floor("a", 9), floor("a", 7), event("b", charge=3), floor("b", 4), floor("c", 1)]
    said += [event("c", charge=0)]
    lines = tuple(one.to_bytes() for one in said)
    orphans = [Adopted(Path("2"), 0, (*lines[:4], b"torn")), Adopted(Path("1"), 0, lines[4:])]
    assert {last.op: (last.charge_micro, last.is_floor) for last in last_words(orphans)} == {
        "a": (9, True),
        "b": (3, False),
        "c": (0, False),
    }


async def test_what_is_on_its_way_is_not_sent_twice(desk: Desk) -> None:
    desk.add("a")
    desk.purse.hanging.add("settle")
    first = asyncio.ensure_future(desk.unposted.send_again(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await desk.unposted.send_again(2)
    assert desk.purse.heard == ["settle"]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    desk.purse.hanging.clear()
    await desk.unposted.send_again(3)
    assert await desk.log() == [("settled", "a")]


async def test_a_purse_that_is_away_costs_nothing_but_time(desk: Desk) -> None:
    desk.add("a")
    desk.add("b")
    desk.purse.deaf.add("settle")
    with pytest.raises(PurseUnavailable):
        await desk.unposted.send_again(1)
    desk.purse.deaf.clear()
    await desk.unposted.send_again(2)
    assert sorted(await desk.log()) == [("settled", "a"), ("settled", "b")]


async def test_what_the_stream_has_passed_unacknowledged_is_sent_as_a_note(desk: Desk) -> None:
    desk.add("a")
    await desk.unposted.send_again(1)
    await desk.drop_log()
    await desk.unposted.send_again(1 + VERIFY_AFTER_S)
    assert await desk.log() == [], "the acknowledgement may still come"
    await desk.unposted.send_again(1 + VERIFY_AFTER_S + 0.1)
    assert await desk.log() == [("settled", "a")]
    assert desk.purse.heard == ["settle", "note"]


async def test_so_is_what_was_late(desk: Desk) -> None:
    """The hold of a former epoch stays open for ever, and answers LATE with the entry that is gone."""
    await hold_in(desk.purse, "a")
    desk.add("a")
    desk.purse.restart()
    await desk.unposted.send_again(1)
    await desk.drop_log()
    await desk.unposted.send_again(1 + VERIFY_AFTER_S + 0.1)
    assert ("settled", "a") in await desk.log()


async def hold_in(purse: LossyPurse, op: str) -> None:
    """Epoch 1 with a loan, and one call that holds."""
    ticket = await purse.vacate(lane=LANE, nonce="t", used_ticket=None, stale_n=0)
    assert ticket is not None
    await purse.open(lane=LANE, n=1, ticket=ticket)
    await purse.lend(lane=LANE, n=1, loan=Loan("v1", 1, 1000, 4_000_000_000_000, "active", 0, 0, 0, 0))
    request = ReserveRequest(op, LANE, 1, "g1", ("v1",), 10, 10, "gaonde/backend", 1, KeyLimits(), b"{}")
    assert isinstance(await purse.reserve(request), Reserved)


async def test_what_stands_in_the_stream_is_waited_for(desk: Desk) -> None:
    desk.add("a")
    await desk.unposted.send_again(1)
    await desk.unposted.send_again(100)
    await desk.unposted.send_again(200)
    assert await desk.log() == [("settled", "a")]


async def test_only_what_stood_before_the_streams_beginning_has_been_passed(desk: Desk) -> None:
    for number in range(12):  # the order of entries is of numbers, not of text: 9 before 10
        desk.add(str(number))
    await desk.unposted.send_again(1)
    entries = await desk.purse.read_log(lane=LANE, count=9)
    await desk.purse.delete_log(lane=LANE, entry_ids=[entry.entry_id for entry in entries])
    await desk.unposted.send_again(100)
    assert [op for _, op in await desk.log()] == ["9", "10", "11", *map(str, range(9))]


async def test_a_crowd_is_sent_in_portions(desk: Desk) -> None:
    for number in range(SEND_AT_ONCE_MAX + 1):
        desk.add(str(number))
    await desk.unposted.send_again(1)
    assert len(await desk.log()) == SEND_AT_ONCE_MAX
    await desk.unposted.send_again(1)
    assert len(await desk.log()) == SEND_AT_ONCE_MAX + 1


async def test_an_epochs_events(desk: Desk) -> None:
    desk.add("a", n=1)
    desk.add("b", n=2)
    desk.add("c", n=1, lane=LANE + 1)
    desk.add("d", n=1)
    assert [made.op for made in desk.unposted.of_epoch(LANE, 1)] == ["a", "d"]
    desk.unposted.forget(("a", "g1"))
    assert [made.op for made in desk.unposted.of_epoch(LANE, 1)] == ["d"]
    assert desk.unposted.of_epoch(LANE, 3) == ()


async def test_a_disk_that_takes_nothing_is_noted(desk: Desk, tmp_path: Path) -> None:
    """The event waits all the same; who settles it may not call that safe."""
    os.rename(tmp_path, f"{tmp_path}-away")
    desk.journal._current.written_bytes = 1 << 30  # so that a new segment is wanted
    waiting = desk.unposted.add(event("a"), hold=None, tokens=0, now_s=0)
    os.rename(f"{tmp_path}-away", tmp_path)
    assert (waiting.journaled, len(desk.unposted)) == (False, 1)
    await desk.unposted.send_again(1)
    assert await desk.log() == [("settled", "a")]
