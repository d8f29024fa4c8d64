"""The life of a price list entry: added for a later time, in force from it, superseded by the next.

It is never edited. Before it begins it can be taken back, but not in the last minute: a gateway whose clock
is a little ahead would have charged by it already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table

SETTLED_BEFORE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Facts:
    now: datetime
    valid_from: datetime
    product_state: str = "on_sale"
    is_free: bool = True  # no other entry of the product is, or was, from this time


PRODUCT_SOLD: Final = Guard[Facts](
    "product_not_sold",
    "The product is not on sale; a draft has its prices in itself.",
    "판매 중인 상품이 아닙니다. 작성 중인 상품은 상품 정보에서 단가를 입력해 주세요.",
    lambda facts: facts.product_state in ("on_sale", "suspended"),
)
IN_FUTURE: Final = Guard[Facts](
    "price_backdated",
    "A price is added for a later time; what has begun stays as it was.",
    "단가는 앞으로의 시각부터만 적용할 수 있습니다.",
    lambda facts: facts.valid_from > facts.now,
    of_entry=True,
)
IS_FREE: Final = Guard[Facts](
    "price_exists",
    "There is, or was, a price from this time: it is never edited; choose another time.",
    "같은 적용 시각의 단가가 이미 있습니다. 단가는 수정할 수 없으니 다른 시각을 입력해 주세요.",
    lambda facts: facts.is_free,
    of_entry=True,
)
BEGINS_LATER: Final = Guard[Facts](
    "price_begins",
    "The price begins within a minute; it can only be superseded.",
    "곧 적용되는 단가는 철회할 수 없습니다. 새 단가를 등록해 주세요.",
    lambda facts: facts.valid_from - facts.now >= SETTLED_BEFORE,
)

TABLE: Final = Table[Facts](
    "price",
    "단가",
    {"planned": "예정", "in_force": "적용 중", "superseded": "종료", "withdrawn": "철회"},
    (
        Step("add", (), "planned", (OWN_PROVIDER, OPERATOR), (PRODUCT_SOLD, IN_FUTURE, IS_FREE)),
        Step(
            "withdraw",
            ("planned",),
            "withdrawn",
            (OWN_PROVIDER, OPERATOR),
            (BEGINS_LATER,),
            needs_reason=True,
        ),
        Step("begin", ("planned",), "in_force", ()),
        Step("supersede", ("in_force",), "superseded", ()),
    ),
)


def state_at(now: datetime, *, valid_from: datetime, next_from: datetime | None, is_withdrawn: bool) -> str:
    """`next_from`: the start of the entry after it, of those that were not withdrawn."""
    if is_withdrawn:
        return "withdrawn"
    if now < valid_from:
        return "planned"
    return "in_force" if next_from is None or now < next_from else "superseded"
