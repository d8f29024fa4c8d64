"""What `GET /v1/voucher` shows: one voucher's line, divided by source. Pure.

Where the purse knows the voucher, all figures are the purse's, read in one step: no sum over two stores, so
spent + held + available + returned = granted in every single answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from metering.money import format_krw
from metering.purse import VoucherBalance
from metering.shares import government_micro, split_micro

OWN_PROGRAMME: Final = "_own"  # as the books name it


@dataclass(frozen=True, slots=True)
class BookedVoucher:
    """A voucher by the books alone. Amounts in micro-won of the voucher's line, granted by source."""

    voucher_id: str
    programme_id: str
    state: str
    ends_on: str
    share_ppm: int
    government_granted_micro: int
    self_granted_micro: int
    spent_micro: int
    frozen_micro: int
    government_returned_micro: int = 0
    self_returned_micro: int = 0


def voucher_json(booked: BookedVoucher, purse: VoucherBalance | None) -> dict[str, Any]:
    if purse is None:
        granted = (booked.government_granted_micro, booked.self_granted_micro)
        spent, held = booked.spent_micro, booked.frozen_micro
    else:
        granted = (purse.granted_government_micro, purse.granted_self_micro)
        spent = purse.before_micro + purse.spent_micro
        held = purse.held_micro + purse.frozen_micro
    spent_government = government_micro(spent, booked.share_ppm)
    held_parts = split_micro(spent, spent + held, booked.share_ppm)
    return {
        "id": booked.voucher_id,
        "programme": booked.programme_id,
        "state": booked.state,
        "ends_on": booked.ends_on,
        "government": _source(granted[0], spent_government, held_parts[0], booked.government_returned_micro),
        "self": _source(granted[1], spent - spent_government, held_parts[1], booked.self_returned_micro),
    }


def company_json(company_id: str, vouchers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Own money that calls may spend is a voucher to the meter alone; here it is what it is."""
    own = next((one["self"] for one in vouchers if one["programme"] == OWN_PROGRAMME), None)
    return {
        "company": company_id,
        "vouchers": [one for one in vouchers if one["programme"] != OWN_PROGRAMME],
        "own": {
            "deposited_krw": "0" if own is None else own["granted_krw"],
            **{
                name: "0" if own is None else own[name] for name in ("spent_krw", "held_krw", "available_krw")
            },
        },
    }


def _source(granted: int, spent: int, held: int, returned: int) -> dict[str, str]:
    return {
        "granted_krw": format_krw(granted),
        "spent_krw": format_krw(spent),
        "held_krw": format_krw(held),
        "available_krw": format_krw(granted - spent - held - returned),
        "returned_krw": format_krw(returned),
    }
