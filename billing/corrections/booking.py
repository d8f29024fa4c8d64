"""A corrected call as what the posting rules take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.posting_columns import DESCRIPTION_COLUMNS, NULL, copy_text
from billing.posting_events import DAY_MS, KOREA_OFFSET_MS, Charge
from metering.usage import TOKEN_CLASSES

# A call's row as it is read for this: text as PostgreSQL shows it, but for numbers and booleans.
ROW_COLUMNS: Final = (
    "op",
    "step",
    "lane",
    "n",
    "voucher_id",
    "units::text as units_text",
    *DESCRIPTION_COLUMNS,
)


def charge_of(row: Mapping[str, Any], corrected: Mapping[str, Any]) -> Charge:
    """The call's last booking with the corrected amount, counts and price; the rest is as it was."""
    changed = dict(row) | {f"{name}_tokens": corrected["tokens"][name] for name in TOKEN_CLASSES}
    changed |= {"price_entry": corrected["price_entry"], "price_from": corrected["price_from"]}
    changed |= {"status": "settled", "estimated": row["estimated"] and corrected["kind"] != "true_up"}
    changed["units"] = row["units_text"]
    return Charge(
        kind=corrected["kind"],
        op=row["op"],
        op_text=copy_text(row["op"]),
        lane=row["lane"],
        n=row["n"],
        voucher_id=row["voucher_id"],
        voucher_text=copy_text(row["voucher_id"]),
        company_id=row["company_id"],
        provider_id=row["provider_id"],
        gateway_id=row["gateway_id"],
        key_id=row["key_id"],
        started_ms=row["started_ms"],
        day=(row["held_at_ms"] + KOREA_OFFSET_MS) // DAY_MS,
        charge_micro=corrected["after_micro"],
        taken_micro=0,
        counted=False,
        columns="\t".join(_text(changed[name]) for name in DESCRIPTION_COLUMNS),
    )


def _text(value: object) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    return copy_text(str(value))
