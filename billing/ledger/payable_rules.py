"""What happens to what a provider is owed, as entries. Pure.

They belong to no programme and no voucher: a provider is paid for a month, whoever funded it. Each is taken
back by the same rule with a negative amount.
"""

from __future__ import annotations

from billing.ledger import accounts
from billing.ledger.journal import Entry, EntryKind, postings


def holdback(provider_id: str, *, amount_micro: int) -> Entry:
    """Withheld of what is owed; negative: released, and owed again."""
    kept = accounts.provider_holdback(provider_id)
    return _moved("holdback", provider_id, accounts.provider_payable(provider_id), kept, amount_micro)


def payout(provider_id: str, *, amount_micro: int) -> Entry:
    """Handed to a rail; negative: it came back, and is owed again."""
    on_its_way = accounts.provider_in_payment(provider_id)
    return _moved("payout", provider_id, accounts.provider_payable(provider_id), on_its_way, amount_micro)


def paid_out(provider_id: str, rail: str, *, amount_micro: int) -> Entry:
    """The rail says that it arrived; negative: it did not stay there."""
    on_its_way = accounts.provider_in_payment(provider_id)
    return _moved("paid_out", provider_id, on_its_way, accounts.paid_out(rail), amount_micro)


def _moved(kind: EntryKind, provider_id: str, giver: str, receiver: str, amount_micro: int) -> Entry:
    amounts = postings({giver: -amount_micro, receiver: amount_micro})
    return Entry(kind=kind, programme_id="", voucher_id="", postings=amounts, provider_id=provider_id)
