"""What the meter tells the books, as bytes of a stream entry.

A stream entry has the fields `op`, `kind`, `n`, `e` and, where money is concerned, `charge`. `e` is JSON:

    settled   a UsageEvent, written by the gateway that made the call; `taken` is what the purse could take
              of the charge, where that is beyond the call's hold
    swept     the CallMeta kept with the hold; `charge` and `out` (output tokens) are the last checkpoint's,
              `v` is the voucher that pays and `t` the hold's time
    left      a LeftNotice: the gateway has done with epoch n; all it knows of n is in here
    gone      {"gateway": ...}: the gateway is dead and its holds are swept; it can charge nothing any more
    drained   {}: no open hold of a dead gateway is left in epoch n
    opened    {}: the epoch was opened in this data set

Amounts are integers of micro-won, times are milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson

EVENT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class CallMeta:
    """What is known of a call when its hold is made: enough to book it if nobody comes back."""

    op: str
    request_id: str
    gateway_id: str
    lane: int
    company: str
    provider: str
    product: str
    key_id: str
    api_key: str
    tag: str | None
    dialect: str
    stream: bool
    started_ms: int
    price_entry: str
    price_from: str

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> CallMeta:
        return cls(**orjson.loads(data))


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One call's end. `charge_micro` is the whole charge, also where the purse could take only a part."""

    meta: CallMeta
    n: int
    voucher: str
    held_at_ms: int
    finished_ms: int
    status: str  # settled | released
    end_reason: str
    charge_micro: int
    client_gone: bool = False
    estimated: bool = False
    error: str | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    upstream_request_id: str | None = None
    upstream: str | None = None
    version: int = EVENT_VERSION

    @property
    def op(self) -> str:
        return self.meta.op

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> UsageEvent:
        return cls.from_json(orjson.loads(data))

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> UsageEvent:
        return cls(**{**raw, "meta": CallMeta(**raw["meta"])})


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold a gateway keeps although it left the epoch: its settlement is still to come."""

    op: str
    voucher: str
    amount_micro: int


@dataclass(frozen=True, slots=True)
class LeftNotice:
    """A gateway's last word on an epoch: every event of it not yet acknowledged, every hold still open."""

    gateway_id: str
    lane: int
    n: int
    events: tuple[UsageEvent, ...]
    open_holds: tuple[OpenHold, ...]

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> LeftNotice:
        raw = orjson.loads(data)
        return cls(
            gateway_id=raw["gateway_id"],
            lane=raw["lane"],
            n=raw["n"],
            events=tuple(UsageEvent.from_json(event) for event in raw["events"]),
            open_holds=tuple(OpenHold(**hold) for hold in raw["open_holds"]),
        )
