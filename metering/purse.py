"""The purse: what may still be spent, held and settled in one step each. A port with two forms.

`purse_memory` is the readable specification; `purse_redis` is the same verbs as Lua scripts on Redis; one
state machine of the tests drives both side by side. The protocol, with its reasons:
docs/concepts/money-protocol.md.

Amounts are micro-won. `n` is the epoch the caller believes in; every verb that moves money is refused with
`Vacant` or `OtherEpoch` where the data set in front of us is not that epoch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from metering.directory import KeyLimits

HOLD_KEPT_MS: Final = 3_600_000  # a hold's record outlives its end by this, and never expires before it
LEASE_MS: Final = 10_000

EventKind = Literal["settled", "swept", "left", "gone", "drained", "opened"]
LimitName = Literal["requests_per_minute", "tokens_per_minute", "krw_per_day", "concurrent"]


class ReserveRequest(msgspec.Struct, frozen=True):
    """One call's wish. The first voucher that covers `want` pays; else the fullest that covers `least`."""

    op: str
    lane: int
    n: int
    gateway_id: str
    vouchers: tuple[str, ...]
    want_micro: int
    least_micro: int
    key_id: str
    tokens: int  # counted against tokens_per_minute while the call runs
    limits: KeyLimits
    meta: bytes  # the call's description, kept with the hold for whoever must end it
    sliced: bool = False  # the caller can extend its hold while it runs, so a part will do to begin with
    day_spent_micro: int | None = None  # the key's spending today by the books, where the epoch is new to it


class HoldRef(msgspec.Struct, frozen=True):
    """Where a hold lives, for whoever extends or settles it."""

    lane: int
    n: int
    op: str
    voucher_id: str
    key_id: str
    gateway_id: str


class Reserved(msgspec.Struct, frozen=True):
    voucher_id: str
    granted_micro: int
    held_at_ms: int  # Redis time; the call's service time
    available_micro: int  # of the voucher, after the hold
    limit_micro: int


@dataclass(frozen=True, slots=True)
class NoLoan:
    """The books have lent nothing to this voucher in this epoch, as far as the purse knows."""

    voucher_id: str


@dataclass(frozen=True, slots=True)
class Short:
    """No voucher covers the least. `voucher_id` is the fullest; `held_micro` is tied up in other calls."""

    voucher_id: str
    available_micro: int
    held_micro: int


@dataclass(frozen=True, slots=True)
class Ended:
    """No voucher named is active now by the purse's own clock and state."""


@dataclass(frozen=True, slots=True)
class Limited:
    limit: LimitName
    retry_ms: int


@dataclass(frozen=True, slots=True)
class KeyDayUnknown:
    """The key has a budget per day and this epoch does not know what it spent today: ask the books."""

    day: int  # days since 1970-01-01 in Korea


@dataclass(frozen=True, slots=True)
class Vacant:
    """The data set lost its epoch: emptied, restarted or promoted."""


@dataclass(frozen=True, slots=True)
class OtherEpoch:
    n: int


@dataclass(frozen=True, slots=True)
class Over:
    """The call under this op has ended with a charge: it cannot be begun again."""


ReserveOutcome = Reserved | NoLoan | Short | Ended | Limited | KeyDayUnknown | Over | Vacant | OtherEpoch


@dataclass(frozen=True, slots=True)
class Extended:
    granted_micro: int  # the hold's amount now


@dataclass(frozen=True, slots=True)
class ExtendShort:
    available_micro: int
    held_micro: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The hold is not open here any more: swept, settled, or of another epoch."""


ExtendOutcome = Extended | ExtendShort | Limited | Gone


class Settled(msgspec.Struct, frozen=True):
    event_id: str  # the stream entry that carries the event
    spent_micro: int
    held_micro: int
    limit_micro: int
    granted_government_micro: int
    granted_self_micro: int
    before_micro: int
    frozen_micro: int


@dataclass(frozen=True, slots=True)
class Late:
    """The event is in the stream and no balance was touched: the hold was not open in a living epoch."""

    event_id: str


SettleOutcome = Settled | Late


@dataclass(frozen=True, slots=True)
class Loan:
    """What the treasury tells the purse of one voucher: totals under a version, never deltas."""

    voucher_id: str
    version: int
    limit_micro: int
    ends_ms: int
    state: str
    granted_government_micro: int
    granted_self_micro: int
    before_micro: int  # spent by the books outside this epoch's loan
    frozen_micro: int  # lent to epochs that are not closed yet


@dataclass(frozen=True, slots=True)
class VoucherBalance:
    """One voucher's hash in the purse. Invariant: spent + held <= limit."""

    version: int
    limit_micro: int
    spent_micro: int
    held_micro: int
    before_micro: int
    frozen_micro: int
    granted_government_micro: int
    granted_self_micro: int


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    entry_id: str
    kind: str
    op: str
    n: int
    fields: dict[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that runs: what was noted of it when its hold was made, and its last checkpoint."""

    meta: bytes
    voucher_id: str
    floor_micro: int


class PurseUnavailable(Exception):
    """The purse cannot be reached, or answered with a fault. What was asked may or may not have happened."""


class Purse(Protocol):
    # the gateway's verbs
    async def reserve(self, request: ReserveRequest) -> ReserveOutcome: ...

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
        """Raise the hold to `want_micro` in all, at least to `least_micro`; 0 is a checkpoint only.

        Not `first`: of what is free it may take its part among all that run, and no more.
        Limited is the key's budget for the day: more money in the purse would not help.
        """

    async def settle(
        self, hold: HoldRef, *, charge_micro: int, tokens: int, event: bytes
    ) -> SettleOutcome: ...

    async def note(self, *, lane: int, kind: EventKind, op: str, n: int, event: bytes) -> str: ...

    async def pop_acks(self, *, lane: int, gateway_id: str, count: int) -> list[str]: ...

    async def renew_lease(self, gateway_id: str) -> None: ...

    async def find_hold(self, *, lane: int, n: int, op: str) -> HoldRef | None:
        """An open hold, for who lost the answer to its reserve."""

    async def open_call(self, *, lane: int, n: int, op: str) -> OpenCall | None: ...

    async def balance(self, *, lane: int, n: int, voucher_id: str) -> VoucherBalance | None: ...

    # the treasury's verbs
    async def vacate(self, *, lane: int, nonce: str, used_ticket: str | None, stale_n: int) -> str | None: ...

    async def open(self, *, lane: int, n: int, ticket: str) -> bool: ...

    async def lend(self, *, lane: int, n: int, loan: Loan) -> bool | Vacant | OtherEpoch: ...

    async def recall(
        self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
    ) -> int | Vacant | OtherEpoch | None: ...

    # the worker's verbs
    async def sweep(self, *, lane: int, n: int, op: str, gateway_id: str) -> SettleOutcome | Gone: ...

    async def open_ops(self, *, lane: int, n: int, gateway_id: str) -> list[str]: ...

    async def lease_alive(self, gateway_id: str) -> bool: ...

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]: ...

    async def log_lengths(self) -> list[int]: ...

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None: ...

    async def push_acks(self, *, lane: int, acks: dict[str, list[str]]) -> None: ...

    async def epoch_here(self, lane: int) -> int | None: ...

    async def data_set(self) -> str: ...
