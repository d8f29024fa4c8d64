"""Facts of months, corrections, settlements and findings: what is sound, and what breaks each condition.

And what a programme's end adds to its own conditions and to those of agreements.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from billing.lifecycle import correction, finding, month, settlement

SETTLED = settlement.Facts(today=date(2031, 11, 1), kept_until=date(2031, 10, 31))
LATE = settlement.Facts(pending_micro=1)
FOUND = finding.Facts(
    spent_micro=10,
    amount_micro=4,
    others_micro=6,
    today=date(2026, 12, 2),
    objection_until=date(2026, 12, 2),
)
CONFIRMED = finding.Facts(own_micro=5, owed_micro=5, owed_by_others_micro=5, offset_micro=5)
SOUND: dict[str, dict[str, Any]] = {
    "month": {"": month.Facts()},
    "correction": {"": correction.Facts()},
    "settlement": {"": SETTLED, "return_late": LATE},
    "finding": {
        "": FOUND,
        "confirm": finding.Facts(
            spent_micro=10,
            amount_micro=4,
            others_micro=6,
            today=date(2026, 12, 3),
            objection_until=date(2026, 12, 2),
        ),
        **dict.fromkeys(("offset", "repay"), CONFIRMED),
    },
}
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("programme", "vouchers_alive", {"vouchers_alive": 1}),
    ("programme", "vouchers_unsettled", {"vouchers_unsettled": 1}),
    ("agreement", "programme_not_open", {"programme_state": "closed"}),
    ("month", "month_not_over", {"is_over": False}),
    ("month", "month_before_open", {"is_next": False}),
    ("month", "holds_unknown", {"holds_open": None}),
    ("month", "holds_open", {"holds_open": 1}),
    ("month", "corrections_undecided", {"corrections_undecided": 1}),
    ("correction", "nothing_to_correct", {"calls": 0}),
    ("correction", "own_proposal", {"is_own": True}),
    ("correction", "proposed_already", {"undecided": 1}),
    ("correction", "call_changed", {"calls_changed": 1}),
    ("correction", "call_disallowed", {"disallowed": 1}),
    ("settlement", "voucher_missing", {"has_voucher": False}),
    ("settlement", "voucher_not_over", {"is_over": False}),
    ("settlement", "settlement_exists", {"has_settlement": True}),
    ("settlement", "holds_unknown", {"holds_open": None}),
    ("settlement", "holds_open", {"holds_open": 1}),
    ("settlement", "not_expired", {"unexpired_micro": 1}),
    ("settlement", "interest_unknown", {"is_interest_known": False}),
    ("settlement", "nothing_late", {"pending_micro": 0}),
    ("settlement", "return_pending", {"pending_micro": 1}),
    ("settlement", "return_pending", {"unexpired_micro": 1}),
    ("settlement", "verification_missing", {"verification_needed": "external"}),
    (
        "settlement",
        "verification_missing",
        {"verification_needed": "audit", "verification": "external"},
    ),
    ("settlement", "corrections_undecided", {"corrections_undecided": 1}),
    ("settlement", "reports_undecided", {"reports_undecided": 1}),
    ("settlement", "findings_undecided", {"findings_undecided": 1}),
    ("settlement", "claims_unpaid", {"claims_unpaid": 1}),
    ("settlement", "retention_running", {"today": date(2031, 10, 31)}),
    ("settlement", "retention_running", {"kept_until": None}),
    ("finding", "settlement_erased", {"is_kept": False}),
    ("finding", "nothing_found", {"has_lines": False}),
    ("finding", "nothing_found", {"amount_micro": 0}),
    ("finding", "found_already", {"named_already": 1}),
    ("finding", "above_spent", {"others_micro": 7}),
    ("finding", "objection_over", {"today": date(2026, 12, 3)}),
    ("finding", "objection_open", {"today": date(2026, 12, 2)}),
    ("finding", "own_money_short", {"own_micro": 4}),
    ("finding", "own_money_short", {"offset_micro": 0}),
    ("finding", "above_owed", {"owed_micro": 4}),
    ("finding", "still_owed", {"owed_micro": 6}),
]
