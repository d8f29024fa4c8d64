"""Accounts by their names: what each is, which circle it belongs to, and which entries may touch it."""

from __future__ import annotations

from collections.abc import Container

from .columns import Json, Row

MONEY = {
    *("budget", "deposits", "government", "self", "uncollected", "expired", "payable"),
    *("clearing", "own", "receivable", "fees"),
    *("holdback", "in_payment", "out"),
    *("earned", "interest", "clawed_back"),
}
# Of a company's own money, or of what a provider is paid: no programme, no voucher.
OWN_KINDS = {"payment", "pay_in", "refund", "dispute", "fee", "holdback", "payout", "paid_out"}
OF_PROVIDER = {"usage", "correction", "holdback", "payout", "paid_out"}
_MAY_TOUCH = {
    "grant": {"budget", "government"},
    "deposit": {"deposits", "self"},
    "capacity": {"line", "free"},
    "lend": {"free", "allotment"},
    "return": {"free", "allotment"},
    "usage": {"government", "self", "uncollected", "payable", "line", "free", "allotment"},
    "correction": {"government", "self", "uncollected", "payable", "line", "free", "allotment"},
    "expiry": {"government", "self", "expired", "line", "free"},
    "payment": {"clearing", "own", "receivable"},
    "pay_in": {"own", "deposits"},
    "refund": {"clearing", "own", "receivable"},
    "dispute": {"clearing", "own", "receivable"},
    "fee": {"clearing", "fees"},
    "holdback": {"payable", "holdback"},
    "payout": {"payable", "in_payment"},
    "paid_out": {"in_payment", "out"},
    "settlement": {"expired", "budget", "deposits"},
    "interest": {"earned", "interest"},
    "claw_back": {"receivable", "clawed_back"},
    "offset": {"own", "receivable"},
}
NEVER_BELOW_ZERO = {
    *("government", "self", "free", "allotment", "own", "expired"),
    *("holdback", "in_payment", "out"),
}


def kind_of(account: str) -> str:
    """`voucher/V/allotment/L.N` → `allotment`; the last word else."""
    parts = account.split("/")
    if len(parts) == 4 and parts[0] == "voucher" and parts[2] == "allotment":
        return "allotment"
    if len(parts) == 2 and parts[0] in ("clearing", "fees"):
        return parts[0]
    return parts[2] if len(parts) == 3 else ""


def may_touch(entry: Row, account: str, *, funds: Json, known: Container[str]) -> bool:
    """Whether an entry of this kind may touch this account; `known`: accounts that have a posting already."""
    kind, voucher_id = entry.text("kind"), entry.text("voucher_id")
    what = kind_of(account)
    if what not in _MAY_TOUCH[kind]:
        return False
    match what:
        case "budget" | "interest" | "clawed_back":
            return account == f"programme/{entry.text('programme_id')}/{what}"
        case "clearing" | "fees":
            return account in (f"{what}/stripe", f"{what}/bank")
        case "own" | "receivable" if kind in OWN_KINDS:
            return account.startswith("company/")
        case "own" | "receivable":
            return account == f"company/{funds.get('company_id')}/{what}"
        case "deposits" if kind in OWN_KINDS:
            return account.startswith("company/")
        case "deposits":
            return account == f"company/{funds.get('company_id')}/deposits"
        case "out":
            return account in ("clearing/stripe/out", "clearing/bank/out")
        case "payable" | "holdback" | "in_payment":
            return account == f"provider/{entry.value('provider_id')}/{what}"
        case "allotment" if kind in ("lend", "return"):
            return account == f"voucher/{voucher_id}/allotment/{entry.value('lane')}.{entry.value('n')}"
        case "allotment":  # of any epoch that was lent to
            start = f"voucher/{voucher_id}/allotment/{funds.get('lane')}."
            return account.startswith(start) and account in known
    return account == f"voucher/{voucher_id}/{what}"
