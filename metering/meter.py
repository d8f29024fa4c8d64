"""The gateway's side of the money protocol: reserve before, settle after, and never lose what was charged.

One Meter lives in each gateway process. It knows the epoch of every lane it has met, asks the treasury when
the purse runs low or lost its epoch, lets calls wait for money that others hold, writes every charge down
before it settles, and tells the books when it has done with an old epoch. docs/concepts/money-protocol.md
has the whole; here is only what one process does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from metering.directory import KeyLimits, Voucher
from metering.event import CallMeta, LeftNotice, OpenHold, UsageEvent
from metering.funds_queue import FundsQueue
from metering.journal import Journal, adopt_orphans
from metering.purse import (
    Ended,
    Extended,
    ExtendOutcome,
    Gone,
    HoldRef,
    KeyDayUnknown,
    Late,
    Limited,
    LimitName,
    NoLoan,
    OtherEpoch,
    Purse,
    PurseUnavailable,
    Reserved,
    ReserveRequest,
    Settled,
    Short,
    Vacant,
)
from metering.treasury import EpochReplaced, LendOutcome, Lent, NothingFree, Treasury, TreasuryUnavailable
from metering.unposted import Unposted

STEPS_MAX: Final = 16  # of one admission: epochs, loans and day budgets are each asked for once or twice
NOTHING_FREE_S: Final = 0.3  # for how long the treasury's "nothing" is believed
BOOKS_SILENT_MAX_S: Final = 600.0
LEASE_S: Final = 10.0
RENEW_S: Final = 2.0
TICK_S: Final = 1.0
ORPHAN_S: Final = 10.0


class Refused(Exception):
    """The call may not run. Subclasses say why; none of them held anything.

    Refused
     ├── Exhausted        free plus held cannot pay the least answer
     ├── FundsHeld        the money is there, but other calls hold it, after waiting
     ├── LimitReached     a limit of the API key
     ├── VoucherEnded     no voucher is active by the purse's clock
     └── MeterUnavailable the purse or the books cannot be reached
    """


class Exhausted(Refused):
    def __init__(self, voucher: Voucher) -> None:
        super().__init__(voucher.voucher_id)
        self.voucher = voucher


class FundsHeld(Refused):
    pass


class LimitReached(Refused):
    def __init__(self, limit: LimitName, retry_ms: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.retry_ms = retry_ms


class VoucherEnded(Refused):
    pass


class MeterUnavailable(Refused):
    pass


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call asks of the meter. `vouchers` stand in the order in which they pay."""

    meta: CallMeta
    vouchers: tuple[Voucher, ...]
    want_micro: int
    least_micro: int
    tokens: int
    limits: KeyLimits
    sliced: bool = False


@dataclass(slots=True)
class Held:
    """A hold this process owns until it settles it."""

    ref: HoldRef
    meta: CallMeta
    voucher: Voucher
    granted_micro: int
    held_at_ms: int
    want_micro: int


@dataclass(slots=True)
class _Lane:
    n: int = 0  # 0: not known yet
    reserving: Counter[int] = field(default_factory=Counter)
    holds: dict[str, Held] = field(default_factory=dict)
    entering: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class _Orphan:
    """A reserve whose answer never came: if it made a hold, nobody else will end it."""

    wish: Wish
    n: int
    since_s: float


class _Tied(Exception):
    """Internal: the money is there but held."""


class Meter:
    def __init__(
        self,
        *,
        purse: Purse,
        treasury: Treasury,
        journal_directory: Path,
        gateway_id: str,
        now_ms: Callable[[], int],
        wait_for_funds_s: float,
        unposted_bytes_max: int,
    ) -> None:
        self.gateway_id = gateway_id
        self._purse = purse
        self._treasury = treasury
        self._journal_directory = journal_directory
        self._journal = Journal(journal_directory, gateway_id)
        self._now_ms = now_ms
        self._wait_for_funds_s = wait_for_funds_s
        self._unposted_bytes_max = unposted_bytes_max
        self._unposted = Unposted(purse=purse, journal=self._journal)
        self._lanes: dict[int, _Lane] = {}
        self._queue = FundsQueue()
        self._lending: dict[str, asyncio.Task[LendOutcome]] = {}
        self._nothing: dict[str, tuple[float, NothingFree]] = {}
        self._orphans: dict[str, _Orphan] = {}
        self._loop = asyncio.get_running_loop()
        self._renewed_s = self._loop.time()
        self._books_seen_s = self._loop.time()
        self._ticking: asyncio.Task[None] | None = None

    # -- life

    async def start(self) -> None:
        """Take the lease, adopt the journals of the dead. Raises PurseUnavailable, TreasuryUnavailable."""
        await self._purse.renew_lease(self.gateway_id)
        await self._treasury.poll(self.gateway_id)
        self._adopt()
        self._ticking = self._loop.create_task(self._tick_forever(), name="meter-tick")

    async def close(self, *, patience_s: float = 3.0) -> None:
        """Wait a moment for the books to take what is unposted, then let go; the journal keeps the rest."""
        deadline_s = self._loop.time() + patience_s
        while len(self._unposted) and self._loop.time() < deadline_s:
            await self._tick()
            await asyncio.sleep(0.05)
        if self._ticking is not None:
            self._ticking.cancel()
        self._journal.close()

    @property
    def holds_open(self) -> int:
        return sum(len(lane.holds) for lane in self._lanes.values())

    @property
    def unposted(self) -> int:
        return len(self._unposted)

    @property
    def waiting(self) -> int:
        return self._queue.waiting()

    # -- the verbs of a call

    async def reserve(self, wish: Wish) -> Held:
        """Set money aside, or raise Refused. Waits, bounded, where the money is there but held."""
        if self._unposted.size_bytes > self._unposted_bytes_max:
            raise MeterUnavailable("too much is waiting for the books")
        if self._loop.time() - self._books_seen_s > BOOKS_SILENT_MAX_S:
            raise MeterUnavailable("the books have been silent for too long")
        company_id = wish.meta.company
        if not self._queue.is_waiting(company_id):
            try:
                return await self._try(wish)
            except _Tied:
                pass
        deadline_s = self._loop.time() + self._wait_for_funds_s
        async with self._queue.place(company_id) as turn:
            while await self._queue.next_try(company_id, turn, deadline_s):
                try:
                    return await self._try(wish)
                except _Tied:
                    continue
        raise FundsHeld

    async def extend(self, held: Held, *, want_micro: int, least_micro: int, floor_micro: int,
                     floor_output_tokens: int) -> ExtendOutcome:  # fmt: skip
        """Raise the hold, or only note the checkpoint (want 0). Raises MeterUnavailable."""
        try:
            outcome = await self._purse.extend(
                held.ref,
                want_micro=want_micro,
                least_micro=least_micro,
                floor_micro=floor_micro,
                floor_output_tokens=floor_output_tokens,
            )
        except PurseUnavailable as error:
            raise MeterUnavailable(str(error)) from error
        if isinstance(outcome, Extended):
            held.granted_micro = max(held.granted_micro, outcome.granted_micro)
        return outcome

    async def lend_more(self, held: Held, need_micro: int) -> bool:
        """A running call is short: ask the treasury. True: trying again may help."""
        outcome = await self._lend(held.ref.lane, held.ref.n, held.voucher.voucher_id, need_micro)
        return isinstance(outcome, Lent)

    async def settle(self, held: Held, event: UsageEvent, *, tokens: int) -> Settled | None:
        """End the hold and tell the books. None: written down, but no balance is known yet.

        Raises MeterUnavailable only where neither the disk nor the purse took the event.
        """
        waiting = self._unposted.add(event, hold=held.ref, tokens=tokens, now_s=self._loop.time())
        waiting.sending = True
        try:
            outcome = await self._purse.settle(
                held.ref, charge_micro=event.charge_micro, tokens=tokens, event=waiting.data
            )
        except PurseUnavailable as error:
            if not waiting.journaled:
                raise MeterUnavailable("the charge could not be written down") from error
            return None
        finally:
            waiting.sending = False
            self._lanes[held.ref.lane].holds.pop(held.ref.op, None)
            self._queue.wake(held.meta.company)
        waiting.entry_id = outcome.event_id
        if isinstance(outcome, Late):
            return None
        if outcome.limit_micro - outcome.spent_micro - outcome.held_micro < outcome.limit_micro // 2:
            self._top_up(held.ref.lane, held.ref.n, held.voucher.voucher_id)
        return outcome

    @property
    def was_asleep(self) -> bool:
        """This process may have missed its lease: ask `still_ours` before another byte is relayed."""
        return self._loop.time() - self._renewed_s > LEASE_S

    async def still_ours(self, held: Held) -> bool:
        """False: the hold was ended by the sweeper while we slept. Unknown counts as ours."""
        try:
            outcome = await self._purse.extend(
                held.ref, want_micro=0, least_micro=0, floor_micro=0, floor_output_tokens=0
            )
            if not isinstance(outcome, Gone):
                return True
            return await self._purse.epoch_here(held.ref.lane) != held.ref.n
        except PurseUnavailable:
            return True

    # -- admission, step by step

    async def _try(self, wish: Wish) -> Held:
        vouchers = {voucher.voucher_id: voucher for voucher in wish.vouchers}
        day_spent: int | None = None
        lane = self._lanes.setdefault(wish.meta.lane, _Lane())
        for _ in range(STEPS_MAX):
            n = lane.n or await self._enter(wish.meta.lane, lane)
            outcome = await self._reserve_once(wish, lane, n, tuple(vouchers), day_spent)
            match outcome:
                case Reserved():
                    return self._held(wish, lane, n, outcome)
                case Vacant():
                    await self._renew(wish.meta.lane, lane, n)
                case OtherEpoch():
                    await self._follow(wish.meta.lane, lane, n, outcome.n)
                case KeyDayUnknown():
                    day_spent = await self._day_spent(wish.meta.key_id, outcome.day)
                case NoLoan() | Short():
                    await self._lend_or_give_up(wish, n, vouchers, outcome)
                case Limited():
                    raise LimitReached(outcome.limit, outcome.retry_ms)
                case Ended():
                    raise VoucherEnded
        raise MeterUnavailable("the purse does not settle down")

    async def _lend_or_give_up(
        self, wish: Wish, n: int, vouchers: dict[str, Voucher], outcome: NoLoan | Short
    ) -> None:
        """Ask the treasury for more. Returns where trying again may help; else Exhausted or _Tied."""
        available, held = 0, 0
        if isinstance(outcome, Short):
            available, held = outcome.available_micro, outcome.held_micro
        need = max(wish.want_micro - available, 1)
        lent = await self._lend(wish.meta.lane, n, outcome.voucher_id, need)
        if not isinstance(lent, NothingFree):
            return
        if isinstance(outcome, NoLoan) and len(vouchers) > 1:
            vouchers.pop(outcome.voucher_id)
            return
        if len(wish.vouchers) > 1:
            await self._refuse_if_all_exhausted(wish, n)
        elif not lent.pending and available + held + lent.free_micro < wish.least_micro:
            raise Exhausted(wish.vouchers[0])
        raise _Tied

    async def _reserve_once(
        self, wish: Wish, lane: _Lane, n: int, vouchers: tuple[str, ...], day_spent: int | None
    ) -> object:
        request = ReserveRequest(
            op=wish.meta.op,
            lane=wish.meta.lane,
            n=n,
            gateway_id=self.gateway_id,
            vouchers=vouchers,
            want_micro=wish.want_micro,
            least_micro=wish.least_micro,
            key_id=wish.meta.key_id,
            tokens=wish.tokens,
            limits=wish.limits,
            meta=wish.meta.to_bytes(),
            day_spent_micro=day_spent,
            sliced=wish.sliced,
        )
        lane.reserving[n] += 1
        try:
            return await self._purse.reserve(request)
        except (PurseUnavailable, asyncio.CancelledError) as error:
            self._orphans[wish.meta.op] = _Orphan(wish, n, self._loop.time())
            if isinstance(error, PurseUnavailable):
                raise MeterUnavailable(str(error)) from error
            raise
        finally:
            lane.reserving[n] -= 1

    def _held(self, wish: Wish, lane: _Lane, n: int, outcome: Reserved) -> Held:
        voucher = next(v for v in wish.vouchers if v.voucher_id == outcome.voucher_id)
        ref = HoldRef(wish.meta.lane, n, wish.meta.op, outcome.voucher_id, wish.meta.key_id, self.gateway_id)
        held = Held(ref, wish.meta, voucher, outcome.granted_micro, outcome.held_at_ms, wish.want_micro)
        lane.holds[wish.meta.op] = held
        if outcome.available_micro < outcome.limit_micro // 2:
            self._top_up(ref.lane, n, outcome.voucher_id)
        return held

    async def _refuse_if_all_exhausted(self, wish: Wish, n: int) -> None:
        """Several vouchers: exhausted only if none of them can pay, with all that is held counted as free."""
        for voucher in wish.vouchers:
            lent = await self._lend(wish.meta.lane, n, voucher.voucher_id, wish.least_micro)
            try:
                balance = await self._purse.balance(lane=wish.meta.lane, n=n, voucher_id=voucher.voucher_id)
            except PurseUnavailable as error:
                raise MeterUnavailable(str(error)) from error
            if not isinstance(lent, NothingFree) or lent.pending:
                return
            payable = lent.free_micro
            if balance is not None:
                payable += balance.limit_micro - balance.spent_micro
            if payable >= wish.least_micro:
                return
        raise Exhausted(wish.vouchers[0])

    async def _day_spent(self, key_id: str, day: int) -> int:
        try:
            return await self._treasury.key_spent_micro(key_id, day)
        except TreasuryUnavailable as error:
            raise MeterUnavailable(str(error)) from error

    # -- loans

    async def _lend(self, lane_no: int, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        """Ask the treasury, once for all who ask at the same time; a recent "nothing" is believed."""
        recent = self._nothing.get(voucher_id)
        if recent is not None and self._loop.time() - recent[0] < NOTHING_FREE_S:
            return recent[1]
        task = self._lending.get(voucher_id)
        if task is None:
            asking = self._treasury.lend(lane=lane_no, n=n, voucher_id=voucher_id, need_micro=need_micro)
            task = self._loop.create_task(_outcome(asking), name=f"lend-{voucher_id}")
            self._lending[voucher_id] = task
            task.add_done_callback(lambda _: self._lending.pop(voucher_id, None))
        try:
            outcome = await asyncio.shield(task)
        except (TreasuryUnavailable, PurseUnavailable) as error:
            raise MeterUnavailable(str(error)) from error
        if isinstance(outcome, NothingFree):
            self._nothing[voucher_id] = (self._loop.time(), outcome)
        elif isinstance(outcome, EpochReplaced):
            lane = self._lanes.setdefault(lane_no, _Lane())
            lane.n = max(lane.n, outcome.n)
        return outcome

    def _top_up(self, lane_no: int, n: int, voucher_id: str) -> None:
        """Less than half of the loan is left: ask for more, beside the calls."""
        recent = self._nothing.get(voucher_id)
        if voucher_id in self._lending or (recent and self._loop.time() - recent[0] < TICK_S):
            return
        asking = self._lend(lane_no, n, voucher_id, 0)
        task = self._loop.create_task(_quiet(asking), name=f"top-up-{voucher_id}")
        task.add_done_callback(lambda _: None)

    # -- epochs

    async def _enter(self, lane_no: int, lane: _Lane) -> int:
        async with lane.entering:
            if not lane.n:
                try:
                    lane.n = await self._treasury.current_epoch(lane_no)
                except (TreasuryUnavailable, PurseUnavailable) as error:
                    raise MeterUnavailable(str(error)) from error
            return lane.n

    async def _renew(self, lane_no: int, lane: _Lane, stale_n: int) -> None:
        async with lane.entering:
            if lane.n > stale_n:
                return
            try:
                n = await self._treasury.renew_epoch(lane_no, stale_n)
            except (TreasuryUnavailable, PurseUnavailable) as error:
                raise MeterUnavailable(str(error)) from error
            lane.n = max(lane.n, n)

    async def _follow(self, lane_no: int, lane: _Lane, ours: int, theirs: int) -> None:
        """The purse holds another epoch. A later one is followed; an earlier one is the books' affair."""
        if theirs > ours:
            lane.n = max(lane.n, theirs)
        else:
            await self._renew(lane_no, lane, ours)

    async def _leave(self, lane_no: int, n: int) -> None:
        """Our last word on epoch n: all events of it the books may lack, all holds still open."""
        lane = self._lanes.setdefault(lane_no, _Lane())
        if lane.n <= n:
            if lane.n:
                lane.n = await self._treasury.current_epoch(lane_no)
            if lane.n and lane.n <= n:
                return
        if lane.reserving[n]:
            return  # the next poll asks again
        notice = LeftNotice(
            gateway_id=self.gateway_id,
            lane=lane_no,
            n=n,
            events=self._unposted.of_epoch(lane_no, n),
            open_holds=tuple(
                OpenHold(held.ref.op, held.voucher.voucher_id, held.granted_micro)
                for held in lane.holds.values()
                if held.ref.n == n
            ),
        )
        op = f"left:{self.gateway_id}:{lane_no}:{n}"
        await self._purse.note(lane=lane_no, kind="left", op=op, n=n, event=notice.to_bytes())

    # -- once a second

    def _adopt(self) -> None:
        """The journals of processes that died: their events become ours to deliver."""
        for orphan in adopt_orphans(self._journal_directory):
            for line in orphan.events:
                try:
                    event = UsageEvent.from_bytes(line)
                except (ValueError, TypeError, KeyError):
                    continue  # a torn line: the purse has it, or its hold is swept
                self._unposted.add(event, hold=None, tokens=0, now_s=self._loop.time())
            orphan.release()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._tick()

    async def _tick(self) -> None:
        now_s = self._loop.time()
        try:
            if now_s - self._renewed_s >= RENEW_S:
                await self._purse.renew_lease(self.gateway_id)
                self._renewed_s = now_s
            await self._unposted.fetch_acks()
            await self._unposted.send_again(now_s)
            await self._end_orphans(now_s)
        except PurseUnavailable:
            pass  # the next tick tries again; nothing was forgotten
        try:
            for lane_no, n in await self._treasury.poll(self.gateway_id):
                await self._leave(lane_no, n)
            self._books_seen_s = self._loop.time()
        except (TreasuryUnavailable, PurseUnavailable):
            pass  # as above

    async def _end_orphans(self, now_s: float) -> None:
        for op, orphan in list(self._orphans.items()):
            meta = orphan.wish.meta
            if op not in await self._purse.open_ops(lane=meta.lane, n=orphan.n, gateway_id=self.gateway_id):
                if now_s - orphan.since_s > ORPHAN_S:
                    del self._orphans[op]
                continue
            ref = await self._purse.find_hold(lane=meta.lane, n=orphan.n, op=op)
            if ref is not None:
                event = released(meta, n=orphan.n, voucher=ref.voucher_id, now_ms=self._now_ms())
                self._unposted.add(event, hold=ref, tokens=0, now_s=now_s - ORPHAN_S)
            del self._orphans[op]


def released(meta: CallMeta, *, n: int, voucher: str, now_ms: int) -> UsageEvent:
    """The end of a hold that no vendor ever saw."""
    return UsageEvent(
        meta=meta,
        n=n,
        voucher=voucher,
        held_at_ms=meta.started_ms,
        finished_ms=now_ms,
        status="released",
        end_reason="refused",
        charge_micro=0,
    )


async def _outcome(asking: object) -> LendOutcome:
    return await asking  # type: ignore[misc,no-any-return]


async def _quiet(asking: object) -> None:
    """A top-up that fails is asked for again by the next call."""
    try:
        await asking  # type: ignore[misc]
    except Refused:
        pass
