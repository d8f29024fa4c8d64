"""A product that no gateway proxies: offered by its provider, approved by the agency, sold by the unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    provider_state: str = "approved"
    is_name_free: bool = True
    has_price: bool = True  # or none is needed, as an agreement's plan has them
    is_price_new: bool = True  # no price of that tier is from that same instant
    is_price_later: bool = True
    has_right_tier: bool = True


PROVIDER_THERE: Final = Guard[Facts](
    "provider_ended",
    "The provider has ended.",
    "종료된 공급기업입니다.",
    lambda facts: facts.provider_state != "ended",
)
PROVIDER_APPROVED: Final = Guard[Facts](
    "provider_not_approved",
    "The provider is not approved, or is suspended.",
    "승인되지 않았거나 정지된 공급기업입니다.",
    lambda facts: facts.provider_state == "approved",
)
NAME_FREE: Final = Guard[Facts](
    "id_taken",
    "There is a product of this id.",
    "이미 사용 중인 ID입니다.",
    lambda facts: facts.is_name_free,
    of_entry=True,
)
HAS_PRICE: Final = Guard[Facts](
    "price_missing",
    "A price with the time from which it holds is needed.",
    "적용 시각이 있는 단가를 등록해 주세요.",
    lambda facts: facts.has_price,
)
RIGHT_TIER: Final = Guard[Facts](
    "tier_invalid",
    "Months and TFlops-months are priced by tier, other units are not, and milestones by their agreement.",
    "구간(등급)은 월·TFlops 단위에만 있습니다. 마일스톤 금액은 협약에서 정합니다.",
    lambda facts: facts.has_right_tier,
    of_entry=True,
)
NEW_PRICE: Final = Guard[Facts](
    "price_there",
    "There is a price from this very time.",
    "같은 시각부터 적용되는 단가가 이미 있습니다.",
    lambda facts: facts.is_price_new,
    of_entry=True,
)
LATER_PRICE: Final = Guard[Facts](
    "price_backdated",
    "Once it is on sale, a price is for a later time.",
    "판매 중인 상품의 단가는 앞으로의 시각부터 적용할 수 있습니다.",
    lambda facts: facts.is_price_later,
    of_entry=True,
)

_BOTH: Final = (OWN_PROVIDER, OPERATOR)
_ALIVE: Final = ("in_review", "on_sale", "suspended")

TABLE: Final = Table[Facts](
    "reported_product",
    "이용실적 보고 상품",
    {"in_review": "심사 중", "on_sale": "판매 중", "suspended": "판매 중지", "withdrawn": "판매 종료"},
    (
        Step("make", (), "in_review", (OWN_PROVIDER,), (PROVIDER_THERE, NAME_FREE)),
        Step("price", _ALIVE, None, _BOTH, (RIGHT_TIER, NEW_PRICE, LATER_PRICE)),
        Step("approve", ("in_review",), "on_sale", (OPERATOR,), (PROVIDER_APPROVED, HAS_PRICE)),
        Step("suspend", ("on_sale",), "suspended", (OPERATOR,), needs_reason=True),
        Step("resume", ("suspended",), "on_sale", (OPERATOR,), (PROVIDER_APPROVED,), needs_reason=True),
        Step("withdraw", _ALIVE, "withdrawn", _BOTH, needs_reason=True),
    ),
)
