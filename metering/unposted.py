"""What a gateway has charged and the books have not acknowledged yet.

An event enters before the purse is asked to settle and leaves on an acknowledgement by name, never on a
guess. Until then it is sent again whenever it may be missing from the stream: after an answer that never
came, and after the stream's beginning has passed the place where it was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metering.event import UsageEvent
from metering.journal import Adopted, Journal, JournalFailed, Name
from metering.purse import HoldRef, Purse, PurseUnavailable

VERIFY_AFTER_S = 5.0
UNANSWERED_S = 0.5
SEND_AT_ONCE_MAX = 500


@dataclass(slots=True)
class Waiting:
    event: UsageEvent
    data: bytes
    hold: HoldRef | None  # None: adopted from a dead process's journal
    tokens: int
    since_s: float
    entry_id: str | None = None
    sending: bool = False
    answered: bool = False  # the purse has ended its hold, or knows none: only the note may be missing
    journaled: bool = True


class Unposted:
    def __init__(self, *, purse: Purse, journal: Journal) -> None:
        self._purse = purse
        self._journal = journal
        self._waiting: dict[Name, Waiting] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: UsageEvent, *, hold: HoldRef | None, tokens: int, now_s: float) -> Waiting:
        """Write the event down. `journaled` says whether the disk took it."""
        data, name = event.to_bytes(), event.ack_name
        waiting = Waiting(event, data, hold, tokens, now_s)
        try:
            self._journal.append(name, data)
        except JournalFailed:
            waiting.journaled = False
        if (before := self._waiting.get(name)) is not None:
            self.size_bytes -= len(before.data)
        self._waiting[name] = waiting
        self.size_bytes += len(data)
        return waiting

    def __contains__(self, name: Name) -> bool:
        return name in self._waiting

    def forget(self, name: Name) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            self.size_bytes -= len(waiting.data)
            self._journal.forget(name)

    def of_epoch(self, lane: int, n: int) -> tuple[UsageEvent, ...]:
        return tuple(
            waiting.event
            for waiting in self._waiting.values()
            if waiting.event.n == n and waiting.event.meta.lane == lane
        )

    async def fetch_acks(self) -> None:
        """Forget what the books have taken. A lane that is away stops no other; raises PurseUnavailable."""
        # A dict, not a set: what happens in which order must not depend on how strings are hashed.
        sources = dict.fromkeys(
            (waiting.event.meta.lane, waiting.event.meta.gateway_id) for waiting in self._waiting.values()
        )
        away: PurseUnavailable | None = None
        for lane, gateway_id in sources:
            try:
                await self._fetch_acks(lane, gateway_id)
            except PurseUnavailable as error:
                away = error
        if away is not None:
            raise away

    async def _fetch_acks(self, lane: int, gateway_id: str) -> None:
        while True:
            ops = await self._purse.pop_acks(lane=lane, gateway_id=gateway_id, count=1000)
            for op in ops:
                self.forget((op, gateway_id))
            if len(ops) < 1000:
                return

    async def send_again(self, now_s: float) -> None:
        """Send what is not in the stream, as far as we know. May raise PurseUnavailable."""
        await self._look_for_passed(now_s)
        missing = [
            waiting
            for waiting in self._waiting.values()
            if waiting.entry_id is None
            and not waiting.sending
            and (waiting.hold is None or now_s - waiting.since_s >= UNANSWERED_S)
        ]
        sent = await asyncio.gather(
            *[self._send(waiting, now_s) for waiting in missing[:SEND_AT_ONCE_MAX]], return_exceptions=True
        )
        for outcome in sent:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _look_for_passed(self, now_s: float) -> None:
        """What waits although its stream has passed its place: its acknowledgement was lost, or it was."""
        late = [
            waiting
            for waiting in self._waiting.values()
            if waiting.entry_id is not None and now_s - waiting.since_s > VERIFY_AFTER_S
        ]
        beginnings: dict[int, str | None] = {}
        for lane in {waiting.event.meta.lane for waiting in late}:
            try:
                head = await self._purse.read_log(lane=lane, count=1)
            except PurseUnavailable:
                continue  # the next time
            beginnings[lane] = head[0].entry_id if head else None
        for waiting in late:
            if waiting.event.meta.lane not in beginnings:
                continue
            first = beginnings[waiting.event.meta.lane]
            waiting.since_s = now_s
            if waiting.entry_id is not None and (first is None or _before(waiting.entry_id, first)):
                waiting.entry_id, waiting.hold, waiting.answered = None, None, True

    async def _send(self, waiting: Waiting, now_s: float) -> None:
        event = waiting.event
        waiting.sending = True
        try:
            if waiting.hold is None and not waiting.answered and not await self._find_its_hold(waiting):
                return
            if waiting.hold is not None:
                outcome = await self._purse.settle(
                    waiting.hold, charge_micro=event.charge_micro, tokens=waiting.tokens, event=waiting.data
                )
                waiting.entry_id = outcome.event_id
            else:
                waiting.entry_id = await self._purse.note(
                    lane=event.meta.lane, kind="settled", op=event.op, n=event.n, event=waiting.data
                )
            waiting.since_s = now_s
        finally:
            waiting.sending = False

    async def _find_its_hold(self, waiting: Waiting) -> bool:
        """A dead process's: where its settlement never arrived, its hold is open. False: not ours to tell."""
        event, (lane, n) = waiting.event, (waiting.event.meta.lane, waiting.event.n)
        hold = await self._purse.find_hold(lane=lane, n=n, op=event.op)
        if hold is None:
            return True
        if hold.gateway_id != event.meta.gateway_id:
            return False  # the call is made again: who makes it has the first word on how it ends
        if event.is_floor:
            call = await self._purse.open_call(lane=lane, n=n, op=event.op)
            if call is not None and call.floor_micro > event.charge_micro:
                # The disk missed a checkpoint that the purse has: the call ends at the later one.
                await self._purse.sweep(lane=lane, n=n, op=event.op, gateway_id=hold.gateway_id)
                return True
        waiting.hold = hold
        return True


def _before(entry_id: str, other_id: str) -> bool:
    return _order(entry_id) < _order(other_id)


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence)


def last_words(orphans: Sequence[Adopted]) -> Iterator[UsageEvent]:
    """One event per call of a gateway: its end, else its highest checkpoint."""
    last: dict[Name, UsageEvent] = {}
    for orphan in orphans:
        for line in orphan.events:
            try:
                event = UsageEvent.from_bytes(line)
            except (ValueError, TypeError, KeyError):
                continue  # a torn line: the purse has it, or its hold is swept
            before = last.get(event.ack_name)
            if before is None or _says_more(event, before):
                last[event.ack_name] = event
    yield from last.values()


def _says_more(event: UsageEvent, before: UsageEvent) -> bool:
    if event.is_floor != before.is_floor:
        return before.is_floor
    return event.charge_micro > before.charge_micro
