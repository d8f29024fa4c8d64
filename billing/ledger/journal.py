"""An entry and its postings, as values. An entry that does not balance cannot be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EntryKind = Literal[
    "grant",
    "deposit",
    "capacity",
    "lend",
    "return",
    "usage",
    "correction",
    "expiry",
    "payment",
    "pay_in",
    "refund",
    "dispute",
    "holdback",
    "payout",
    "paid_out",
    "settlement",
    "interest",
    "claw_back",
    "offset",
    "fee",
]


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    amount_micro: int


@dataclass(frozen=True, slots=True)
class Entry:
    """`postings` name each account once, without zeros, and sum to zero."""

    kind: EntryKind
    programme_id: str
    voucher_id: str
    postings: tuple[Posting, ...]
    provider_id: str | None = None
    lane: int | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        if sum(posting.amount_micro for posting in self.postings) != 0:
            raise ValueError(f"an entry balances: {self}")


def postings(amounts: dict[str, int]) -> tuple[Posting, ...]:
    """account -> amount, as postings; accounts that nothing happens to are left out."""
    return tuple(Posting(account, amount) for account, amount in amounts.items() if amount)
