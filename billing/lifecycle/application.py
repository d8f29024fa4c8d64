"""An application's life: a company's request in a round, from its draft to being selected or rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    now: datetime
    round_state: str
    opens_at: datetime
    closes_at: datetime
    classes: frozenset[str] | None  # who may apply; None: every class
    class_name: str
    company_active: bool
    tracks: frozenset[str]
    track: str | None
    bonuses: frozenset[str]
    claimed: frozenset[str]
    cap_micro: int
    requested_micro: int
    is_complete: bool = True
    is_submitted: bool = False
    others_of_brn: int = 0  # applications of the round by other companies with the same business number
    evaluators: int = 0
    evaluators_min: int = 1
    has_agreement: bool = False


PERIOD_OPEN: Final = Guard[Facts](
    "period_closed",
    "The round takes no applications now.",
    "접수 기간이 아닙니다.",
    lambda facts: facts.round_state == "announced" and facts.opens_at <= facts.now < facts.closes_at,
)
PERIOD_OVER: Final = Guard[Facts](
    "period_open",
    "Applications are still being taken.",
    "아직 접수 기간입니다.",
    lambda facts: facts.now >= facts.closes_at,
)
ROUND_UNDECIDED: Final = Guard[Facts](
    "round_decided",
    "The round's selection is made, or the round was cancelled.",
    "이미 선정이 끝났거나 취소된 회차입니다.",
    lambda facts: facts.round_state == "announced",
)
MAY_APPLY: Final = Guard[Facts](
    "class_not_eligible",
    "The round is not for companies of this class.",
    "이 회차의 신청 대상 기업 구분이 아닙니다.",
    lambda facts: facts.company_active and (facts.classes is None or facts.class_name in facts.classes),
)
KNOWN_TRACK: Final = Guard[Facts](
    "track_unknown",
    "Name one of the round's tracks, or none where it has none.",
    "회차의 분야를 선택해 주세요.",
    lambda facts: facts.track in facts.tracks if facts.tracks else facts.track is None,
    of_entry=True,
)
KNOWN_BONUSES: Final = Guard[Facts](
    "bonus_unknown",
    "A claimed bonus is none of the round's.",
    "회차에 없는 가점 항목입니다.",
    lambda facts: facts.claimed <= facts.bonuses,
    of_entry=True,
)
WITHIN_CAP: Final = Guard[Facts](
    "above_cap",
    "The request is above what the round grants one company.",
    "신청 금액이 지원 한도를 넘습니다.",
    lambda facts: facts.requested_micro <= facts.cap_micro,
    of_entry=True,
)
COMPLETE: Final = Guard[Facts](
    "incomplete",
    "A title, a plan and an amount above nothing are needed before submitting.",
    "제목, 활용 계획, 신청 금액을 모두 입력해야 제출할 수 있습니다.",
    lambda facts: facts.is_complete and facts.requested_micro > 0,
)
STAYS_COMPLETE: Final = Guard[Facts](
    "incomplete",
    "What was submitted keeps a title, a plan and an amount above nothing.",
    "제출한 신청서에는 제목, 활용 계획, 신청 금액이 모두 있어야 합니다.",
    lambda facts: not facts.is_submitted or (facts.is_complete and facts.requested_micro > 0),
    of_entry=True,
)
ONE_OF_BRN: Final = Guard[Facts](
    "brn_applied",
    "A company with this business registration number has applied in this round.",
    "같은 사업자등록번호로 이 회차에 이미 신청했습니다.",
    lambda facts: facts.others_of_brn == 0,
)
ENOUGH_SCORES: Final = Guard[Facts](
    "scores_missing",
    "Fewer evaluators have scored this application than the round asks for.",
    "평가위원 점수가 부족합니다.",
    lambda facts: facts.evaluators >= facts.evaluators_min,
)
NO_AGREEMENT: Final = Guard[Facts](
    "agreement_offered",
    "An agreement was offered; decline that.",
    "협약이 제시된 신청입니다. 협약에서 거절해 주세요.",
    lambda facts: not facts.has_agreement,
)

_FIELDS: Final = (MAY_APPLY, KNOWN_TRACK, KNOWN_BONUSES, WITHIN_CAP)

TABLE: Final = Table[Facts](
    "application",
    "신청",
    {
        "draft": "임시저장",
        "submitted": "제출",
        "screened": "적격",
        "scored": "평가 완료",
        "selected": "선정",
        "rejected": "탈락",
        "withdrawn": "철회",
    },
    (
        Step("make", (), "draft", (OWN_COMPANY,), (PERIOD_OPEN, *_FIELDS)),
        Step("change", ("draft", "submitted"), None, (OWN_COMPANY,), (PERIOD_OPEN, *_FIELDS, STAYS_COMPLETE)),
        Step(
            "submit",
            ("draft",),
            "submitted",
            (OWN_COMPANY,),
            (PERIOD_OPEN, *_FIELDS, COMPLETE, ONE_OF_BRN),
        ),
        Step(
            "withdraw",
            ("draft", "submitted", "screened", "scored", "selected"),
            "withdrawn",
            (OWN_COMPANY,),
            (NO_AGREEMENT,),
            needs_reason=True,
        ),
        Step("reopen", ("withdrawn",), "draft", (OWN_COMPANY,), (PERIOD_OPEN,)),
        Step("screen", ("submitted",), "screened", (OPERATOR,), (PERIOD_OVER, ROUND_UNDECIDED)),
        Step("evaluate", ("screened",), None, (OPERATOR,), (ROUND_UNDECIDED,)),
        Step("score", ("screened",), "scored", (OPERATOR,), (ROUND_UNDECIDED, ENOUGH_SCORES)),
        Step(
            "reject",
            ("submitted", "screened", "scored"),
            "rejected",
            (OPERATOR,),
            (PERIOD_OVER, ROUND_UNDECIDED),
            needs_reason=True,
        ),
    ),
)
# What a round's selection does to its scored applications; nobody does it to one alone.
OUTCOMES: Final = ("selected", "rejected")
