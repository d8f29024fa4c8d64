"""A gateway reduced to its part in the money protocol: it holds, settles, remembers, re-sends and leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from metering.event import LeftNotice, OpenHold, UsageEvent
from metering.purse import (
    HoldRef,
    NoLoan,
    OtherEpoch,
    PurseUnavailable,
    Reserved,
    ReserveRequest,
    Short,
    Vacant,
)
from metering.treasury import EpochReplaced, NothingFree, TreasuryUnavailable
from tests.fakes.books_world import LANE, META, NO_LIMITS, VOUCHER, World
from tests.fakes.call_meta import call_meta


@dataclass(slots=True)
class OpenCall:
    ref: HoldRef
    granted_micro: int
    held_at_ms: int


@dataclass(slots=True)
class SimulatedGateway:
    gateway_id: str
    world: World
    n: int = 0
    calls: dict[str, OpenCall] = field(default_factory=dict)
    unposted: dict[str, UsageEvent] = field(default_factory=dict)
    unanswered: dict[str, HoldRef] = field(default_factory=dict)  # settlements whose answer never came

    async def begin(self, op: str, want_micro: int) -> bool:
        """Hold `want_micro`. False where there is nothing to hold now."""
        try:
            return await self._begin(op, want_micro)
        except (PurseUnavailable, TreasuryUnavailable):
            return False

    async def _begin(self, op: str, want_micro: int) -> bool:
        for _ in range(6):
            if not self.n:
                self._see(await self.world.treasury.current_epoch(LANE))
            outcome = await self.world.purse.reserve(self._request(op, want_micro))
            match outcome:
                case Reserved():
                    ref = HoldRef(LANE, self.n, op, VOUCHER, META.key_id, self.gateway_id)
                    self.calls[op] = OpenCall(ref, outcome.granted_micro, outcome.held_at_ms)
                    return True
                case Vacant():
                    self._see(await self.world.treasury.renew_epoch(LANE, self.n))
                case OtherEpoch(n):
                    self._see(n if n > self.n else await self.world.treasury.renew_epoch(LANE, self.n))
                case NoLoan() | Short():
                    lent = await self.world.treasury.lend(
                        lane=LANE, n=self.n, voucher_id=VOUCHER, need_micro=want_micro
                    )
                    if isinstance(lent, NothingFree):
                        return False
                    if isinstance(lent, EpochReplaced):
                        self._see(lent.n)
                case _:
                    return False
        return False

    def _request(self, op: str, want_micro: int) -> ReserveRequest:
        return ReserveRequest(
            op=op,
            lane=LANE,
            n=self.n,
            gateway_id=self.gateway_id,
            vouchers=(VOUCHER,),
            want_micro=want_micro,
            least_micro=want_micro,
            key_id=META.key_id,
            tokens=0,
            limits=NO_LIMITS,
            meta=call_meta(op, self.gateway_id).to_bytes(),
        )

    def _see(self, n: int) -> None:
        self.n = max(self.n, n)

    async def checkpoint(self, op: str, floor_micro: int) -> None:
        call = self.calls[op]
        await self.world.purse.extend(
            call.ref, want_micro=0, least_micro=0, floor_micro=floor_micro, floor_output_tokens=1
        )

    async def end(self, op: str, charge_micro: int) -> None:
        call = self.calls.pop(op)
        event = self.world.event(op, call.ref.n, charge_micro, gateway_id=self.gateway_id)
        self.unposted[op] = event
        self.unanswered[op] = call.ref
        await self._settle(op)

    async def _settle(self, op: str) -> None:
        event = self.unposted[op]
        try:
            await self.world.purse.settle(
                self.unanswered[op], charge_micro=event.charge_micro, tokens=0, event=event.to_bytes()
            )
        except PurseUnavailable:
            return  # sent again until it is answered
        del self.unanswered[op]

    async def tick(self, *, send_again: bool) -> None:
        senders = {event.meta.gateway_id for event in self.unposted.values()} | {self.gateway_id}
        for sender in senders:
            for op in await self.world.purse.pop_acks(lane=LANE, gateway_id=sender, count=1000):
                if op in self.unposted and op not in self.unanswered:
                    del self.unposted[op]
        if send_again:
            for op, event in self.unposted.items():
                if op in self.unanswered:
                    await self._settle(op)
                    continue
                # Adopted from a dead process: where its settlement never arrived, its hold is still open.
                hold = await self.world.purse.find_hold(lane=LANE, n=event.n, op=op)
                if hold is not None and event.meta.gateway_id != self.gateway_id:
                    self.unanswered[op] = hold
                    await self._settle(op)
                else:
                    await self.world.purse.note(
                        lane=LANE, kind="settled", op=op, n=event.n, event=event.to_bytes()
                    )
        for lane, n in await self.world.treasury.poll(self.gateway_id):
            if self.n and self.n <= n:
                try:
                    self._see(await self.world.treasury.current_epoch(LANE))
                except (PurseUnavailable, TreasuryUnavailable):
                    continue
            if self.n > n or not self.n:
                await self._leave(lane, n)

    async def _leave(self, lane: int, n: int) -> None:
        notice = LeftNotice(
            gateway_id=self.gateway_id,
            lane=lane,
            n=n,
            events=tuple(event for event in self.unposted.values() if event.n == n),
            open_holds=tuple(
                OpenHold(op, VOUCHER, call.granted_micro)
                for op, call in self.calls.items()
                if call.ref.n == n
            ),
        )
        op = f"left:{self.gateway_id}:{lane}:{n}"
        await self.world.purse.note(lane=lane, kind="left", op=op, n=n, event=notice.to_bytes())
