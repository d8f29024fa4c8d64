"""Scores of several evaluators -> a ranking with its ties explained. Pure and exact.

Points are integers of a thousandth. A mean is a fraction and is compared as one; only what is shown is
rounded. Whoever reads a ranking years later must see why of two equal applications this one stood above that
one: the words stay with the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal

Mean = Literal["plain", "trimmed"]

POINT_MILLI: Final = 1_000
TRIMMED_FROM: Final = 3  # fewer scores than this have no highest and lowest to leave out

# What may decide between equal scores, beside "criterion:ID"; the last resort is the earlier submission.
TIE_RULES: Final = ("score_before_bonus", "smaller_request", "earlier_submission")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one evaluator gave: points by criterion, in thousandths."""

    evaluator: str
    milli: Mapping[str, int]

    @property
    def total_milli(self) -> int:
        return sum(self.milli.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    application_id: str
    company_id: str
    track: str | None
    requested_micro: int
    submitted_ms: int
    sheets: tuple[Sheet, ...]
    bonus_milli: int = 0


@dataclass(frozen=True, slots=True)
class Ranked:
    """`tie` says in both languages what decided against the one above, where the scores were equal."""

    candidate: Candidate
    rank: int
    before_bonus: Fraction
    score: Fraction
    tie: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """How a round makes one number of many, and one order of equal numbers."""

    mean: Mean = "plain"
    bonus_milli_max: int | None = None
    ties: Sequence[str] = field(default=("score_before_bonus", "earlier_submission"))


def mean_milli(values: Sequence[int], mean: Mean) -> Fraction:
    """The plain mean, or the one without one highest and one lowest value."""
    if not values:
        return Fraction(0)
    kept = sorted(values)
    if mean == "trimmed" and len(kept) >= TRIMMED_FROM:
        kept = kept[1:-1]
    return Fraction(sum(kept), len(kept))


def rank(candidates: Iterable[Candidate], rule: Rule) -> list[Ranked]:
    """Best first. Equal scores are put in order by the round's rules; nobody shares a rank."""
    scored = [(_score(candidate, rule), candidate) for candidate in candidates]
    scored.sort(key=lambda pair: (-pair[0][1], *(_key(pair[1], name, rule) for name in _rules(rule))))
    ranked = [
        Ranked(candidate, place, before, score)
        for place, ((before, score), candidate) in enumerate(scored, 1)
    ]
    return [ranked[0], *(_explained(a, b, rule) for a, b in pairwise(ranked))] if ranked else []


def _score(candidate: Candidate, rule: Rule) -> tuple[Fraction, Fraction]:
    before = mean_milli([sheet.total_milli for sheet in candidate.sheets], rule.mean)
    bonus = candidate.bonus_milli
    if rule.bonus_milli_max is not None:
        bonus = min(bonus, rule.bonus_milli_max)
    return before, before + bonus


def _rules(rule: Rule) -> tuple[str, ...]:
    return (*rule.ties, "earlier_submission", "application_number")


def _key(candidate: Candidate, name: str, rule: Rule) -> Fraction | int | tuple[int, str]:
    """Smaller is better."""
    if name == "score_before_bonus":
        return -_score(candidate, rule)[0]
    if name == "smaller_request":
        return candidate.requested_micro
    if name == "earlier_submission":
        return candidate.submitted_ms
    if name == "application_number":
        return (len(candidate.application_id), candidate.application_id)
    return -_criterion(candidate, name.removeprefix("criterion:"), rule)


def _criterion(candidate: Candidate, criterion: str, rule: Rule) -> Fraction:
    return mean_milli([sheet.milli.get(criterion, 0) for sheet in candidate.sheets], rule.mean)


def _explained(above: Ranked, below: Ranked, rule: Rule) -> Ranked:
    if above.score != below.score:
        return below
    name = next(
        name
        for name in _rules(rule)
        if _key(above.candidate, name, rule) != _key(below.candidate, name, rule)
    )
    english, korean = _words(name, above.candidate, below.candidate, rule)
    points, other = points_text(below.score), above.candidate.application_id
    tie = (
        f"{points} points as {other}, which stands above by {english}",
        f"{points}점으로 {other} 신청과 동점, 순위 기준: {korean}",
    )
    return Ranked(below.candidate, below.rank, below.before_bonus, below.score, tie)


def _words(name: str, above: Candidate, below: Candidate, rule: Rule) -> tuple[str, str]:
    if name.startswith("criterion:"):
        criterion = name.removeprefix("criterion:")
        more, less = (points_text(_criterion(one, criterion, rule)) for one in (above, below))
        return f"{more} points for {criterion} against {less}", f"{criterion} 점수 {more} > {less}"
    if name == "score_before_bonus":
        more, less = (points_text(_score(one, rule)[0]) for one in (above, below))
        return f"{more} points before bonus against {less}", f"가점 전 점수 {more} > {less}"
    if name == "smaller_request":
        return "the smaller request", "신청 금액이 더 작음"
    if name == "earlier_submission":
        return "the earlier submission", "먼저 제출"
    return "the lower application number", "접수 번호가 앞섬"


def points_text(milli: Fraction) -> str:
    """For people: at most three places, half up."""
    thousandths = (milli.numerator * 2 + milli.denominator) // (2 * milli.denominator)
    whole, rest = divmod(thousandths, POINT_MILLI)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else str(whole)
