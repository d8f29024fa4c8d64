"""What a call asks of the meter, what it gets, and the ways in which it is refused. Values only."""

from __future__ import annotations

import msgspec

from metering.directory import KeyLimits, Voucher
from metering.event import CallMeta, UsageEvent
from metering.purse import HoldRef, LimitName


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


class Wish(msgspec.Struct, frozen=True):
    """What a call asks of the meter. `vouchers` stand in the order in which they pay."""

    meta: CallMeta
    vouchers: tuple[Voucher, ...]
    want_micro: int
    least_micro: int
    tokens: int
    limits: KeyLimits
    sliced: bool = False
    waits: bool = False  # nothing runs on the hold until `Meter.begin` says so


class Held(msgspec.Struct):
    """A hold this process owns until it settles it."""

    ref: HoldRef
    meta: CallMeta
    voucher: Voucher
    granted_micro: int
    held_at_ms: int
    want_micro: int
    grows: bool = False  # its hold may be raised while it runs
    waits: bool = False
    needed_micro: int = 0  # the most it ever had to ask for while it ran


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
