"""Facts of payables, objections and payout accounts: sound ones, and what breaks each condition."""

from __future__ import annotations

from typing import Any

from billing.lifecycle import objection, payable, payout_account

SOUND: dict[str, dict[str, Any]] = {
    "payable": {"": payable.Facts(holdback_won=1)},
    "objection": {"": objection.Facts()},
    "payout_account": {"": payout_account.Facts()},
}
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("payable", "own_payable_proposal", {"is_own": True}),
    ("payable", "objection_open", {"objections_open": 1}),
    ("payable", "payout_account_missing", {"has_account": False}),
    ("payable", "transfers_off", {"is_rail_on": False}),
    ("payable", "nothing_withheld", {"holdback_won": 0}),
    ("payable", "nothing_withheld", {"holdback_won": -1}),
    ("payable", "nothing_withheld", {"is_released": True}),
    ("objection", "line_unknown", {"has_line": False}),
    ("objection", "objection_exists", {"open_of_same": 1}),
    ("objection", "correction_missing", {"correction_state": None}),
    ("objection", "correction_missing", {"correction_state": "refused"}),
    ("objection", "correction_missing", {"correction_state": "withdrawn"}),
    ("payout_account", "account_unchecked", {"rail_takes_it": None}),
    ("payout_account", "account_takes_nothing", {"rail_takes_it": False}),
]
