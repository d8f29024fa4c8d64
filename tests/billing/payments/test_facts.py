"""What is learned of a payment in any order, twice, or with gaps comes to one state and the same entries."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.lifecycle.payment import LEARNT, TABLE
from billing.lifecycle.table import Refused
from billing.payments.amounts import card_won, whole_won
from billing.payments.facts import WORDS, Due, Fact, dues, state_of
from metering.money import MICRO_PER_WON

PAID = Fact("payment", "", "paid", 1_000)
FAILED = Fact("payment", "", "failed", 0)


def refund(ref: str, word: Any, amount: int = 400) -> Fact:
    return Fact("refund", ref, word, amount)


def dispute(ref: str, word: Any, amount: int = 1_000) -> Fact:
    return Fact("dispute", ref, word, amount)


def fee(ref: str, word: Any, amount: int = 36) -> Fact:
    return Fact("fee", ref, word, amount)


# One life per row: its facts, what it comes to, what is in the books: (+ came in, - went back).
LIVES: list[tuple[list[Fact], str, int]] = [
    ([], "started", 0),
    ([FAILED], "failed", 0),
    ([PAID], "paid", 1_000),
    ([FAILED, PAID], "paid", 1_000),
    ([PAID, refund("a", "asked")], "partly_refunded", 600),
    ([PAID, refund("a", "asked"), refund("a", "succeeded")], "partly_refunded", 600),
    ([PAID, refund("a", "asked"), refund("a", "failed")], "paid", 1_000),
    ([PAID, refund("a", "succeeded"), refund("a", "failed")], "paid", 1_000),
    ([PAID, refund("a", "succeeded"), refund("b", "pending", 600)], "refunded", 0),
    ([PAID, refund("a", "failed"), refund("b", "succeeded", 1_000)], "refunded", 0),
    ([PAID, dispute("d", "open")], "disputed", 1_000),
    ([PAID, dispute("d", "open"), dispute("d", "won")], "won", 1_000),
    ([PAID, dispute("d", "open"), dispute("d", "lost")], "lost", 0),
    ([PAID, dispute("d", "open"), dispute("d", "lost"), dispute("d", "won")], "won", 1_000),
    ([PAID, dispute("d", "won"), refund("a", "succeeded")], "partly_refunded", 600),
    ([PAID, refund("a", "succeeded"), dispute("d", "open", 600)], "disputed", 600),
    ([PAID, refund("a", "succeeded"), dispute("d", "open", 600), dispute("d", "lost", 600)], "lost", 0),
    ([refund("a", "succeeded"), dispute("d", "lost")], "started", 0),
    ([PAID, fee("t", "kept")], "paid", 964),
    ([PAID, fee("t", "kept"), fee("u", "kept", 15), fee("v", "returned", 15)], "paid", 964),
    ([PAID, fee("t", "kept"), refund("a", "succeeded", 1_000)], "refunded", -36),
    ([fee("t", "kept")], "started", 0),
]


def signed_micro(due: Due) -> int:
    comes_in = due.kind in ("payment", "fee_back") or due.follows is not None
    return due.amount_micro if comes_in else -due.amount_micro


class Books:
    """Books what is due and was not booked, as the worker does after each piece of news."""

    def __init__(self) -> None:
        self.known: set[Fact] = set()
        self.entries: dict[str, Due] = {}
        self.states = ["started"]

    def learn(self, facts: list[Fact]) -> None:
        self.known |= set(facts)
        for due in dues("pay-1", self.known):
            assert due.follows is None or due.follows in self.entries
            self.entries.setdefault(due.key, due)
        if state_of(self.known) != self.states[-1]:
            self.states.append(state_of(self.known))


@pytest.mark.parametrize(("facts", "state", "left"), LIVES)
def test_a_life_comes_to_its_state_in_every_order(facts: list[Fact], state: str, left: int) -> None:
    expected = {due.key: due for due in dues("pay-1", facts)}
    assert sum(map(signed_micro, expected.values())) == left
    for order in itertools.permutations(facts):
        books = Books()
        for fact in order:
            books.learn([fact])
            books.learn([fact])
        assert (books.entries, books.states[-1]) == (expected, state)


WORDS_OF_ONE = [(about, word) for about, words in sorted(WORDS.items()) for word in sorted(words)]
AMOUNTS = {"payment": 1_000, "refund": 300, "dispute": 700, "fee": 36}


@st.composite
def news(draw: st.DrawFn) -> Fact:
    about, word = draw(st.sampled_from(WORDS_OF_ONE))
    ref = "" if about == "payment" else draw(st.sampled_from("ab"))
    return Fact(about, ref, word, 0 if (about, word) == ("payment", "failed") else AMOUNTS[about])


@settings(deadline=None)
@given(st.lists(news(), max_size=20), st.randoms(use_true_random=False), st.data())
@example([PAID, dispute("a", "won", 700), dispute("a", "lost", 700)], None, None)
def test_order_repeats_and_batches_do_not_matter(facts: list[Fact], random: Any, data: Any) -> None:
    ordered = Books()
    for fact in facts:
        ordered.learn([fact])
    shuffled = Books()
    rest = facts * 2
    if random is not None:
        random.shuffle(rest)
    while rest:
        size = 1 if data is None else data.draw(st.integers(1, len(rest)))
        before = dict(shuffled.entries)
        shuffled.learn(rest[:size])
        rest = rest[size:]
        assert before.items() <= shuffled.entries.items()  # nothing is edited, only followed
    assert shuffled.entries == ordered.entries
    assert shuffled.states[-1] == ordered.states[-1]
    assert set(shuffled.entries.values()) == set(dues("pay-1", facts))


@settings(deadline=None)
@given(st.lists(news(), max_size=20))
def test_every_change_of_state_is_a_step_of_the_table(facts: list[Fact]) -> None:
    books = Books()
    for fact in facts:
        books.learn([fact])
    for before, after in itertools.pairwise(books.states):
        step = TABLE.step(LEARNT[after])
        assert before in step.sources
        assert (step.target, step.allow) == (after, ())


@pytest.mark.parametrize(
    ("won", "code"),
    [
        (1_000, None),
        (99_999_999, None),
        (999, "below_card_minimum"),
        (100_000_000, "above_card_maximum"),
        (0, "not_whole_won"),
    ],
)
def test_a_card_pays_whole_won_within_its_limits(won: int, code: str | None) -> None:
    if code is None:
        assert card_won(won * MICRO_PER_WON) == won  # never in hundredths
        return
    with pytest.raises(Refused) as refused:
        card_won(won * MICRO_PER_WON)
    assert refused.value.code == code


def test_no_rail_pays_parts_of_a_won() -> None:
    with pytest.raises(Refused, match="whole number"):
        whole_won(1_000 * MICRO_PER_WON + 1)
