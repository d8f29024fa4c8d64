"""An auditor's finding: spending that is disallowed (불인정). Money moves when the agency confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`spent_micro` of the grant, `others_micro` of it that other findings name; `objection_until`: None
    where no rule gives a time to object. `owed_by_others_micro`: other confirmed findings of the company.
    """

    is_kept: bool = True
    has_lines: bool = True
    named_already: int = 0
    spent_micro: int = 1
    others_micro: int = 0
    amount_micro: int = 1
    today: date | None = None
    objection_until: date | None = None
    has_objection: bool = False
    own_micro: int = 0
    owed_micro: int = 0
    owed_by_others_micro: int = 0
    offset_micro: int = 0


IS_KEPT: Final = Guard[Facts](
    "settlement_erased",
    "The retention of this settlement has ended.",
    "보존 기한이 끝난 정산입니다.",
    lambda facts: facts.is_kept,
)
HAS_LINES: Final = Guard[Facts](
    "nothing_found",
    "The finding names nothing that was spent.",
    "지적할 집행액이 없습니다.",
    lambda facts: facts.has_lines and facts.amount_micro > 0,
    of_entry=True,
)
NEW_LINES: Final = Guard[Facts](
    "found_already",
    "Another finding names one of these lines.",
    "이미 다른 지적에 포함된 내역입니다.",
    lambda facts: facts.named_already == 0,
    of_entry=True,
)
WITHIN_SPENT: Final = Guard[Facts](
    "above_spent",
    "No more is disallowed than was spent.",
    "불인정 금액이 집행액을 넘습니다.",
    lambda facts: facts.amount_micro + facts.others_micro <= facts.spent_micro,
    of_entry=True,
)
MAY_OBJECT: Final = Guard[Facts](
    "objection_over",
    "The time to object has passed.",
    "이의신청 기한이 지났습니다.",
    lambda facts: (
        facts.objection_until is None or facts.today is None or facts.today <= facts.objection_until
    ),
)
WAS_HEARD: Final = Guard[Facts](
    "objection_open",
    "The company may still object.",
    "이의신청 기간이 남아 있습니다.",
    lambda facts: (
        facts.has_objection
        or facts.objection_until is None
        or (facts.today is not None and facts.today > facts.objection_until)
    ),
)
STILL_WITHIN: Final = Guard[Facts](
    "above_spent",
    "No more is disallowed than was spent.",
    "불인정 금액이 집행액을 넘습니다.",
    lambda facts: facts.amount_micro + facts.others_micro <= facts.spent_micro,
)
OWN_ENOUGH: Final = Guard[Facts](
    "own_money_short",
    "There is less own money than that.",
    "자체 부담금 잔액이 부족합니다.",
    lambda facts: 0 < facts.offset_micro <= facts.own_micro,
    of_entry=True,
)
WITHIN_OWED: Final = Guard[Facts](
    "above_owed",
    "The company owes less than that.",
    "남은 환수금보다 많은 금액입니다.",
    lambda facts: facts.offset_micro <= facts.owed_micro,
    of_entry=True,
)
IS_PAID: Final = Guard[Facts](
    "still_owed",
    "The company has not paid it back.",
    "환수금이 아직 납부되지 않았습니다.",
    lambda facts: facts.owed_micro <= facts.owed_by_others_micro,
)

TABLE: Final = Table[Facts](
    "finding",
    "지적 사항",
    {
        "found": "불인정 통보",
        "objected": "이의신청",
        "confirmed": "환수 확정",
        "repaid": "환수 완료",
        "dismissed": "지적 철회",
    },
    (
        Step(
            "find", (), "found", (AUDITOR,), (IS_KEPT, HAS_LINES, NEW_LINES, WITHIN_SPENT), needs_reason=True
        ),
        Step("object", ("found",), "objected", (OWN_COMPANY,), (MAY_OBJECT,), needs_reason=True),
        Step(
            "confirm",
            ("found", "objected"),
            "confirmed",
            (OPERATOR,),
            (IS_KEPT, WAS_HEARD, STILL_WITHIN),
            needs_reason=True,
        ),
        Step("dismiss", ("found", "objected"), "dismissed", (OPERATOR,), needs_reason=True),
        Step("offset", ("confirmed",), None, (OPERATOR,), (OWN_ENOUGH, WITHIN_OWED)),
        Step("repay", ("confirmed",), "repaid", (OPERATOR,), (IS_PAID,)),
    ),
)
