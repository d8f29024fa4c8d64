"""What a call's event must be for the books: the JSON of a stream entry, read and checked in one go. Pure.

Stricter than `metering.event`, whose defaults suit whoever writes an event: what is missing is not made up.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from metering.money import AMOUNT_MICRO_MAX

COUNT_MAX: Final = 10**15

Word = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MICRO_MAX)]


class WireMeta(msgspec.Struct, frozen=True, gc=False):
    op: Word
    request_id: str
    gateway_id: Word
    lane: int
    company: Word
    provider: Word
    product: str
    key_id: Word
    api_key: str
    tag: str | None
    dialect: str
    stream: bool
    started_ms: Count
    price_entry: str
    price_from: str


class WireTokens(msgspec.Struct, frozen=True, gc=False):
    """In the order of TOKEN_CLASSES; a class that is not named counted nothing."""

    input: Count = 0
    cached_input: Count = 0
    cache_write: Count = 0
    cache_write_1h: Count = 0
    output: Count = 0
    reasoning: Count = 0
    input_audio: Count = 0
    output_audio: Count = 0


class WireEvent(msgspec.Struct, frozen=True, gc=False):
    meta: WireMeta
    n: int
    voucher: Word
    held_at_ms: Count
    finished_ms: Count
    status: Literal["settled", "released"]
    end_reason: str
    charge_micro: Amount
    client_gone: bool
    estimated: bool
    error: str | None
    tokens: WireTokens
    units: dict[str, Count]
    upstream_request_id: str | None
    upstream: str | None
    is_floor: bool = False


_EVENT: Final = msgspec.json.Decoder(WireEvent)


def read_event(data: bytes) -> WireEvent:
    """Raises ValueError."""
    return _EVENT.decode(data)


def check_event(raw: object) -> WireEvent:
    """The same for JSON that was read before. Raises ValueError."""
    return msgspec.convert(raw, WireEvent)
