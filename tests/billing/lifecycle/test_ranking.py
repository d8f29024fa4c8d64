"""Scores to a ranking, a ranking to a selection: means, bonuses, ties, quotas, budgets, in words."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.lifecycle.ranking import Candidate, Mean, Rule, Sheet, mean_milli, points_text, rank
from billing.lifecycle.selecting import BeyondBudget, Bounds, competition, ratio_text, select


def candidate(name: str, *totals: int, **more: object) -> Candidate:
    values: dict[str, object] = {
        "company_id": name,
        "track": None,
        "requested_micro": 100,
        "submitted_ms": 1,
        **more,
    }
    sheets = tuple(
        Sheet(f"e{n}", {"need": total // 2, "plan": total - total // 2}) for n, total in enumerate(totals)
    )
    return Candidate(application_id=name, sheets=sheets, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "mean", "wanted"),
    [
        ([], "plain", Fraction(0)),
        ([80_000, 70_001], "plain", Fraction(150_001, 2)),
        ([10, 50, 90], "trimmed", Fraction(50)),
        ([0, 50, 60, 100_000], "trimmed", Fraction(55)),
        ([90, 90, 90, 10], "trimmed", Fraction(90)),
        ([10, 90], "trimmed", Fraction(50)),  # nothing to leave out
        ([1, 1, 2], "plain", Fraction(4, 3)),
    ],
)
def test_means(values: list[int], mean: Mean, wanted: Fraction) -> None:
    assert mean_milli(values, mean) == wanted


@pytest.mark.parametrize(
    ("milli", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(80_000), "80"),
        (Fraction(80_500), "80.5"),
        (Fraction(4, 3), "0.001"),
        (Fraction(1, 2), "0.001"),
        (Fraction(245_999, 3), "82"),
    ],
)
def test_points_for_people(milli: Fraction, text: str) -> None:
    assert points_text(milli) == text


TIED = [
    # rule, the one that stands above by it, the one below, the words
    (
        "score_before_bonus",
        {"totals": 80_000},
        {"totals": 78_000, "bonus_milli": 2_000},
        "80 points before bonus",
    ),
    ("smaller_request", {"requested_micro": 99}, {"requested_micro": 100}, "the smaller request"),
    ("earlier_submission", {"submitted_ms": 1}, {"submitted_ms": 2}, "the earlier submission"),
    ("", {"submitted_ms": 1}, {"submitted_ms": 2}, "the earlier submission"),
    ("", {}, {}, "the lower application number"),
]


@pytest.mark.parametrize(("rule", "above", "below", "words"), TIED)
def test_ties_are_decided_by_the_rule_and_explained(
    rule: str, above: dict[str, int], below: dict[str, int], words: str
) -> None:
    def one(name: str, values: dict[str, int]) -> Candidate:
        return candidate(
            name, values.get("totals", 80_000), **{k: v for k, v in values.items() if k != "totals"}
        )

    pair = [one("ap-000009", above), one("ap-000010", below)]
    ties = (rule,) if rule else ()
    for order in (pair, pair[::-1]):
        first, second = rank(order, Rule(ties=ties))
        assert (first.candidate.application_id, first.rank, second.rank) == ("ap-000009", 1, 2)
        assert first.tie is None
        assert second.tie is not None
        assert second.tie[0].startswith("80 points as ap-000009, which stands above by")
        assert words in second.tie[0]
        assert "동점" in second.tie[1]


def test_a_criterion_decides_a_tie() -> None:
    more = Candidate("b", "b", None, 1, 2, (Sheet("e", {"plan": 50_000, "need": 30_000}),))
    less = Candidate("a", "a", None, 1, 1, (Sheet("e", {"plan": 40_000, "need": 40_000}),))
    first, second = rank([less, more], Rule(ties=("criterion:plan",)))
    assert (first.candidate, second.tie) == (
        more,
        (
            "80 points as b, which stands above by 50 points for plan against 40",
            "80점으로 b 신청과 동점, 순위 기준: plan 점수 50 > 40",
        ),
    )


def test_bonuses_are_capped() -> None:
    [one] = rank([candidate("a", 80_000, bonus_milli=9_000)], Rule(bonus_milli_max=5_000))
    assert (one.before_bonus, one.score) == (Fraction(80_000), Fraction(85_000))


def chosen(candidates: list[Candidate], bounds: Bounds) -> dict[str, str]:
    """By application: its award in micro-won, or why not."""
    outcomes = select(rank(candidates, Rule()), bounds)
    return {
        outcome.ranked.candidate.application_id: str(outcome.award_micro)
        if outcome.selected
        else outcome.why[0]
        for outcome in outcomes
    }


@pytest.mark.parametrize(
    ("policy", "third"), [("stop", "The budget has 0.00015 won left at this place."), ("skip", "50")]
)
def test_the_budget_ends_the_selection_or_passes_over(policy: BeyondBudget, third: str) -> None:
    asking = [
        candidate("a", 90_000, requested_micro=50),
        candidate("b", 80_000, requested_micro=200),
        candidate("c", 70_000, requested_micro=50),
    ]
    assert chosen(asking, Bounds(budget_micro=200, beyond_budget=policy)) == {
        "a": "50",
        "b": "The budget has 0.00015 won left at this place.",
        "c": third,
    }


def test_quotas_pass_mark_and_caps() -> None:
    asking = [
        candidate("a", 95_000, track="x"),
        candidate("b", 90_000, track="x"),
        candidate("c", 85_000, track="y"),
        candidate("d", 80_000, track="y", company_id="rich"),
        candidate("e", 75_000, track="z"),
        candidate("f", 59_999, track="z"),
        candidate("g", 74_000, track="z"),
    ]
    bounds = Bounds(
        budget_micro=10_000,
        quota=3,
        track_quotas={"x": 1},
        pass_mark_milli=60_000,
        room_micro={"rich": 99},
    )
    assert chosen(asking, bounds) == {
        "a": "100",
        "b": "The quota of 1 of track x is filled.",
        "c": "100",
        "d": "The company's cap leaves 0.000099 won beside what it is granted already.",
        "e": "100",
        "g": "The round's quota of 3 is filled.",
        "f": "59.999 points are below the pass mark of 60.",
    }


@pytest.mark.parametrize(
    ("applied", "selected", "text"),
    [(1_152, 620, "1.86"), (335, 14, "23.93"), (3, 3, "1.00"), (191, 60, "3.18"), (201, 200, "1.01")],
)
def test_competition_as_notices_print_it(applied: int, selected: int, text: str) -> None:
    ratio = competition(applied, selected)
    assert ratio is not None
    assert (ratio, ratio_text(ratio)) == (Fraction(applied, selected), text)
    assert competition(applied, 0) is None


_candidates = st.lists(
    st.builds(
        lambda name, totals, asks, at, bonus: candidate(
            f"ap-{name:06d}", *totals, requested_micro=asks, submitted_ms=at, bonus_milli=bonus
        ),
        st.integers(1, 99),
        st.lists(st.integers(0, 3), max_size=4),
        st.integers(0, 5),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    unique_by=lambda one: one.application_id,
    max_size=8,
)


@given(_candidates, st.randoms(), st.sampled_from(["plain", "trimmed"]))
def test_a_ranking_does_not_depend_on_the_order_of_its_input(
    candidates: list[Candidate], chance: object, mean: Mean
) -> None:
    rule = Rule(mean=mean)
    shuffled = list(candidates)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    ranked = rank(candidates, rule)
    assert rank(shuffled, rule) == ranked
    assert [one.rank for one in ranked] == list(range(1, len(candidates) + 1))
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    assert [one.tie is not None for one in ranked[1:]] == [a == b for a, b in pairwise(scores)]


@given(_candidates, st.integers(0, 12), st.integers(0, 4), st.sampled_from(["stop", "skip"]))
def test_a_selection_never_goes_beyond_its_bounds(
    candidates: list[Candidate], budget: int, quota: int, policy: BeyondBudget
) -> None:
    bounds = Bounds(budget_micro=budget, quota=quota, beyond_budget=policy, pass_mark_milli=1)
    outcomes = select(rank(candidates, Rule()), bounds)
    awarded = [outcome for outcome in outcomes if outcome.selected]
    assert sum(outcome.award_micro for outcome in awarded) <= budget
    assert len(awarded) <= quota
    assert all(outcome.ranked.score >= 1 and all(outcome.why) for outcome in awarded)
    if policy == "stop":  # nobody above the last who was selected was passed over for money
        passed = [outcome.selected for outcome in outcomes if outcome.ranked.score >= 1]
        assert passed == sorted(passed, reverse=True)
