"""What happens to a company's own money, as entries. Pure.

They belong to no programme and no voucher: what of it goes to a voucher is paid in, and the voucher's own
`deposit` entry follows in the same batch.
"""

from __future__ import annotations

from billing.ledger import accounts
from billing.ledger.journal import Entry, EntryKind, postings


def payment(company_id: str, rail: str, *, own_micro: int, owed_micro: int = 0) -> Entry:
    """Money came in; `owed_micro` of it settles what the company owed."""
    return _taken("payment", company_id, rail, -own_micro, -owed_micro)


def pay_in(company_id: str, *, amount_micro: int) -> Entry:
    """Own money is given towards a voucher's self share; negative: it comes back from there."""
    return _entry(
        "pay_in",
        {accounts.own_money(company_id): -amount_micro, accounts.company_deposits(company_id): amount_micro},
    )


def refund(company_id: str, rail: str, *, own_micro: int, owed_micro: int = 0) -> Entry:
    """Money goes back to the company; negative: it could not be sent, and is there again."""
    return _taken("refund", company_id, rail, own_micro, owed_micro)


def dispute(company_id: str, rail: str, *, own_micro: int, owed_micro: int = 0) -> Entry:
    """A dispute was lost: the rail took the money back. What is not there any more, the company owes."""
    return _taken("dispute", company_id, rail, own_micro, owed_micro)


def fee(rail: str, *, kept_micro: int) -> Entry:
    """What a rail keeps for its work, and does not arrive; no company's money. Negative: it is given back."""
    return _entry("fee", {accounts.fees(rail): -kept_micro, accounts.clearing(rail): kept_micro})


def _taken(kind: EntryKind, company_id: str, rail: str, own_micro: int, owed_micro: int) -> Entry:
    return _entry(
        kind,
        {
            accounts.own_money(company_id): -own_micro,
            accounts.receivable(company_id): -owed_micro,
            accounts.clearing(rail): own_micro + owed_micro,
        },
    )


def _entry(kind: EntryKind, amounts: dict[str, int]) -> Entry:
    return Entry(kind=kind, programme_id="", voucher_id="", postings=postings(amounts))
