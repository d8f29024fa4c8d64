"""An entry of usage or correction is the sum of its usage rows, account by account."""

from __future__ import annotations

from collections import Counter

from .accounts import kind_of
from .columns import Row
from .findings import Report

CUMULATIVE = ("charge", "government", "self", "uncollected", "from_loan", "from_free")


def check_sub_ledger(report: Report, entry: Row, legs: list[Row], usages: list[Row]) -> None:
    if entry.text("kind") not in ("usage", "correction"):
        if usages:
            report.find(
                "sub-ledger", usages[0].where, "entry_id", expected="an entry of usage", found=entry["id"]
            )
        return
    report.count("sub-ledger")
    of: Counter[str] = Counter()
    for leg in legs:
        of[kind_of(leg.text("account"))] += leg["amount_micro"]
    d = {name: sum(usage[f"d_{name}_micro"] for usage in usages) for name in CUMULATIVE}
    for what, expected in (
        ("government", -d["government"]),
        ("self", -d["self"]),
        ("uncollected", -d["uncollected"]),
        ("payable", d["charge"]),
        ("line", d["from_loan"] + d["from_free"]),
    ):
        report.same_micro("sub-ledger", entry.where, f"posting on {what}", expected, of[what])
    _loans(report, entry, legs, usages)
    for usage in usages:
        for name in ("voucher_id", "provider_id", "programme_id"):
            report.same("sub-ledger", usage.where, name, entry.value(name), usage.value(name))


def _loans(report: Report, entry: Row, legs: list[Row], usages: list[Row]) -> None:
    """Which loan paid. What a correction gives back of a closed one goes to what is free."""
    if entry.text("kind") == "correction":
        return
    expected: Counter[str] = Counter()
    for usage in usages:
        voucher = f"voucher/{usage.text('voucher_id')}"
        expected[f"{voucher}/free"] -= usage["d_from_free_micro"]
        expected[f"{voucher}/allotment/{usage['lane']}.{usage['n']}"] -= usage["d_from_loan_micro"]
    found = {
        leg.text("account"): leg["amount_micro"]
        for leg in legs
        if kind_of(leg.text("account")) in ("free", "allotment")
    }
    for account in sorted({*found, *(name for name, amount in expected.items() if amount)}):
        report.same_micro(
            "sub-ledger", entry.where, f"posting on {account}", expected[account], found.get(account, 0)
        )
