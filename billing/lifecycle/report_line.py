"""A line of a provider's report: what was used, accepted or objected to by the company, charged to a voucher.

Milestones, corrections and large amounts wait for the company's acceptance (검수). What is charged by the
month waits until the company has had its time to object. The rest is charged as soon as a voucher can pay it
whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """Each is whether its condition holds."""

    product_there: bool = True
    unit_right: bool = True
    company_there: bool = True
    in_one_month: bool = True
    served: bool = True
    in_time: bool = True
    in_an_agreement: bool = True
    has_price: bool = True
    first_of_its_period: bool = True
    correctable: bool = True


def _guard(name: str, english: str, korean: str, field: str) -> Guard[Facts]:
    return Guard[Facts](name, english, korean, lambda facts: bool(getattr(facts, field)), of_entry=True)


# In the order in which a line is looked at.
TAKEN_WHEN: Final = (
    _guard(
        "product_not_sold",
        "The provider sells no such product that is reported.",
        "판매 중인 이용실적 보고 상품이 아닙니다.",
        "product_there",
    ),
    _guard(
        "company_not_there",
        "There is no such company, or it is stopped.",
        "없거나 중지된 수요기업입니다.",
        "company_there",
    ),
    _guard(
        "period_not_one_month",
        "A line is of days of one month.",
        "한 줄의 이용 기간은 같은 달이어야 합니다.",
        "in_one_month",
    ),
    _guard(
        "quantity_invalid", "The quantity is none of its unit.", "단위에 맞지 않는 수량입니다.", "unit_right"
    ),
    _guard(
        "service_ahead",
        "The service is still ahead.",
        "아직 제공되지 않은 이용입니다.",
        "served",
    ),
    _guard(
        "reported_too_late",
        "The time for reporting this service is over.",
        "보고 기한이 지난 이용입니다.",
        "in_time",
    ),
    _guard(
        "outside_agreement",
        "No agreement with a voucher that allows the product covers these days.",
        "해당 기간에 이 상품을 이용할 수 있는 협약(바우처)이 없습니다.",
        "in_an_agreement",
    ),
    _guard(
        "price_missing",
        "No price was in force for it.",
        "해당 시점에 적용되는 단가가 없습니다.",
        "has_price",
    ),
    _guard(
        "period_reported",
        "These days, or this milestone, are reported already.",
        "이미 보고된 기간 또는 마일스톤입니다.",
        "first_of_its_period",
    ),
    _guard(
        "not_correctable",
        "Only a charged line of the same company, product and period is corrected, one correction at a time.",
        "차감된 같은 기업·상품·기간의 보고만 정정할 수 있습니다.",
        "correctable",
    ),
)
_UNDECIDED: Final = ("reported", "accepted", "objected")

TABLE: Final = Table[Facts](
    "report_line",
    "이용실적 보고",
    {
        "reported": "보고",
        "accepted": "검수 완료",
        "objected": "이의 제기",
        "charged": "차감",
        "rejected": "반려",
        "withdrawn": "철회",
    },
    (
        Step("report", (), "reported", (OWN_PROVIDER,), TAKEN_WHEN),
        Step("accept", ("reported", "objected"), "accepted", (OWN_COMPANY,)),
        Step("object", ("reported",), "objected", (OWN_COMPANY,), needs_reason=True),
        Step("charge", ("reported", "accepted"), "charged", ()),
        Step("reject", _UNDECIDED, "rejected", (OPERATOR,), needs_reason=True),
        Step("withdraw", _UNDECIDED, "withdrawn", (OWN_PROVIDER,), needs_reason=True),
    ),
)
