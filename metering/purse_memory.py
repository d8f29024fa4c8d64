"""The purse in memory: the readable specification of the Lua scripts, and a test's purse.

One state machine drives this and the real server side by side and compares every answer; where they differ,
one of them is wrong. It reads no clock: `now_ms` is handed in, as a function.

A data set can lose its memory in the ways a server can: `restart` (a new replication id, data kept), `flush`
(data gone, id kept), `snapshot`/`restore` (an older state comes back under a new id).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from metering import granting, habit
from metering.data_set import DataSet, HoldHash, KeyHash, LaneKeys, VoucherHash
from metering.money import AMOUNT_MICRO_MAX
from metering.purse import (
    LEASE_MS,
    EventKind,
    Extended,
    ExtendOutcome,
    ExtendShort,
    Gone,
    HoldRef,
    Late,
    Limited,
    Loan,
    LogEntry,
    OpenCall,
    OtherEpoch,
    Over,
    PurseUnavailable,
    Reserved,
    ReserveOutcome,
    ReserveRequest,
    Settled,
    SettleOutcome,
    Vacant,
    VoucherBalance,
)


class MemoryPurse:
    """metering.purse.Purse over a DataSet. Every verb is one step: nothing waits inside it."""

    def __init__(self, *, now_ms: Callable[[], int], data: DataSet | None = None) -> None:
        self._now_ms = now_ms
        self.data = data or DataSet()

    # -- what a server suffers

    def restart(self) -> None:
        self.data.replid = f"{self.data.replid[0]}{int(self.data.replid[1:]) + 1}"

    def flush(self) -> None:
        self.data.lanes.clear()
        self.data.leases.clear()

    def restore(self, older: DataSet) -> None:
        replid = self.data.replid
        self.data = older.snapshot()
        self.data.replid = replid
        self.restart()

    # -- the gateway's verbs

    async def reserve(self, request: ReserveRequest) -> ReserveOutcome:
        _amounts(request.want_micro, request.least_micro, request.tokens)
        lane = self.data.lane(request.lane)
        if refusal := self._fence(lane, request.n):
            return refusal
        hold = lane.holds.get((request.n, request.op))
        if hold is not None and hold.state == "open":
            return _take_over(lane, hold, request)
        if hold is not None and hold.charge:
            return Over()
        now_ms = self._now_ms()
        key = replace(lane.keys.get((request.n, request.key_id)) or KeyHash())  # kept only if a hold is made
        if limited := granting.limit_reached(key, request, now_ms):
            return limited
        chosen = granting.choose(lane, key, request, now_ms)
        if not isinstance(chosen, tuple):
            return chosen
        voucher_id, granted = chosen
        voucher = lane.vouchers[request.n, voucher_id]
        voucher.held += granted
        voucher.open += 1
        if request.limits.any:
            lane.keys[request.n, request.key_id] = key
            key.day_held += granted
            key.open += 1
            if request.limits.requests_per_minute is not None:
                key.requests[request.op] = now_ms
            if request.limits.tokens_per_minute is not None:
                key.tokens[request.op] = (now_ms, request.tokens)
        answer = Reserved(voucher_id, granted, now_ms, voucher.available, voucher.loan.limit_micro)
        lane.holds[request.n, request.op] = HoldHash(
            answer=answer,
            gateway_id=request.gateway_id,
            key_id=request.key_id if request.limits.any else None,
            day=granting.day_in_korea(now_ms),
            budget=request.limits.krw_per_day_micro,
            meta=request.meta,
            amount=granted,
        )
        lane.open_ops.setdefault((request.n, request.gateway_id), set()).add(request.op)
        return answer

    async def extend(
        self,
        hold: HoldRef,
        *,
        want_micro: int,
        least_micro: int,
        floor_micro: int,
        floor_output_tokens: int,
        first: bool = True,
    ) -> ExtendOutcome:
        _amounts(want_micro, least_micro, floor_micro, floor_output_tokens)
        keys = self.data.lane(hold.lane)
        record = keys.holds.get((hold.n, hold.op))
        if self._fence(keys, hold.n) or record is None:
            return Gone()
        if record.state != "open" or record.gateway_id != hold.gateway_id:
            return Gone()  # ended, or another gateway's by now
        if floor_micro > record.floor:
            record.floor = floor_micro
            record.floor_output_tokens = floor_output_tokens
        if want_micro <= record.amount:
            return Extended(record.amount)
        voucher = keys.vouchers[hold.n, record.answer.voucher_id]
        key = None if record.key_id is None else keys.keys[hold.n, record.key_id]
        if key is not None and key.day != record.day:
            key = None  # the budget is another day's now
        day_left = None if key is None else granting.day_left(key, record.budget)
        free = voucher.available if day_left is None else min(voucher.available, day_left)
        part = free if first else min(free, voucher.available // voucher.open)
        amount = min(want_micro, record.amount + part)
        if amount < least_micro or amount <= record.amount:
            if free < voucher.available:
                return Limited("krw_per_day", granting.to_midnight_ms(self._now_ms()))
            return ExtendShort(voucher.available, voucher.held)
        more = amount - record.amount
        voucher.held += more
        if key is not None:
            key.day_held += more
        record.amount = amount
        return Extended(amount)

    async def settle(self, hold: HoldRef, *, charge_micro: int, tokens: int, event: bytes) -> SettleOutcome:
        _amounts(charge_micro, tokens)
        keys = self.data.lane(hold.lane)
        record = keys.holds.get((hold.n, hold.op))
        if record is not None and not (charge_micro and record.charge == 0):  # the first end counts
            if record.late_event_id:
                return Late(record.late_event_id)
            if record.state == "settled":
                return self._settled(keys.vouchers[hold.n, record.answer.voucher_id], record.event_id)
        fields = {"charge": str(charge_micro).encode(), "e": event}
        refusal = self._fence(keys, hold.n)
        if record is not None and record.given is not None and not charge_micro and not refusal:
            if record.state == "open" and record.gateway_id == hold.gateway_id:
                # It came to nothing here: what the first gateway had given is what the call costs.
                self._sweep(keys, hold.n, hold.op, record, *record.given)
            return self._settle_late(keys, hold, None, charge_micro, fields)
        if record is not None and record.state == "open" and record.gateway_id != hold.gateway_id:
            # Another gateway makes the call again, and has the last word on it.
            return self._settle_late(keys, hold, None, charge_micro, fields)
        if record is None or record.state != "open" or refusal:
            return self._settle_late(keys, hold, record, charge_micro, fields)
        voucher = keys.vouchers[hold.n, record.answer.voucher_id]
        if charge_micro > record.amount:
            # Beyond its hold: the books must not take the rest from the holds of others.
            fields["taken"] = str(min(charge_micro, record.amount + voucher.available)).encode()
        event_id = self._append(keys, "settled", hold.op, hold.n, fields)
        self._end(keys, hold.n, hold.op, record, charge_micro, tokens)
        if charge_micro:
            voucher.usual = habit.dearest(voucher.usual, charge_micro)
        record.state = "settled"
        record.charge = charge_micro
        record.event_id = event_id
        return self._settled(voucher, event_id)

    async def note(self, *, lane: int, kind: EventKind, op: str, n: int, event: bytes) -> str:
        return self._append(self.data.lane(lane), kind, op, n, {"e": event})

    async def pop_acks(self, *, lane: int, gateway_id: str, count: int) -> list[str]:
        acks = self.data.lane(lane).acks.get(gateway_id, [])
        popped, acks[:count] = acks[:count], []
        return popped

    async def renew_lease(self, gateway_id: str) -> None:
        self.data.leases[gateway_id] = self._now_ms() + LEASE_MS

    async def find_hold(self, *, lane: int, n: int, op: str) -> HoldRef | None:
        record = self.data.lane(lane).holds.get((n, op))
        if record is None or record.state != "open" or record.late_event_id:
            return None
        return HoldRef(lane, n, op, record.answer.voucher_id, record.key_id or "", record.gateway_id)

    async def open_call(self, *, lane: int, n: int, op: str) -> OpenCall | None:
        record = self.data.lane(lane).holds.get((n, op))
        if record is None or record.state != "open":
            return None
        return OpenCall(record.meta, record.answer.voucher_id, record.floor)

    async def balance(self, *, lane: int, n: int, voucher_id: str) -> VoucherBalance | None:
        keys = self.data.lane(lane)
        voucher = keys.vouchers.get((n, voucher_id))
        if voucher is None or self._fence(keys, n):
            return None
        loan = voucher.loan
        return VoucherBalance(
            version=loan.version,
            limit_micro=loan.limit_micro,
            spent_micro=voucher.spent,
            held_micro=voucher.held,
            before_micro=loan.before_micro,
            frozen_micro=loan.frozen_micro,
            granted_government_micro=loan.granted_government_micro,
            granted_self_micro=loan.granted_self_micro,
        )

    # -- the treasury's verbs

    async def vacate(self, *, lane: int, nonce: str, used_ticket: str | None, stale_n: int) -> str | None:
        epoch = self.data.lane(lane).epoch
        living = epoch.n is not None and epoch.fence == self.data.replid
        if living and epoch.n != stale_n:
            return None
        epoch.n = epoch.fence = None
        mine = epoch.ticket is not None and epoch.ticket.endswith(f"@{self.data.replid}")
        if not mine or epoch.ticket == used_ticket:
            epoch.ticket = f"{nonce}@{self.data.replid}"
        return epoch.ticket

    async def open(self, *, lane: int, n: int, ticket: str) -> bool:
        keys = self.data.lane(lane)
        epoch = keys.epoch
        if epoch.n == n and epoch.fence == self.data.replid:
            return True
        if epoch.ticket != ticket or not ticket.endswith(f"@{self.data.replid}"):
            return False
        epoch.n, epoch.fence, epoch.ticket = n, self.data.replid, None
        self._append(keys, "opened", "", n, {"e": b"{}"})
        return True

    async def lend(self, *, lane: int, n: int, loan: Loan) -> bool | Vacant | OtherEpoch:
        _amounts(loan.version, loan.limit_micro)
        keys = self.data.lane(lane)
        if refusal := self._fence(keys, n):
            return refusal
        voucher = keys.vouchers.get((n, loan.voucher_id))
        if voucher is None:
            if loan.version != 1:
                return False
            keys.vouchers[n, loan.voucher_id] = VoucherHash(loan)
        elif loan.version > voucher.loan.version:
            # No total takes back what is spent or held.
            limit = max(loan.limit_micro, voucher.spent + voucher.held)
            voucher.loan = replace(loan, limit_micro=limit)
        return True

    async def recall(
        self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
    ) -> int | Vacant | OtherEpoch | None:
        _amounts(version, target_micro)
        keys = self.data.lane(lane)
        if refusal := self._fence(keys, n):
            return refusal
        voucher = keys.vouchers.get((n, voucher_id))
        if voucher is None or version < voucher.loan.version:
            return None
        if version > voucher.loan.version:
            limit = max(target_micro, voucher.spent + voucher.held)
            voucher.loan = replace(voucher.loan, version=version, limit_micro=limit)
        return voucher.loan.limit_micro

    # -- the worker's verbs

    async def sweep(self, *, lane: int, n: int, op: str, gateway_id: str) -> SettleOutcome | Gone:
        keys = self.data.lane(lane)
        hold = keys.holds.get((n, op))
        if hold is None or hold.state != "open" or hold.gateway_id != gateway_id:
            keys.open_ops.get((n, gateway_id), set()).discard(op)
            return Gone()
        event_id = self._sweep(keys, n, op, hold, hold.floor, hold.floor_output_tokens, hold.meta)
        return self._settled(keys.vouchers[n, hold.answer.voucher_id], event_id)

    async def open_ops(self, *, lane: int, n: int, gateway_id: str) -> list[str]:
        return sorted(self.data.lane(lane).open_ops.get((n, gateway_id), set()))

    async def lease_alive(self, gateway_id: str) -> bool:
        return self.data.leases.get(gateway_id, 0) > self._now_ms()

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]:
        """The oldest, or those that follow the entry `after`. Ids rise by their second number here."""
        last = int(after.partition("-")[2] or -1)
        return [e for e in self.data.lane(lane).log if int(e.entry_id.partition("-")[2]) > last][:count]

    async def log_lengths(self) -> list[int]:
        return [len(self.data.lane(lane).log) for lane in range(64)]

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
        keys = self.data.lane(lane)
        doomed = set(entry_ids)
        keys.log = [entry for entry in keys.log if entry.entry_id not in doomed]

    async def push_acks(self, *, lane: int, acks: dict[str, list[str]]) -> None:
        keys = self.data.lane(lane)
        for gateway_id, ops in acks.items():
            keys.acks.setdefault(gateway_id, []).extend(ops)

    async def epoch_here(self, lane: int) -> int | None:
        epoch = self.data.lane(lane).epoch
        return epoch.n if epoch.fence == self.data.replid else None

    async def data_set(self) -> str:
        return self.data.replid

    # -- inside

    def _fence(self, lane: LaneKeys, n: int) -> Vacant | OtherEpoch | None:
        if lane.epoch.n is None or lane.epoch.fence != self.data.replid:
            return Vacant()
        return None if lane.epoch.n == n else OtherEpoch(lane.epoch.n)

    def _append(self, lane: LaneKeys, kind: str, op: str, n: int, fields: dict[str, bytes]) -> str:
        self.data.sequence += 1
        entry_id = f"{self._now_ms()}-{self.data.sequence}"
        lane.log.append(LogEntry(entry_id, kind, op, n, fields))
        return entry_id

    def _sweep(
        self, keys: LaneKeys, n: int, op: str, hold: HoldHash, floor: int, output_tokens: int, meta: bytes
    ) -> str:
        fields = {
            "charge": str(floor).encode(),
            "out": str(output_tokens).encode(),
            "v": hold.answer.voucher_id.encode(),
            "t": str(hold.answer.held_at_ms).encode(),
            "e": meta,
        }
        event_id = self._append(keys, "swept", op, n, fields)
        self._end(keys, n, op, hold, floor, output_tokens)
        hold.state, hold.charge, hold.event_id = "swept", floor, event_id
        return event_id

    def _settle_late(
        self, keys: LaneKeys, hold: HoldRef, record: HoldHash | None, charge: int, fields: dict[str, bytes]
    ) -> Late:
        event_id = self._append(keys, "settled", hold.op, hold.n, {**fields, "late": b"1"})
        if record is not None:
            record.late_event_id = event_id
            record.charge = charge
            if record.state == "open":  # its epoch is over, so nobody has to sweep it
                keys.open_ops.get((hold.n, record.gateway_id), set()).discard(hold.op)
        return Late(event_id)

    def _end(self, lane: LaneKeys, n: int, op: str, hold: HoldHash, charge: int, tokens: int) -> None:
        voucher = lane.vouchers[n, hold.answer.voucher_id]
        taken = min(charge, hold.amount + voucher.available)
        voucher.held -= hold.amount
        voucher.spent += taken
        voucher.open -= 1
        lane.open_ops.get((n, hold.gateway_id), set()).discard(op)
        assert voucher.spent + voucher.held <= voucher.loan.limit_micro, "a purse never passes its loan"
        if hold.key_id is None:
            return
        key = lane.keys[n, hold.key_id]
        key.open -= 1
        if key.day == hold.day:
            key.day_held -= hold.amount
            key.day_spent += taken
        if op in key.tokens:
            key.tokens[op] = (key.tokens[op][0], tokens)

    def _settled(self, voucher: VoucherHash, event_id: str) -> Settled:
        loan = voucher.loan
        return Settled(
            event_id=event_id,
            spent_micro=voucher.spent,
            held_micro=voucher.held,
            limit_micro=loan.limit_micro,
            granted_government_micro=loan.granted_government_micro,
            granted_self_micro=loan.granted_self_micro,
            before_micro=loan.before_micro,
            frozen_micro=loan.frozen_micro,
        )


def _amounts(*amounts: int) -> None:
    """A sign would make money; above 2^53 the scripts cannot compare exactly."""
    if not all(0 <= amount <= AMOUNT_MICRO_MAX for amount in amounts):
        raise PurseUnavailable(f"not an amount of micro-won: {amounts}")


def _take_over(lane: LaneKeys, hold: HoldHash, request: ReserveRequest) -> Reserved:
    """An open hold is asked for again: its answer was lost, or its gateway is dead and the call made again.

    Then it goes over to the second gateway, so that no sweep of the dead one's ends it. (A hold that ended
    without a charge is made anew where it is asked for again; one that ended with a charge is over.)
    """
    if hold.gateway_id != request.gateway_id:
        lane.open_ops.get((request.n, hold.gateway_id), set()).discard(request.op)
        lane.open_ops.setdefault((request.n, request.gateway_id), set()).add(request.op)
        if hold.floor:  # what the dead one gave of its answer stays owed, unless the call costs something now
            hold.given = hold.floor, hold.floor_output_tokens, hold.meta
        hold.gateway_id, hold.meta = request.gateway_id, request.meta
    return hold.answer
