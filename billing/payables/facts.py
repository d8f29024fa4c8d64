"""What is known of one payment to a provider, and what follows from it. Pure.

As of companies' payments, the facts are a set that only grows: in whatever order the rail's words come, and
however often, the same entries follow, and nothing booked is taken out again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Word = Literal["sent", "paid", "returned"]
# `reversed`: a part of what had arrived came back, by the rail's own name of that. Of what came back at once,
# all of it, the word is `returned`: no payment has both.
News = Word | Literal["reversed"]
DueKind = Literal["payout", "paid_out"]

# The payable's state while this is the payment that is to pay it.
STATES: Final[dict[Word, str]] = {"sent": "in_payment", "paid": "paid", "returned": "failed"}
STEPS: Final = {"in_payment": "pay", "paid": "settle", "failed": "fail"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a rail says of a payment. `ref`: the rail's own name of it, or of what happened.

    `won`: of a part that came back.
    """

    payout_id: str
    word: News
    ref: str = ""
    reason: str = ""
    won: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that must be in the books; `sign` is -1 where it takes an earlier one back."""

    key: str
    kind: DueKind
    sign: Literal[1, -1]
    won: int


def state_of(words: Collection[Word]) -> str:
    """Returned is the last word: what came back is paid by another payment, never by this one."""
    last: Word = "returned" if "returned" in words else "paid" if "paid" in words else "sent"
    return STATES[last]


def dues(payout_id: str, words: Collection[Word], won: int, parts: Mapping[str, int]) -> tuple[Due, ...]:
    """In the order in which they can be booked. `parts`: what came back of it, by the rail's name of each."""
    due = [Due(f"{payout_id}/sent", "payout", 1, won)]
    if "paid" in words:
        due.append(Due(f"{payout_id}/paid", "paid_out", 1, won))
        for ref, part_won in sorted(parts.items()):
            due.append(Due(f"{payout_id}/paid/back/{ref}", "paid_out", -1, part_won))
            due.append(Due(f"{payout_id}/sent/back/{ref}", "payout", -1, part_won))
    if "returned" in words:
        if "paid" in words:
            due.append(Due(f"{payout_id}/paid/back", "paid_out", -1, won))
        due.append(Due(f"{payout_id}/sent/back", "payout", -1, won))
    return tuple(due)
