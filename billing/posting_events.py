"""What stands in a stream entry, checked and made ready for the books. Pure.

An entry that cannot be read is refused here, before the books are asked for anything: it is parked, and the
others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import orjson

from billing.posting_columns import Unreadable, copy_text, description_text
from billing.posting_wire import WireEvent, check_event, read_event
from metering.money import AMOUNT_MICRO_MAX
from metering.purse import LogEntry

DAY_MS: Final = 86_400_000
KOREA_OFFSET_MS: Final = 9 * 3_600_000


class Charge(msgspec.Struct, frozen=True, gc=False):
    """A call's end: `settled` by its gateway, or `swept` at its last checkpoint."""

    kind: str
    op: str
    op_text: str  # as COPY wants it
    lane: int
    n: int
    voucher_id: str
    voucher_text: str
    company_id: str
    provider_id: str
    gateway_id: str
    key_id: str
    started_ms: int  # of this try, by its gateway's clock
    day: int  # of service, in Korea
    charge_micro: int
    taken_micro: int | None  # what the purse could take of it, where that is less than the charge may be
    counted: bool  # whether the purse counted it as spent; a late one, or one sent again, it did not
    columns: str
    is_floor: bool = False  # a sweep told by a journal: somebody waits for its acknowledgement


@dataclass(frozen=True, slots=True)
class OpenClaim:
    op: str
    lane: int
    n: int
    gateway_id: str
    voucher_id: str
    amount_micro: int


@dataclass(frozen=True, slots=True)
class Left:
    op: str
    lane: int
    n: int
    gateway_id: str
    charges: tuple[Charge, ...]
    unreadable: tuple[tuple[str, bytes, str], ...]  # op, payload, reason
    claims: tuple[OpenClaim, ...]


@dataclass(frozen=True, slots=True)
class GatewayGone:
    lane: int
    gateway_id: str


@dataclass(frozen=True, slots=True)
class Mark:
    kind: str  # drained | opened
    lane: int
    n: int


Decoded = Charge | Left | GatewayGone | Mark


def decode(entry: LogEntry, *, lane: int) -> Decoded:
    """Raises Unreadable."""
    try:
        if entry.kind == "settled":
            charge = _settled(entry.fields, lane)
        elif entry.kind == "swept":
            charge = _swept(entry, lane)
        elif entry.kind == "left":
            return _left(entry, lane)
        elif entry.kind == "gone":
            return GatewayGone(lane, _word(orjson.loads(entry.fields["e"])["gateway"]))
        elif entry.kind in ("drained", "opened"):
            return Mark(entry.kind, lane, entry.n)
        else:
            raise Unreadable(f"unknown kind {entry.kind!r}")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    if charge.op != entry.op or charge.n != entry.n:
        raise Unreadable("the event is of another call or epoch than its entry says")
    return charge


def _settled(fields: dict[str, bytes], lane: int) -> Charge:
    """`charge` is written by the script that settles, and by nobody who only sends again."""
    data, taken = fields["e"], fields.get("taken")
    return _charge(
        "settled",
        read_event(data),
        lane,
        has_escapes=b"\\" in data,
        taken=None if taken is None else int(taken),
        counted="charge" in fields and "late" not in fields,
    )


def _swept(entry: LogEntry, lane: int) -> Charge:
    """What the sweeper knows: the hold's description and its last checkpoint."""
    meta = orjson.loads(entry.fields["e"])
    charge = int(entry.fields["charge"])
    event = {
        "meta": meta,
        "n": entry.n,
        "voucher": entry.fields["v"].decode(),
        "held_at_ms": int(entry.fields["t"]),
        "finished_ms": int(entry.entry_id.partition("-")[0]),
        "status": "settled" if charge else "released",
        "end_reason": "gateway_lost",
        "charge_micro": charge,
        "client_gone": False,
        "estimated": True,
        "error": None,
        "tokens": {"input": meta.get("input_tokens", 0), "output": int(entry.fields["out"])}
        if charge
        else {},
        "units": {},
        "upstream": None,
        "upstream_request_id": None,
    }
    return _charge("swept", check_event(event), lane, has_escapes=True, taken=None, counted=True)


def _left(entry: LogEntry, lane: int) -> Left:
    raw = orjson.loads(entry.fields["e"])
    gateway_id = _word(raw["gateway_id"])
    if (raw["n"], raw["lane"]) != (entry.n, lane):
        raise Unreadable("the notice is of another epoch than its entry says")
    charges: list[Charge] = []
    unreadable: list[tuple[str, bytes, str]] = []
    for event in raw["events"]:
        # One bad event must not keep the others, or the leaving itself, out of the books.
        try:
            charge = _charge("settled", check_event(event), lane, has_escapes=True, taken=None, counted=False)
            if charge.n != entry.n:
                raise Unreadable("the event is of another epoch than its notice")
            charges.append(charge)
        except (Unreadable, KeyError, ValueError, TypeError, AttributeError) as error:
            unreadable.append((entry.op, orjson.dumps(event), f"{type(error).__name__}: {error}"))
    claims = tuple(
        OpenClaim(
            op=_word(hold["op"]),
            lane=lane,
            n=entry.n,
            gateway_id=gateway_id,
            voucher_id=_word(hold["voucher"]),
            amount_micro=_amount(hold["amount_micro"]),
        )
        for hold in raw["open_holds"]
    )
    return Left(entry.op, lane, entry.n, gateway_id, tuple(charges), tuple(unreadable), claims)


def _charge(
    kind: str, event: WireEvent, lane: int, *, has_escapes: bool, taken: int | None, counted: bool
) -> Charge:
    meta = event.meta
    if meta.lane != lane:
        raise Unreadable(f"the call belongs to lane {meta.lane}")
    if event.charge_micro and event.status == "released":
        raise Unreadable(f"status {event.status!r} with a charge of {event.charge_micro}")
    op, voucher = meta.op, event.voucher
    # In the order of the fields: this runs for every call.
    return Charge(
        "swept" if event.is_floor else kind,
        op,
        copy_text(op) if has_escapes else op,
        lane,
        event.n,
        voucher,
        copy_text(voucher) if has_escapes else voucher,
        meta.company,
        meta.provider,
        meta.gateway_id,
        meta.key_id,
        meta.started_ms,
        (event.held_at_ms + KOREA_OFFSET_MS) // DAY_MS,
        event.charge_micro,
        taken,
        counted,
        description_text(event, has_escapes=has_escapes),
        event.is_floor,
    )


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{value!r} is not an id")
    return value


def _amount(value: object) -> int:
    if type(value) is not int or not 0 <= value <= AMOUNT_MICRO_MAX:
        raise Unreadable(f"{value!r} is not an amount")
    return value
