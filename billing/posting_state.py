"""What the posting rules work on and what they give: the books as locked, and what a batch writes. Values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from billing.ledger.journal import Entry, EntryKind
from billing.ledger.rules import ChargeTotals, VoucherRef, charge
from billing.posting_events import Charge, Mark, OpenClaim
from billing.statements.month import Month


@dataclass(slots=True)
class FundsState:
    voucher_id: str
    company_id: str
    programme_id: str
    share_ppm: int
    free_micro: int
    charged_micro: int
    direct_micro: int


@dataclass(slots=True)
class LoanState:
    lane: int
    n: int
    voucher_id: str
    lent_micro: int
    posted_micro: int
    returned_micro: int
    beyond_micro: int
    epoch: str  # open | closing | closed
    changed: bool = False

    @property
    def room_micro(self) -> int:
        return self.lent_micro - self.posted_micro - self.returned_micro


class Booked(msgspec.Struct, frozen=True, gc=False):
    """The latest step of a call in the books."""

    step: int
    kind: str
    voucher_id: str
    n: int
    charge_micro: int
    government_micro: int
    self_micro: int
    uncollected_micro: int
    from_loan_micro: int
    from_free_micro: int
    gateway_id: str
    started_ms: int  # of the try that is booked


NOTHING_BOOKED = Booked(-1, "", "", 0, 0, 0, 0, 0, 0, 0, "", 0)


@dataclass(slots=True)
class BooksState:
    """What the books hold about everything a batch names. The rules change it in place."""

    funds: dict[str, FundsState]
    loans: dict[tuple[int, int, str], LoanState]
    epochs: dict[tuple[int, int], str]
    booked: dict[str, Booked]
    claimed: dict[str, tuple[int, str]]  # op -> the epoch its hold is in, and whose it is
    gone: set[tuple[int, str]]  # (lane, gateway)
    uncounted: set[tuple[str, int]]  # (op, n): booked there, and no purse has counted it
    open_month: Month | None = None  # the first one that is open; None: no month was ever closed


class UsageRow(msgspec.Struct, frozen=True, gc=False):
    charge: Charge
    now: Booked
    before: Booked
    programme_id: str
    group: int | None  # which entry books it; None where nothing moved


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    lane: int
    stream_id: str
    kind: str
    op: str
    reason: str
    payload: bytes


@dataclass(slots=True)
class ChargeGroup:
    kind: EntryKind
    voucher: VoucherRef
    provider_id: str
    lane: int
    totals: ChargeTotals = field(default_factory=ChargeTotals)


@dataclass(slots=True)
class Outcome:
    """What a batch writes.

    `restate` names the vouchers of which the purse shows or allows something else now.
    """

    rows: list[UsageRow] = field(default_factory=list)
    groups: list[ChargeGroup] = field(default_factory=list)
    claims: dict[str, OpenClaim] = field(default_factory=dict)
    claims_dropped: list[str] = field(default_factory=list)
    uncounted: dict[tuple[str, int], int] = field(default_factory=dict)  # (op, n) -> lane
    uncounted_over: list[tuple[str, int]] = field(default_factory=list)
    left: list[tuple[int, int, str]] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    parked: list[ParkedEvent] = field(default_factory=list)
    key_days: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    restate: set[str] = field(default_factory=set)
    funds_changed: set[str] = field(default_factory=set)
    acks: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    group_of: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def acknowledge(self, lane: int, gateway_id: str, op: str) -> None:
        self.acks.setdefault(lane, {}).setdefault(gateway_id, []).append(op)

    def entries(self) -> list[Entry | None]:
        """One compound entry per group; None where the legs cancel out."""
        return [_entry(group) for group in self.groups]


def _entry(group: ChargeGroup) -> Entry | None:
    entry = charge(group.kind, group.voucher, group.provider_id, lane=group.lane, totals=group.totals)
    return entry if entry.postings else None
