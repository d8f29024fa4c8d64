"""What a server keeps for the purse, as values: the keys of docs/concepts/money-protocol.md without Redis.

Balances, windows and states only. What may change them stands in metering/purse_memory.py.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from metering.purse import Loan, LogEntry, Reserved


@dataclass(slots=True)
class EpochHash:
    n: int | None = None
    fence: str | None = None
    ticket: str | None = None


@dataclass(slots=True)
class VoucherHash:
    loan: Loan
    spent: int = 0
    held: int = 0
    open: int = 0
    usual: int = 0  # what a call costs, the dearest of the last; 0: none ended yet

    @property
    def available(self) -> int:
        return self.loan.limit_micro - self.spent - self.held


@dataclass(slots=True)
class KeyHash:
    day: int | None = None
    day_spent: int = 0
    day_held: int = 0
    open: int = 0
    requests: dict[str, int] = field(default_factory=dict)  # op -> ms
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)  # op -> (ms, tokens)


@dataclass(slots=True)
class HoldHash:
    answer: Reserved
    gateway_id: str
    key_id: str | None  # None: the key has no limits, so nothing is counted
    day: int
    budget: int | None  # the key's for that day
    meta: bytes
    amount: int
    floor: int = 0
    floor_output_tokens: int = 0
    given: tuple[int, int, bytes] | None = None  # floor, tokens and meta of the gateway that had it before
    state: str = "open"  # open | settled | swept
    event_id: str = ""
    late_event_id: str = ""
    charge: int | None = None  # None: open


@dataclass(slots=True)
class LaneKeys:
    epoch: EpochHash = field(default_factory=EpochHash)
    vouchers: dict[tuple[int, str], VoucherHash] = field(default_factory=dict)
    holds: dict[tuple[int, str], HoldHash] = field(default_factory=dict)
    open_ops: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    keys: dict[tuple[int, str], KeyHash] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)
    acks: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class DataSet:
    """What a server keeps."""

    replid: str = "a0"
    sequence: int = 0
    lanes: dict[int, LaneKeys] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)

    def lane(self, lane: int) -> LaneKeys:
        return self.lanes.setdefault(lane, LaneKeys())

    def snapshot(self) -> DataSet:
        return copy.deepcopy(self)
