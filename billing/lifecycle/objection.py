"""An objection (이의신청): a provider's against its payable, or a company's against a line of its statement.

While it is open the payable is neither approved nor paid. Upheld, it names the correction that was proposed
for it: what was wrong is put right by entries of a later month, never by changing a closed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`correction_state`: of the correction that is named, if it is one of this provider's."""

    correction_state: str | None = "proposed"
    has_line: bool = True
    open_of_same: int = 0


LINE_KNOWN: Final = Guard[Facts](
    "line_unknown",
    "The final statement of that month has no such line.",
    "해당 월의 확정 정산서에 그런 내역이 없습니다.",
    lambda facts: facts.has_line,
    of_entry=True,
)
ONE_AT_A_TIME: Final = Guard[Facts](
    "objection_exists",
    "An objection of yours against this is open already.",
    "이미 처리 중인 이의신청이 있습니다.",
    lambda facts: facts.open_of_same == 0,
)
CORRECTION_PROPOSED: Final = Guard[Facts](
    "correction_missing",
    "Propose the correction first, and name it: it must be one of this provider's that is not refused.",
    "먼저 이 공급기업의 보정을 제안하고 그 번호를 입력해 주세요.",
    lambda facts: facts.correction_state in ("proposed", "approved"),
    of_entry=True,
)

TABLE: Final = Table[Facts](
    "objection",
    "이의신청",
    {"open": "접수", "upheld": "인용", "rejected": "기각", "withdrawn": "철회"},
    (
        Step("make", (), "open", (OWN_PROVIDER, OWN_COMPANY), (LINE_KNOWN, ONE_AT_A_TIME), needs_reason=True),
        Step("uphold", ("open",), "upheld", (OPERATOR,), (CORRECTION_PROPOSED,), needs_reason=True),
        Step("reject", ("open",), "rejected", (OPERATOR,), needs_reason=True),
        Step("withdraw", ("open",), "withdrawn", (OWN_PROVIDER, OWN_COMPANY), needs_reason=True),
    ),
)
