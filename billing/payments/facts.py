"""What is known of a payment, and what follows from it. Pure.

A fact is something that happened: it is never untrue later, only followed by another. So the facts of a
payment are a set that only grows, and whoever learns them in another order, twice, or with gaps in between
comes to the same set, the same state, and the same entries. What is due at a subset of the facts is due at
all of them: nothing booked is ever taken out again, it is followed by an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

About = Literal["payment", "refund", "dispute", "fee"]
Word = Literal["paid", "failed", "asked", "pending", "succeeded", "open", "won", "lost", "kept", "returned"]
State = Literal["started", "failed", "paid", "partly_refunded", "refunded", "disputed", "won", "lost"]
DueKind = Literal["payment", "refund", "dispute", "fee", "fee_back"]

# Which words are said about what.
WORDS: Final[dict[About, frozenset[Word]]] = {
    "payment": frozenset({"paid", "failed"}),
    "refund": frozenset({"asked", "pending", "succeeded", "failed"}),
    "dispute": frozenset({"open", "won", "lost"}),
    "fee": frozenset({"kept", "returned"}),  # by the rail, for what it did; `ref` is its own name of that
}


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """`ref`: which refund, dispute or fee; empty for the payment. One `about, ref, word` has one amount."""

    about: About
    ref: str
    word: Word
    amount_micro: int

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.about, self.ref, self.word)


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that must be in the books. `key` says which; `follows`: the key of what it takes back."""

    key: str
    kind: DueKind
    amount_micro: int
    follows: str | None = None


def state_of(facts: Iterable[Fact]) -> State:
    known = _by_ref(facts)
    payment = known.get(("payment", ""), {})
    if "paid" not in payment:
        return "failed" if "failed" in payment else "started"
    disputes = [words for (about, _), words in known.items() if about == "dispute"]
    if any(_is_lost(words) for words in disputes):
        return "lost"
    if any(words.keys() == {"open"} for words in disputes):
        return "disputed"
    refunded_micro = refunded(facts)
    if refunded_micro >= payment["paid"]:
        return "refunded"
    if refunded_micro:
        return "partly_refunded"
    return "won" if any("won" in words for words in disputes) else "paid"


def paid(facts: Iterable[Fact]) -> int:
    return sum(fact.amount_micro for fact in facts if fact.key == ("payment", "", "paid"))


def refunded(facts: Iterable[Fact]) -> int:
    """What goes or went back; a refund that failed does not count."""
    known = _by_ref(facts)
    return sum(
        _amount(words) for (about, _), words in known.items() if about == "refund" and "failed" not in words
    )


def lost(facts: Iterable[Fact]) -> int:
    known = _by_ref(facts)
    return sum(words["lost"] for (about, _), words in known.items() if about == "dispute" and _is_lost(words))


def dues(payment_id: str, facts: Iterable[Fact]) -> tuple[Due, ...]:
    """Every entry that follows from these facts, in the order in which they can be booked."""
    known = _by_ref(facts)
    payment = known.get(("payment", ""), {})
    if "paid" not in payment:
        return ()  # what goes back came in before: it is only not known yet
    due = [Due(f"{payment_id}/paid", "payment", payment["paid"])]
    for (about, ref), words in sorted(known.items()):
        key = f"{payment_id}/{about}/{ref}"
        if about == "refund":
            due.append(Due(key, "refund", _amount(words)))
            if "failed" in words:
                due.append(Due(f"{key}/back", "refund", _amount(words), follows=key))
        elif about == "dispute" and "lost" in words:
            due.append(Due(key, "dispute", words["lost"]))
            if "won" in words:
                due.append(Due(f"{key}/back", "dispute", words["lost"], follows=key))
        elif about == "fee":
            due.append(Due(key, "fee", words.get("kept", 0)))
            due.append(Due(f"{key}/back", "fee_back", words.get("returned", 0)))
    return tuple(one for one in due if one.amount_micro)


def _by_ref(facts: Iterable[Fact]) -> dict[tuple[str, str], dict[str, int]]:
    known: dict[tuple[str, str], dict[str, int]] = {}
    for fact in facts:
        known.setdefault((fact.about, fact.ref), {})[fact.word] = fact.amount_micro
    return known


def _amount(words: dict[str, int]) -> int:
    """Of a refund: every word on it says the same amount."""
    return max(words.values())


def _is_lost(words: dict[str, int]) -> bool:
    return "lost" in words and "won" not in words
