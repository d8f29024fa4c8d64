"""What the meter tells the books, as bytes of a stream entry.

A stream entry has the fields `op`, `kind`, `n`, `e` and, where money is concerned, `charge`. `e` is JSON:

    settled   a UsageEvent, written by the gateway that made the call; `taken` is what the purse could take
              of the charge, where that is beyond the call's hold; `late` says that it took nothing.
              With `is_floor` it is a checkpoint from a dead gateway's journal, and booked as a sweep is
    swept     the CallMeta kept with the hold; `charge` and `out` (output tokens) are the last checkpoint's,
              `v` is the voucher that pays and `t` the hold's time
    left      a LeftNotice: the gateway has done with epoch n; all it knows of n is in here
    gone      {"gateway": ...}: the gateway is dead and its holds are swept; it can charge nothing any more
    drained   {}: no open hold of a dead gateway is left in epoch n
    opened    {}: the epoch was opened in this data set

Amounts are integers of micro-won, times are milliseconds since 1970 (UTC). The values of the hot path are
msgspec structs: frozen like the dataclasses elsewhere, and made in a tenth of their time.
"""

from __future__ import annotations

from typing import Final

import msgspec

EVENT_VERSION: Final = 1


class CallMeta(msgspec.Struct, frozen=True):
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
    input_tokens: int = 0  # an estimate, which checkpoints are charged by

    def to_bytes(self) -> bytes:
        return _encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> CallMeta:
        return _CALL_META.decode(data)


class UsageEvent(msgspec.Struct, frozen=True):
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
    tokens: dict[str, int] = {}
    units: dict[str, int] = {}
    upstream_request_id: str | None = None
    upstream: str | None = None
    is_floor: bool = False
    version: int = EVENT_VERSION

    @property
    def op(self) -> str:
        return self.meta.op

    @property
    def ack_name(self) -> tuple[str, str]:
        """(op, gateway), as an acknowledgement names it: of a call made again, two gateways tell."""
        return self.meta.op, self.meta.gateway_id

    def to_bytes(self) -> bytes:
        return _encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> UsageEvent:
        """Raises ValueError for what is no event."""
        return _USAGE_EVENT.decode(data)


class OpenHold(msgspec.Struct, frozen=True):
    """A hold a gateway keeps although it left the epoch: its settlement is still to come."""

    op: str
    voucher: str
    amount_micro: int


class LeftNotice(msgspec.Struct, frozen=True):
    """A gateway's last word on an epoch: every event of it not yet acknowledged, every hold still open."""

    gateway_id: str
    lane: int
    n: int
    events: tuple[UsageEvent, ...]
    open_holds: tuple[OpenHold, ...]

    def to_bytes(self) -> bytes:
        return _encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> LeftNotice:
        return _LEFT_NOTICE.decode(data)


_encode: Final = msgspec.json.Encoder().encode
_CALL_META: Final = msgspec.json.Decoder(CallMeta)
_USAGE_EVENT: Final = msgspec.json.Decoder(UsageEvent)
_LEFT_NOTICE: Final = msgspec.json.Decoder(LeftNotice)
