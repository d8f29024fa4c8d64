"""A ranking -> who is selected, within pass mark, quotas, caps and budget; each refusal in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from billing.lifecycle.ranking import Candidate, Ranked, points_text
from metering.money import format_krw

BeyondBudget = Literal["stop", "skip"]
Words = tuple[str, str]  # English, Korean


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a selection may not go beyond. None: no such bound.

    `room_micro`: what a company may still be granted in this programme and this year, by company.
    """

    budget_micro: int
    quota: int | None = None
    track_quotas: Mapping[str, int] = field(default_factory=dict)
    pass_mark_milli: int = 0
    beyond_budget: BeyondBudget = "stop"
    room_micro: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    ranked: Ranked
    selected: bool
    award_micro: int
    why: Words


@dataclass(slots=True)
class _Taken:
    budget_micro: int = 0
    in_all: int = 0
    tracks: Counter[str | None] = field(default_factory=Counter)
    stopped: bool = False


def select(ranking: Sequence[Ranked], bounds: Bounds) -> list[Outcome]:
    """In the ranking's order. With "stop" the first that the budget cannot pay is the last that is looked at:
    nobody is selected above whom somebody better stands for the size of a request alone.
    """
    taken = _Taken()
    outcomes = []
    for ranked in ranking:
        candidate = ranked.candidate
        why = _refusal(ranked, bounds, taken)
        if why is None:
            taken.budget_micro += candidate.requested_micro
            taken.in_all += 1
            taken.tracks[candidate.track] += 1
            why = (f"Selected in place {ranked.rank}.", f"{ranked.rank}위로 선정되었습니다.")
            outcomes.append(Outcome(ranked, True, candidate.requested_micro, why))
        else:
            outcomes.append(Outcome(ranked, False, 0, why))
    return outcomes


def _refusal(ranked: Ranked, bounds: Bounds, taken: _Taken) -> Words | None:
    candidate = ranked.candidate
    if ranked.score < bounds.pass_mark_milli:
        score, mark = points_text(ranked.score), points_text(Fraction(bounds.pass_mark_milli))
        return f"{score} points are below the pass mark of {mark}.", f"평점 {score}점, 기준 {mark}점 미만"
    if bounds.quota is not None and taken.in_all >= bounds.quota:
        return f"The round's quota of {bounds.quota} is filled.", f"선정 인원 {bounds.quota}개사 초과"
    track_quota = bounds.track_quotas.get(candidate.track) if candidate.track is not None else None
    if track_quota is not None and taken.tracks[candidate.track] >= track_quota:
        return (
            f"The quota of {track_quota} of track {candidate.track} is filled.",
            f"{candidate.track} 분야 {track_quota}개사 초과",
        )
    return _beyond_money(candidate, bounds, taken)


def _beyond_money(candidate: Candidate, bounds: Bounds, taken: _Taken) -> Words | None:
    room = bounds.room_micro.get(candidate.company_id)
    if room is not None and candidate.requested_micro > room:
        return (
            f"The company's cap leaves {format_krw(room)} won beside what it is granted already.",
            f"기업별 지원 한도 초과 (남은 한도 {format_krw(room)}원)",
        )
    left = bounds.budget_micro - taken.budget_micro
    if taken.stopped or candidate.requested_micro > left:
        taken.stopped = taken.stopped or bounds.beyond_budget == "stop"
        return (
            f"The budget has {format_krw(left)} won left at this place.",
            f"예산 부족 (해당 순위에서 남은 예산 {format_krw(left)}원)",
        )
    return None


def competition(applied: int, selected: int) -> Fraction | None:
    """Applications to one selected; None where nobody was."""
    return Fraction(applied, selected) if selected else None


def ratio_text(ratio: Fraction) -> str:
    """Two places, half up, as notices print it: "3.18"."""
    hundredths = (ratio.numerator * 200 + ratio.denominator) // (2 * ratio.denominator)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
