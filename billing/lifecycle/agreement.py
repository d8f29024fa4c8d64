"""An agreement's life: what a selection leads to. Its terms change by amendments only, version by version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    today: date
    starts_on: date
    ends_on: date
    programme_starts_on: date
    programme_ends_on: date
    application_state: str = "selected"
    has_agreement: bool = False
    award_micro: int = 0
    government_micro: int = 0
    brn: str | None = None
    others_of_brn: int = 0  # agreements of the round that another company with this number has signed
    programme_state: str = "open"


PROGRAMME_OPEN: Final = Guard[Facts](
    "programme_not_open",
    "The programme is not open.",
    "운영 중인 사업이 아닙니다.",
    lambda facts: facts.programme_state == "open",
)
APPLICATION_SELECTED: Final = Guard[Facts](
    "application_not_selected",
    "An agreement is made with a company that was selected.",
    "선정된 신청에 대해서만 협약을 체결할 수 있습니다.",
    lambda facts: facts.application_state == "selected",
)
ONE_AGREEMENT: Final = Guard[Facts](
    "agreement_exists",
    "The application has an agreement.",
    "이미 협약이 있는 신청입니다.",
    lambda facts: not facts.has_agreement,
)
WITHIN_AWARD: Final = Guard[Facts](
    "above_award",
    "The grant is above what was awarded at the selection.",
    "정부지원금이 선정 금액을 넘습니다.",
    lambda facts: facts.government_micro <= facts.award_micro,
    of_entry=True,
)
WITHIN_PROGRAMME: Final = Guard[Facts](
    "outside_programme",
    "The period lies outside the programme's, or ends before it begins.",
    "협약 기간이 사업 기간을 벗어나거나 올바르지 않습니다.",
    lambda facts: facts.programme_starts_on <= facts.starts_on <= facts.ends_on <= facts.programme_ends_on,
    of_entry=True,
)
HAS_BRN: Final = Guard[Facts](
    "brn_required",
    "A business registration number is needed before the agreement.",
    "협약 체결 전에 사업자등록번호를 등록해 주세요.",
    lambda facts: facts.brn is not None,
)
ONE_OF_BRN: Final = Guard[Facts](
    "brn_agreed",
    "A company with this business registration number has signed an agreement of this round.",
    "같은 사업자등록번호로 이 회차의 협약이 이미 체결되었습니다.",
    lambda facts: facts.others_of_brn == 0,
)
NOT_ENDED: Final = Guard[Facts](
    "period_closed",
    "The agreement's last day has passed.",
    "협약 기간이 이미 끝났습니다.",
    lambda facts: facts.today <= facts.ends_on,
)
ENDED: Final = Guard[Facts](
    "period_open",
    "The agreement's last day has not passed.",
    "아직 협약 기간입니다.",
    lambda facts: facts.today > facts.ends_on,
)

TABLE: Final = Table[Facts](
    "agreement",
    "협약",
    {
        "offered": "협약 대기",
        "signed": "체결",
        "declined": "거절",
        "revoked": "철회",
        "terminated": "해약",
        "completed": "종료",
    },
    (
        Step(
            "make",
            (),
            "offered",
            (OPERATOR,),
            (PROGRAMME_OPEN, APPLICATION_SELECTED, ONE_AGREEMENT, WITHIN_AWARD, WITHIN_PROGRAMME, NOT_ENDED),
        ),
        Step("sign", ("offered",), "signed", (OWN_COMPANY,), (HAS_BRN, ONE_OF_BRN, NOT_ENDED)),
        Step("decline", ("offered",), "declined", (OWN_COMPANY,), needs_reason=True),
        Step("revoke", ("offered",), "revoked", (OPERATOR,), needs_reason=True),
        Step("terminate", ("signed",), "terminated", (OPERATOR,), needs_reason=True),
        Step("complete", ("signed",), "completed", (OPERATOR,), (ENDED,)),
    ),
)
