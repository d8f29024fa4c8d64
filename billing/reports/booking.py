"""A reported line as what the posting rules take: an end that no gateway told and no purse counted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from billing.posting_columns import DESCRIPTION_COLUMNS, NULL, copy_text
from billing.posting_events import DAY_MS, KOREA_OFFSET_MS, Charge
from billing.reports.units import KINDS, Unit
from metering.keys import lane_of
from metering.usage import TOKEN_CLASSES

DIALECT: Final = "report"
KEY_NAME: Final = "(report)"  # no API key has this name
NO_EPOCH: Final = 0  # epochs are numbered from 1: no loan pays this
_GATEWAY: Final = "office"


def charge_of(
    line: Mapping[str, Any], *, op: str, voucher_id: str, kind: Literal["settled", "correction"]
) -> Charge:
    """`op`: the line that is charged, or that this one corrects; the charge is its whole new amount."""
    return Charge(
        kind=kind,
        op=op,
        op_text=copy_text(op),
        lane=lane_of(line["company_id"]),
        n=NO_EPOCH,
        voucher_id=voucher_id,
        voucher_text=copy_text(voucher_id),
        company_id=line["company_id"],
        provider_id=line["provider_id"],
        gateway_id=_GATEWAY,
        key_id=_key_of(line),
        started_ms=line["served_ms"],
        day=(line["served_ms"] + KOREA_OFFSET_MS) // DAY_MS,
        charge_micro=line["amount_micro"],
        taken_micro=0,
        counted=False,
        columns=_columns(line),
    )


def _columns(line: Mapping[str, Any]) -> str:
    unit: Unit = line["unit"]
    counted = KINDS[unit].counted
    instant = str(line["served_ms"])
    said = {
        "company_id": line["company_id"],
        "provider_id": line["provider_id"],
        "product_id": line["product_id"],
        "key_id": _key_of(line),
        "api_key": KEY_NAME,
        "tag": None,
        "request_id": line["id"],
        "gateway_id": _GATEWAY,
        "dialect": DIALECT,
        "stream": "f",
        "status": "settled",
        "end_reason": "reported",
        "client_gone": "f",
        "estimated": "f",
        "error": None,
        "started_ms": instant,
        "held_at_ms": instant,
        "finished_ms": instant,
        "price_entry": line["price_entry"],
        "price_from": line["price_from"],
        "upstream": None,
        "upstream_request_id": None,
        "units": f'{{"{counted}": {line["units"]}}}',
    } | {f"{name}_tokens": "0" for name in TOKEN_CLASSES}
    return "\t".join(_text(said[name]) for name in DESCRIPTION_COLUMNS)


def _key_of(line: Mapping[str, Any]) -> str:
    return f"{line['company_id']}/{KEY_NAME}"


def _text(value: str | None) -> str:
    return NULL if value is None else copy_text(value)
