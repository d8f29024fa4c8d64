"""The gateway's side of the money protocol: reserve before, settle after, and never lose what was charged.

One Meter lives in each gateway process. It knows the epoch of every lane it has met, asks the treasury when
the purse runs low or lost its epoch, lets calls wait for money that others hold, writes every charge down
before it settles, and tells the books when it has done with an old epoch. docs/concepts/money-protocol.md
has the whole; here is only what one process does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from metering.directory import Voucher
from metering.event import UsageEvent
from metering.funds_queue import FundsQueue
from metering.habit import Habits
from metering.journal import Journal, JournalFailed, adopt_orphans
from metering.lanes import Lane, Lanes
from metering.orphans import Orphans
from metering.pressed import Pressed
from metering.purse import (
    Ended,
    Extended,
    ExtendOutcome,
    Gone,
    HoldRef,
    KeyDayUnknown,
    Late,
    Limited,
    NoLoan,
    OtherEpoch,
    Over,
    Purse,
    PurseUnavailable,
    Reserved,
    ReserveRequest,
    Settled,
    Short,
    Vacant,
)
from metering.treasury import Lent, NothingFree, Treasury, TreasuryUnavailable
from metering.unposted import Unposted, last_words
from metering.wish import (
    Exhausted,
    FundsHeld,
    Held,
    LimitReached,
    MeterUnavailable,
    VoucherEnded,
    Wish,
)

_log = logging.getLogger(__name__)

STEPS_MAX: Final = 16  # of one admission: epochs, loans and day budgets are each asked for once or twice
BOOKS_ANSWER_S: Final = 10.0  # a database that hangs must not stop acknowledging for good
BOOKS_SILENT_MAX_S: Final = 600.0
LEASE_S: Final = 10.0
RENEW_S: Final = 2.0
TICK_S: Final = 1.0


class _Tied(Exception):
    """Internal: the money is there but held."""


class _Refused(NamedTuple):
    """The purse has too little."""

    by: NoLoan | Short
    asked_s: float
    doubted: set[str]  # vouchers without a loan, of which the purse was asked once more


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
        self._lanes = Lanes(purse=purse, treasury=treasury, unposted=self._unposted, gateway_id=gateway_id)
        self._queue = FundsQueue()
        self._habits = Habits()
        self.pressed = Pressed(patience_s=wait_for_funds_s)
        self._last_ones: set[str] = set()  # vouchers whose last money a call is asking for
        self._orphans = Orphans(
            purse=purse, unposted=self._unposted, lanes=self._lanes, gateway_id=gateway_id, now_ms=now_ms
        )
        self._loop = asyncio.get_running_loop()
        self._renewed_s = self._loop.time()
        self._books_seen_s = self._loop.time()
        self._tasks: list[asyncio.Task[None]] = []

    # -- life

    async def start(self) -> None:
        """Take the lease, adopt the journals of the dead. Raises PurseUnavailable, TreasuryUnavailable."""
        await self._purse.renew_lease(self.gateway_id)
        await self._treasury.poll(self.gateway_id)
        self._adopt()
        self._tasks = [
            self._loop.create_task(self._renew_forever(), name="meter-lease"),
            self._loop.create_task(self._tick_forever(), name="meter-tick"),
        ]

    async def close(self, *, patience_s: float = 3.0) -> None:
        """Wait a moment for the books to take what is unposted, then let go; the journal keeps the rest."""
        deadline_s = self._loop.time() + patience_s
        try:
            async with asyncio.timeout_at(deadline_s):  # books that never answer are not waited for either
                while len(self._unposted) and self._loop.time() < deadline_s:
                    await self._tick()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        for task in self._tasks:
            task.cancel()
        self._journal.close()

    @property
    def holds_open(self) -> int:
        return sum(len(lane.holds) for lane in self._lanes)

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
        if (wish.meta.op, self.gateway_id) in self._unposted:
            raise MeterUnavailable("how this call ended before is still on its way to the books")
        if not wish.want_micro:
            return await self._try(wish)  # nothing is asked for, so nothing is waited for
        company_id = wish.meta.company
        if not self._queue.is_waiting(company_id):
            try:
                return await self._try_modestly(wish)
            except _Tied:
                pass
        deadline_s = self._loop.time() + self._wait_for_funds_s
        async with self._queue.place(company_id) as turn:
            while await self._queue.next_try(company_id, turn, deadline_s):
                try:
                    return await self._try_modestly(wish)
                except _Tied:
                    continue
        raise FundsHeld

    def begin(self, held: Held) -> None:
        """What was held ahead of its call is used now: the call counts among those that run."""
        if held.waits:
            held.waits = False
            self.pressed.begin(held)

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
                first=want_micro == 0 or self.pressed.is_first(held),
            )
        except PurseUnavailable as error:
            raise MeterUnavailable(str(error)) from error
        if isinstance(outcome, Extended):
            held.granted_micro = max(held.granted_micro, outcome.granted_micro)
        return outcome

    async def lend_more(self, held: Held, need_micro: int) -> bool:
        """A running call is short: ask the treasury for so much to be there. True: trying again may help."""
        lane = self._lanes[held.ref.lane]
        outcome = await self._lanes.lend(lane, held.ref.n, held.voucher.voucher_id, need_micro)
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
            lane = self._lanes[held.ref.lane]
            if lane.holds.pop(held.ref.op, None) is not None and not held.waits:
                self.pressed.end(held)
            self._queue.wake(held.meta.company)
        waiting.entry_id = outcome.event_id
        if isinstance(outcome, Late):
            return None
        if event.end_reason == "completed" and not event.estimated:
            self._habits.learn(
                voucher_id=held.voucher.voucher_id,
                product_id=held.meta.product,
                used_micro=max(event.charge_micro, held.needed_micro),
                ceiling_micro=held.want_micro,
                left_micro=outcome.limit_micro - outcome.spent_micro,
                now_s=self._loop.time(),
            )
        if outcome.limit_micro - outcome.spent_micro - outcome.held_micro < outcome.limit_micro // 2:
            self._lanes.top_up(lane, held.ref.n, held.voucher.voucher_id)
        return outcome

    def deliver(self, event: UsageEvent) -> bool:
        """The end of a call that another gateway made: ours to tell. False: the disk did not take it."""
        return self._unposted.add(event, hold=None, tokens=0, now_s=self._loop.time()).journaled

    def write_floor(self, checkpoint: Callable[[int], UsageEvent]) -> bool:
        """The checkpoint also into the journal: what the purse knows may be lost. -> whether it is there"""
        event = checkpoint(self._now_ms())
        try:
            self._journal.append(event.ack_name, event.to_bytes())
        except JournalFailed:
            return False
        return True

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

    async def _try_modestly(self, wish: Wish) -> Held:
        """Where money is scarce, what is usual is asked for first; it is no reason to refuse."""
        lane = self._lanes[wish.meta.lane]
        if self.pressed.is_any((voucher.voucher_id for voucher in wish.vouchers), lane.n):
            raise _Tied  # what comes free is for those that run
        modest = self._habits.modest(wish, running=lane.running, now_s=self._loop.time())
        for asked in modest:
            try:
                held = await self._try(asked)
            except LimitReached:
                break  # of the key, not of the money: its own words are wanted
            except Exhausted:
                continue
            held.want_micro = wish.want_micro
            return held
        else:
            if modest:
                return await self._try_the_rest(wish, lane)
        return await self._try(wish)

    async def _try_the_rest(self, wish: Wish, lane: Lane) -> Held:
        """Less is left than a call usually costs: all of it for one at a time, or it would help nobody."""
        voucher_id = wish.vouchers[0].voucher_id
        if voucher_id in self._last_ones or self.pressed.running(voucher_id, lane.n):
            raise _Tied
        self._last_ones.add(voucher_id)
        try:
            return await self._try(replace(wish, sliced=False))  # so that it waits for all others to end
        finally:
            self._last_ones.discard(voucher_id)

    async def _try(self, wish: Wish) -> Held:
        vouchers = {voucher.voucher_id: voucher for voucher in wish.vouchers}
        day_spent: int | None = None
        doubted: set[str] = set()
        lane = self._lanes[wish.meta.lane]
        outcome: object = None
        for _ in range(STEPS_MAX):
            n = lane.n or await self._lanes.enter(lane)
            asked_s = self._loop.time()
            outcome = await self._reserve_once(wish, lane, n, tuple(vouchers), day_spent)
            match outcome:
                case Reserved():
                    return self._held(wish, lane, n, outcome)
                case Vacant():
                    await self._lanes.renew(lane, n)
                case OtherEpoch():
                    await self._lanes.follow(lane, ours=n, theirs=outcome.n)
                case KeyDayUnknown():
                    day_spent = await self._day_spent(wish.meta.key_id, outcome.day)
                case NoLoan() | Short():
                    refused = _Refused(outcome, asked_s, doubted)
                    await self._lend_or_give_up(wish, lane, n, vouchers, refused)
                case Limited():
                    raise LimitReached(outcome.limit, outcome.retry_ms)
                case Ended():
                    raise VoucherEnded
                case Over():
                    raise MeterUnavailable("this call has ended with a charge; the books will know it soon")
        if isinstance(outcome, Short):
            raise _Tied  # others take what is lent as fast as it comes
        raise MeterUnavailable("the purse does not settle down")

    async def _lend_or_give_up(
        self,
        wish: Wish,
        lane: Lane,
        n: int,
        vouchers: dict[str, Voucher],
        refused: _Refused,
    ) -> None:
        """Ask the treasury for more. Returns where trying again may help; else Exhausted or _Tied.

        "Nothing free" may mean that another gateway was lent the rest since the purse refused us. So the
        purse's refusal is final only where it came after that was known.
        """
        available, held, outcome = 0, 0, refused.by
        if isinstance(outcome, Short):
            available, held = outcome.available_micro, outcome.held_micro
        lent = await self._lanes.lend(lane, n, outcome.voucher_id, max(wish.want_micro, 1))
        if not isinstance(lent, NothingFree):
            return
        exhausted = not lent.pending and available + held + lent.free_micro < wish.least_micro
        known_s = self._lanes.nothing_since_s(outcome.voucher_id, n)
        if exhausted and known_s is not None and refused.asked_s < known_s:
            return
        if isinstance(outcome, NoLoan) and outcome.voucher_id not in refused.doubted:
            refused.doubted.add(outcome.voucher_id)
            return
        if isinstance(outcome, NoLoan) and len(vouchers) > 1:
            vouchers.pop(outcome.voucher_id)
            return
        if len(wish.vouchers) > 1:
            await self._refuse_if_all_exhausted(wish, lane, n)
        elif exhausted:
            raise Exhausted(wish.vouchers[0])
        raise _Tied

    async def _reserve_once(
        self, wish: Wish, lane: Lane, n: int, vouchers: tuple[str, ...], day_spent: int | None
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
        self._orphans.forget(wish.meta.op)  # asked for again: whether there is a hold, we know now
        try:
            return await self._purse.reserve(request)
        except (PurseUnavailable, asyncio.CancelledError) as error:
            self._orphans.add(wish.meta, n, self._loop.time())
            if isinstance(error, PurseUnavailable):
                raise MeterUnavailable(str(error)) from error
            raise
        finally:
            lane.reserving[n] -= 1

    def _held(self, wish: Wish, lane: Lane, n: int, outcome: Reserved) -> Held:
        voucher = next(v for v in wish.vouchers if v.voucher_id == outcome.voucher_id)
        ref = HoldRef(wish.meta.lane, n, wish.meta.op, outcome.voucher_id, wish.meta.key_id, self.gateway_id)
        held = Held(
            ref, wish.meta, voucher, outcome.granted_micro, outcome.held_at_ms, wish.want_micro, wish.sliced
        )
        lane.holds[wish.meta.op] = held
        held.waits = wish.waits
        if not wish.waits:
            self.pressed.begin(held)
        if outcome.available_micro < outcome.limit_micro // 2:
            self._lanes.top_up(lane, n, outcome.voucher_id)
        return held

    async def _refuse_if_all_exhausted(self, wish: Wish, lane: Lane, n: int) -> None:
        """Several vouchers: exhausted only if none of them can pay, with all that is held counted as free."""
        for voucher in wish.vouchers:
            lent = await self._lanes.lend(lane, n, voucher.voucher_id, wish.least_micro)
            try:
                balance = await self._purse.balance(lane=wish.meta.lane, n=n, voucher_id=voucher.voucher_id)
                if balance is None and await self._purse.epoch_here(wish.meta.lane) != n:
                    return  # lost a moment ago, and with it what we would reckon with
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

    # -- once a second

    def _adopt(self) -> None:
        """The journals of processes that died: their events become ours to deliver."""
        orphans = adopt_orphans(self._journal_directory)
        is_safe = True
        for event in last_words(orphans):
            waiting = self._unposted.add(event, hold=None, tokens=0, now_s=self._loop.time())
            is_safe = is_safe and waiting.journaled
        if is_safe:  # else they stay, locked while we live, and our heir sends them once more
            for orphan in orphans:
                orphan.release()

    async def _renew_forever(self) -> None:
        """The lease waits for nothing else: a sweeper believes that who lets it go is dead."""
        while True:
            asked_s = self._loop.time()
            try:
                await self._purse.renew_lease(self.gateway_id)
                self._renewed_s = asked_s
            except PurseUnavailable:
                pass  # nobody can sweep either while the purse is away
            except Exception:  # noqa: BLE001 - a fault here must not make the living look dead
                _log.exception("meter_lease_failed")
            await asyncio.sleep(RENEW_S)

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._tick()
            except Exception:  # noqa: BLE001 - a fault here must not end acknowledging and leaving for good
                _log.exception("meter_tick_failed")

    async def _tick(self) -> None:
        now_s = self._loop.time()
        send_again = partial(self._unposted.send_again, now_s)
        orphans = partial(self._orphans.end, now_s), partial(self._orphans.look, now_s)
        for step in (self._unposted.fetch_acks, send_again, *orphans):
            try:  # each for itself: lanes on a node that is away must not stop the others
                await step()
            except PurseUnavailable:
                pass  # the next tick tries again; nothing was forgotten
        try:
            async with asyncio.timeout(BOOKS_ANSWER_S):
                leaving = await self._treasury.poll(self.gateway_id)
                self._books_seen_s = self._loop.time()
                self.pressed.somebody_is_missing = await self._treasury.is_gateway_missing(self.gateway_id)
                for lane_no, n in leaving:
                    await self._lanes.leave(lane_no, n)
        except (TreasuryUnavailable, PurseUnavailable, TimeoutError):
            pass  # as above
