"""The settlement of a voucher (정산): what it did not use goes back, and who says it is right.

A charge that comes late, and money that comes free after the return, follow as entries of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`holds_open`: None where the purse cannot be asked. `verification_needed`: by the rules of its end.

    `pending_micro` expired and did not go back yet; `unexpired_micro` is unused and did not expire yet.
    `reports_undecided`: reported use that this voucher may have to pay, or get back.
    """

    has_voucher: bool = True
    is_over: bool = True
    has_settlement: bool = False
    holds_open: int | None = 0
    unexpired_micro: int = 0
    pending_micro: int = 0
    is_interest_known: bool = True
    verification_needed: str | None = None
    verification: str | None = None
    corrections_undecided: int = 0
    reports_undecided: int = 0
    findings_undecided: int = 0
    claims_unpaid: int = 0
    today: date | None = None
    kept_until: date | None = None


HAS_VOUCHER: Final = Guard[Facts](
    "voucher_missing",
    "The agreement has no voucher: nothing is to be settled.",
    "바우처가 발급되지 않은 협약은 정산할 것이 없습니다.",
    lambda facts: facts.has_voucher,
)
IS_OVER: Final = Guard[Facts](
    "voucher_not_over",
    "The voucher, or its agreement, has not ended.",
    "바우처 또는 협약이 아직 끝나지 않았습니다.",
    lambda facts: facts.is_over,
)
ONE_SETTLEMENT: Final = Guard[Facts](
    "settlement_exists",
    "The voucher has its settlement.",
    "이미 정산이 시작된 바우처입니다.",
    lambda facts: not facts.has_settlement,
)
HOLDS_KNOWN: Final = Guard[Facts](
    "holds_unknown",
    "Whether calls of the voucher still run cannot be asked now.",
    "지금은 진행 중인 호출을 확인할 수 없습니다.",
    lambda facts: facts.holds_open is not None,
    of_entry=True,
)
NO_HOLDS: Final = Guard[Facts](
    "holds_open",
    "Holds of the voucher are open, or its calls are not in the books yet.",
    "바우처의 홀드가 남아 있거나 아직 장부에 반영되지 않은 호출이 있습니다.",
    lambda facts: not facts.holds_open,
    of_entry=True,
)
HAS_EXPIRED: Final = Guard[Facts](
    "not_expired",
    "What was not used has not expired yet; the worker does that within minutes.",
    "미사용액이 아직 소멸 처리되지 않았습니다. 잠시 후 다시 시도해 주세요.",
    lambda facts: facts.unexpired_micro == 0,
)
INTEREST_KNOWN: Final = Guard[Facts](
    "interest_unknown",
    "Enter the interest first, with the document that says it; none is 0.",
    "이자를 증빙과 함께 먼저 입력해 주세요. 없으면 0입니다.",
    lambda facts: facts.is_interest_known,
)
SOMETHING_LATE: Final = Guard[Facts](
    "nothing_late",
    "Nothing came free since the return.",
    "반납 이후 새로 반납할 금액이 없습니다.",
    lambda facts: facts.pending_micro > 0,
)
NOTHING_LATE: Final = Guard[Facts](
    "return_pending",
    "Something came free since the return, and did not go back yet.",
    "반납 이후 새로 발생한 미반납 금액이 있습니다.",
    lambda facts: facts.pending_micro == 0 and facts.unexpired_micro == 0,
)
IS_VERIFIED: Final = Guard[Facts](
    "verification_missing",
    "By its amount this settlement needs an external verification, or an audit: give its reference.",
    "금액 기준에 따라 외부 검증 또는 회계감사 보고서 번호가 필요합니다.",
    lambda facts: (
        facts.verification_needed is None
        or facts.verification == "audit"
        or facts.verification == facts.verification_needed
    ),
    of_entry=True,
)
CORRECTIONS_DECIDED: Final = Guard[Facts](
    "corrections_undecided",
    "Corrections of the voucher's calls are proposed and not decided.",
    "바우처 호출의 보정 제안이 아직 처리되지 않았습니다.",
    lambda facts: facts.corrections_undecided == 0,
)
REPORTS_DECIDED: Final = Guard[Facts](
    "reports_undecided",
    "Use that is the voucher's to pay was reported, and is neither charged nor rejected.",
    "바우처에 해당하는 이용실적 보고가 아직 처리되지 않았습니다.",
    lambda facts: facts.reports_undecided == 0,
)
FINDINGS_DECIDED: Final = Guard[Facts](
    "findings_undecided",
    "An auditor's finding is not decided.",
    "아직 처리되지 않은 지적 사항이 있습니다.",
    lambda facts: facts.findings_undecided == 0,
)
CLAIMS_PAID: Final = Guard[Facts](
    "claims_unpaid",
    "What was clawed back is not paid back.",
    "환수금이 아직 납부되지 않았습니다.",
    lambda facts: facts.claims_unpaid == 0,
)
KEPT_LONG_ENOUGH: Final = Guard[Facts](
    "retention_running",
    "What belongs to a settlement is kept until its retention date, and while a finding is open.",
    "보존 기한이 지나지 않았거나 처리 중인 지적 사항이 있어 삭제할 수 없습니다.",
    lambda facts: None not in (facts.today, facts.kept_until) and facts.today > facts.kept_until,  # type: ignore[operator]
)

# Money that comes free late has a way back at any time.
_RETURNED: Final = ("returned", "reported", "verified", "settled", "closed", "erased")
_DECIDED: Final = (NOTHING_LATE, CORRECTIONS_DECIDED, REPORTS_DECIDED, FINDINGS_DECIDED)

TABLE: Final = Table[Facts](
    "settlement",
    "정산",
    {
        "opened": "정산 시작",
        "returned": "반납 완료",
        "reported": "보고",
        "verified": "검증 완료",
        "settled": "정산 확정",
        "closed": "종결",
        "erased": "보존 종료",
    },
    (
        Step("open", (), "opened", (OPERATOR,), (HAS_VOUCHER, IS_OVER, ONE_SETTLEMENT)),
        Step("enter_interest", ("opened",), None, (OPERATOR,)),
        Step(
            "return_unused",
            ("opened",),
            "returned",
            (OPERATOR,),
            (HOLDS_KNOWN, NO_HOLDS, REPORTS_DECIDED, HAS_EXPIRED, INTEREST_KNOWN),
        ),
        Step("return_late", _RETURNED, None, (OPERATOR,), (SOMETHING_LATE,), needs_reason=True),
        Step("report", ("returned",), "reported", (OPERATOR, OWN_COMPANY), (NOTHING_LATE,)),
        Step("send_back", ("reported",), "returned", (OPERATOR,), needs_reason=True),
        Step("verify", ("reported",), "verified", (OPERATOR,), (IS_VERIFIED,)),
        Step("settle", ("verified",), "settled", (OPERATOR,), _DECIDED),
        Step("close", ("settled",), "closed", (OPERATOR,), (*_DECIDED, CLAIMS_PAID)),
        Step(
            "erase",
            ("closed",),
            "erased",
            (OPERATOR,),
            (*_DECIDED, CLAIMS_PAID, KEPT_LONG_ENOUGH),
            needs_reason=True,
        ),
    ),
)
