"""A month of the books: open until the agency closes it, for good. What comes later is in a later month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`holds_open`: None where the purse cannot be asked."""

    is_over: bool = True
    is_next: bool = True
    holds_open: int | None = 0
    corrections_undecided: int = 0
    reports_undecided: int = 0


IS_OVER: Final = Guard[Facts](
    "month_not_over", "The month is not over.", "아직 끝나지 않은 달입니다.", lambda facts: facts.is_over
)
IS_NEXT: Final = Guard[Facts](
    "month_before_open",
    "Months are closed one after the other, from the first that has usage.",
    "이전 달을 먼저 마감해 주세요.",
    lambda facts: facts.is_next,
)
HOLDS_KNOWN: Final = Guard[Facts](
    "holds_unknown",
    "Whether calls of that month still run cannot be asked now.",
    "지금은 진행 중인 호출을 확인할 수 없습니다.",
    lambda facts: facts.holds_open is not None,
)
NO_HOLDS: Final = Guard[Facts](
    "holds_open",
    "Holds of that month are open, or its calls are not in the books yet.",
    "해당 월의 홀드가 남아 있거나 아직 장부에 반영되지 않은 호출이 있습니다.",
    lambda facts: not facts.holds_open,
)
ALL_DECIDED: Final = Guard[Facts](
    "corrections_undecided",
    "Corrections of that month's calls are proposed and not decided.",
    "해당 월의 보정 제안이 아직 처리되지 않았습니다.",
    lambda facts: facts.corrections_undecided == 0,
)
ALL_REPORTS_DECIDED: Final = Guard[Facts](
    "reports_undecided",
    "Use of that month was reported, and is neither charged nor rejected.",
    "해당 월의 이용실적 보고가 아직 처리되지 않았습니다.",
    lambda facts: facts.reports_undecided == 0,
)

TABLE: Final = Table[Facts](
    "month",
    "월 마감",
    {"open": "열림", "closed": "마감"},
    (
        Step(
            "close",
            ("open",),
            "closed",
            (OPERATOR,),
            (IS_OVER, IS_NEXT, HOLDS_KNOWN, NO_HOLDS, ALL_DECIDED, ALL_REPORTS_DECIDED),
            needs_reason=True,
        ),
    ),
)
