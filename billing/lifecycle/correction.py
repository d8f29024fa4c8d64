"""A correction of what calls cost: one person proposes it, another approves it; only then it is booked.

An auditor may propose what a reconciliation showed; what is booked is the agency's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import AUDITOR, OPERATOR, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`calls_changed`: calls whose booking is another than the one that was judged.

    `disallowed`: calls that it would give back, though what they cost is claimed by a finding.
    `undecided`: of the same reconciliation, proposed before and not decided yet.
    """

    calls: int = 1
    is_own: bool = False
    calls_changed: int = 0
    disallowed: int = 0
    undecided: int = 0


SOMETHING_CHANGES: Final = Guard[Facts](
    "nothing_to_correct",
    "No call would cost anything else.",
    "금액이 달라지는 호출이 없습니다.",
    lambda facts: facts.calls > 0,
)
ANOTHER_S: Final = Guard[Facts](
    "own_proposal",
    "Who proposes a correction does not approve it.",
    "제안한 사람은 승인할 수 없습니다.",
    lambda facts: not facts.is_own,
)
STILL_AS_JUDGED: Final = Guard[Facts](
    "call_changed",
    "A call was booked anew since; propose the correction again.",
    "제안 이후 다시 반영된 호출이 있습니다. 보정을 다시 제안해 주세요.",
    lambda facts: facts.calls_changed == 0,
)
NOT_DISALLOWED: Final = Guard[Facts](
    "call_disallowed",
    "A finding claims what one of these calls cost: it does not go back twice.",
    "불인정 지적에 포함된 금액입니다. 지적을 먼저 처리해 주세요.",
    lambda facts: facts.disallowed == 0,
)

NOT_PROPOSED: Final = Guard[Facts](
    "proposed_already",
    "What this reconciliation showed is proposed already, and not decided yet.",
    "이 대사 결과로 제안된 보정이 아직 결정되지 않았습니다.",
    lambda facts: facts.undecided == 0,
)

TABLE: Final = Table[Facts](
    "correction",
    "보정",
    {"proposed": "보정 제안", "approved": "승인", "refused": "반려", "withdrawn": "철회"},
    (
        Step(
            "propose",
            (),
            "proposed",
            (OPERATOR, AUDITOR),
            (SOMETHING_CHANGES, NOT_PROPOSED),
            needs_reason=True,
        ),
        Step("approve", ("proposed",), "approved", (OPERATOR,), (ANOTHER_S, STILL_AS_JUDGED, NOT_DISALLOWED)),
        Step("refuse", ("proposed",), "refused", (OPERATOR,), (ANOTHER_S,), needs_reason=True),
        Step("withdraw", ("proposed",), "withdrawn", (OPERATOR,), needs_reason=True),
    ),
)
