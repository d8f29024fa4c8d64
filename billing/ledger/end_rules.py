"""What the end of a voucher posts: unused money and interest go back, disallowed money is owed. Pure."""

from __future__ import annotations

from billing.ledger import accounts
from billing.ledger.journal import Entry, EntryKind, postings
from billing.ledger.rules import VoucherRef


def unused_back(voucher: VoucherRef, *, government_micro: int, self_micro: int) -> Entry:
    """What expired: the grant is the programme's again, the self share the company's deposit again."""
    return _entry(
        "settlement",
        voucher,
        {
            accounts.expired(voucher.voucher_id): -government_micro - self_micro,
            accounts.programme_budget(voucher.programme_id): government_micro,
            accounts.company_deposits(voucher.company_id): self_micro,
        },
    )


def interest(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """It was earned outside of these books, and is the programme's beside its budget."""
    return _entry(
        "interest",
        voucher,
        {
            accounts.earned(voucher.voucher_id): -amount_micro,
            accounts.programme_interest(voucher.programme_id): amount_micro,
        },
    )


def claw_back(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """A part of what was spent of the grant is disallowed: the company owes it."""
    return _entry(
        "claw_back",
        voucher,
        {
            accounts.receivable(voucher.company_id): -amount_micro,
            accounts.programme_clawed_back(voucher.programme_id): amount_micro,
        },
    )


def offset(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """The company's own money settles what it owes."""
    return _entry(
        "offset",
        voucher,
        {
            accounts.own_money(voucher.company_id): -amount_micro,
            accounts.receivable(voucher.company_id): amount_micro,
        },
    )


def _entry(kind: EntryKind, voucher: VoucherRef, amounts: dict[str, int]) -> Entry:
    return Entry(
        kind=kind,
        programme_id=voucher.programme_id,
        voucher_id=voucher.voucher_id,
        postings=postings(amounts),
    )
