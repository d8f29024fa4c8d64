"""Every call of theirs and of ours is in exactly one line, and a line says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.reconciliation.matching import MatchedLine, OurCall, match_calls
from billing.reconciliation.reading import TheirCall

OURS = OurCall("op-1", "r-1", 12, 2, 40, 215_000)


@pytest.mark.parametrize(
    ("theirs", "match", "reasons"),
    [
        (TheirCall(2, "r-1", 12, 2, 40, 215_000), "matched", ()),
        (TheirCall(2, "r-1"), "matched", ()),  # they do not say: that is no difference
        (TheirCall(2, "r-1", output_tokens=42), "differs", ("output_tokens",)),
        (TheirCall(2, "r-1", 13, 3, 40), "differs", ("input_tokens", "cached_input_tokens")),
        (TheirCall(2, "r-1", 12, 2, 40, 215_001), "differs", ("amount",)),
        (TheirCall(2, "r-1", output_tokens=0), "differs", ("output_tokens",)),
    ],
)
def test_one_of_each(theirs: TheirCall, match: str, reasons: tuple[str, ...]) -> None:
    [line] = match_calls([theirs], [OURS])
    assert (line.match, line.reasons) == (match, reasons)


@pytest.mark.parametrize(
    ("theirs", "ours", "lines"),
    [
        (["a"], [], [("only_theirs", "not_in_the_books")]),
        (["a", "a"], ["a"], [("matched", ""), ("only_theirs", "request_id_repeated")]),
        (["a"], ["a", "a"], [("matched", ""), ("only_ours", "request_id_repeated")]),
        ([], ["a"], [("only_ours", "not_in_the_statement")]),
        ([], [None], [("only_ours", "no_request_id")]),
        (["A"], ["a"], [("only_theirs", "not_in_the_books"), ("only_ours", "not_in_the_statement")]),
    ],
)
def test_what_has_no_other_side(
    theirs: list[str], ours: list[str | None], lines: list[tuple[str, str]]
) -> None:
    found = match_calls(
        [TheirCall(number, one) for number, one in enumerate(theirs, 1)],
        [OurCall(f"op-{number}", one, 1, 0, 1, 1) for number, one in enumerate(ours)],
    )
    assert [(line.match, "".join(line.reasons)) for line in found] == lines


def test_a_call_beside_the_month_is_found_and_not_missed() -> None:
    beside = OurCall("op-1", "r-1", 1, 0, 1, 1, of_the_month=False)
    nothing = OurCall("op-2", "r-2", 0, 0, 0, 0)
    assert match_calls([], [beside, nothing]) == []
    assert [
        line.match for line in match_calls([TheirCall(1, "r-1"), TheirCall(2, "r-2")], [beside, nothing])
    ] == [
        "matched",
        "matched",
    ]


def test_calls_that_share_an_id_are_paired_by_what_they_are() -> None:
    """Their statement begins with the newest: in order, each of the two calls would differ."""
    ours = [OurCall(f"op-{tokens}", "r-1", 1, 0, tokens, 1) for tokens in (10, 20, 30)]
    theirs = [TheirCall(2, "r-1"), TheirCall(3, "r-1", 1, 0, 20), TheirCall(4, "r-1", 1, 0, 11)]
    assert [(line.match, line.ours.op if line.ours else None) for line in match_calls(theirs, ours)] == [
        ("matched", "op-10"),
        ("matched", "op-20"),
        ("differs", "op-30"),
    ]


ids = st.sampled_from(["a", "b", "c"])
count = st.integers(0, 2)
their_calls = st.lists(
    st.builds(TheirCall, st.integers(1, 9), ids, st.none() | count, st.none(), st.none() | count), max_size=8
)
our_calls = st.lists(
    st.builds(OurCall, st.uuids().map(str), st.none() | ids, count, st.just(0), count, st.integers(1, 2)),
    max_size=8,
)


@settings(deadline=None)
@given(their_calls, our_calls)
def test_each_call_is_in_one_line(theirs: list[TheirCall], ours: list[OurCall]) -> None:
    lines = match_calls(theirs, ours)
    assert [line.theirs for line in lines if line.theirs is not None] == theirs
    assert sorted(line.ours.op for line in lines if line.ours is not None) == sorted(one.op for one in ours)
    assert lines == match_calls(theirs, ours)
    for line in lines:
        assert fits(line)


def fits(line: MatchedLine) -> bool:
    """A pair has one id; who is alone has no other left of the same id; a difference is one."""
    if line.theirs is None or line.ours is None:
        return line.match == ("only_ours" if line.theirs is None else "only_theirs") and bool(line.reasons)
    return line.theirs.request_id == line.ours.request_id and (line.match == "differs") == bool(line.reasons)


@settings(deadline=None)
@given(their_calls, our_calls)
def test_as_many_are_paired_as_can_be(theirs: list[TheirCall], ours: list[OurCall]) -> None:
    pairs = sum(line.theirs is not None and line.ours is not None for line in match_calls(theirs, ours))
    wanted = sum(
        min(sum(t.request_id == one for t in theirs), sum(o.request_id == one for o in ours))
        for one in ("a", "b", "c")
    )
    assert pairs == wanted
