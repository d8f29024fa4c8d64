"""A round's life. Announced, it takes applications by the clock, from its opening to before its closing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.lifecycle.ranking import TRIMMED_FROM
from billing.lifecycle.table import OPERATOR, Guard, Refused, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    now: datetime
    opens_at: datetime
    closes_at: datetime
    programme_state: str = "open"
    undecided: int = 0  # applications submitted or screened, neither scored nor rejected
    new_closes_at: datetime | None = None


PROGRAMME_OPEN: Final = Guard[Facts](
    "programme_not_open",
    "The programme is not open.",
    "운영 중인 사업이 아닙니다.",
    lambda facts: facts.programme_state == "open",
)
CLOSING_AHEAD: Final = Guard[Facts](
    "closing_passed",
    "The closing time has passed.",
    "접수 마감 시각이 이미 지났습니다.",
    lambda facts: facts.now < facts.closes_at,
)
CLOSES_LATER: Final = Guard[Facts](
    "not_later",
    "A deadline is only ever moved to a later time.",
    "마감은 더 늦은 시각으로만 바꿀 수 있습니다.",
    lambda facts: facts.new_closes_at is not None and facts.new_closes_at > facts.closes_at,
    of_entry=True,
)
PERIOD_OVER: Final = Guard[Facts](
    "period_open",
    "Applications are still being taken.",
    "아직 접수 기간입니다.",
    lambda facts: facts.now >= facts.closes_at,
)
ALL_DECIDED: Final = Guard[Facts](
    "applications_undecided",
    "Some applications are neither scored nor rejected.",
    "평가 또는 탈락 처리가 끝나지 않은 신청이 있습니다.",
    lambda facts: facts.undecided == 0,
)

TABLE: Final = Table[Facts](
    "round",
    "회차",
    {"draft": "작성 중", "announced": "공고", "selected": "선정 완료", "cancelled": "취소"},
    (
        Step("make", (), "draft", (OPERATOR,)),
        Step("change", ("draft",), None, (OPERATOR,)),
        Step("announce", ("draft",), "announced", (OPERATOR,), (PROGRAMME_OPEN, CLOSING_AHEAD)),
        Step(
            "extend",
            ("announced",),
            None,
            (OPERATOR,),
            (CLOSING_AHEAD, CLOSES_LATER),
            needs_reason=True,
        ),
        Step("select", ("announced",), "selected", (OPERATOR,), (PERIOD_OVER, ALL_DECIDED)),
        Step("cancel", ("draft", "announced"), "cancelled", (OPERATOR,), needs_reason=True),
    ),
)


def check_rules(values: Mapping[str, Any]) -> None:
    """What one of a round's fields cannot say without the others. Raises Refused."""
    if values["opens_at"] >= values["closes_at"]:
        raise _unsound("closes_at must be after opens_at", "접수 마감은 접수 시작보다 늦어야 합니다")
    for name in ("tracks", "criteria", "bonuses"):
        ids = [one["id"] for one in values[name]]
        if len(ids) != len(set(ids)):
            raise _unsound(f"two of {name} have one id", f"{name}에 같은 ID가 두 번 있습니다")
    criteria = {f"criterion:{one['id']}" for one in values["criteria"]}
    if missing := [tie for tie in values["ties"] if tie.startswith("criterion:") and tie not in criteria]:
        raise _unsound(f"{missing[0]} is none of the criteria", f"{missing[0]}: 평가 항목에 없습니다")
    if values["mean"] == "trimmed" and values["evaluators_min"] < TRIMMED_FROM:
        raise _unsound(
            f"a trimmed mean needs at least {TRIMMED_FROM} evaluators",
            f"최고·최저점을 제외하려면 평가위원이 {TRIMMED_FROM}명 이상이어야 합니다",
        )


def _unsound(english: str, korean: str) -> Refused:
    return Refused("round_unsound", f"{english[0].upper()}{english[1:]}.", f"{korean}.")
