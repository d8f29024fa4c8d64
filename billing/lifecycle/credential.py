"""The life of a vendor's API key: used by calls, kept until the next one has proved itself, then erased.

A new one is used from the next reading of the directory on; calls that run go on with the one before. So the
provider ends the old one at the vendor when it is retired here, and no call finds a closed door.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table

# Gateways read the directory within a second; this is for one that was cut off, and for calls that had begun.
TAKEN_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Facts:
    now: datetime
    product_state: str = "on_sale"
    has_upstream: bool = True
    is_new: bool = True
    is_same_place: bool = True  # the upstream has the address for which this key was given
    replaced_at: datetime | None = None


PRODUCT_THERE: Final = Guard[Facts](
    "product_withdrawn",
    "The product is withdrawn.",
    "판매가 종료된 상품입니다.",
    lambda facts: facts.product_state != "withdrawn",
)
HAS_UPSTREAM: Final = Guard[Facts](
    "upstream_missing",
    "The product has no upstream at this position.",
    "이 위치에 등록된 호출 주소가 없습니다.",
    lambda facts: facts.has_upstream,
)
IS_NEW: Final = Guard[Facts](
    "credential_known",
    "This API key is in use.",
    "이미 사용 중인 API 키입니다.",
    lambda facts: facts.is_new,
    of_entry=True,
)
SAME_PLACE: Final = Guard[Facts](
    "upstream_changed",
    "The address is another than this API key was given for.",
    "호출 주소가 바뀌어 이 API 키로 되돌릴 수 없습니다.",
    lambda facts: facts.is_same_place,
)
NOT_USED: Final = Guard[Facts](
    "credential_in_use",
    "A gateway may still use this API key; retire it a minute after it was replaced.",
    "아직 사용 중일 수 있습니다. 교체하고 1분이 지난 뒤 폐기해 주세요.",
    lambda facts: facts.replaced_at is not None and facts.now - facts.replaced_at >= TAKEN_AFTER,
)

_BOTH: Final = (OWN_PROVIDER, OPERATOR)

TABLE: Final = Table[Facts](
    "credential",
    "API 키(공급기업)",
    {"current": "사용 중", "retiring": "교체됨", "retired": "폐기"},
    (
        Step("add", (), "current", _BOTH, (PRODUCT_THERE, HAS_UPSTREAM, IS_NEW)),
        Step("restore", ("retiring",), "current", _BOTH, (PRODUCT_THERE, HAS_UPSTREAM, SAME_PLACE)),
        Step("retire", ("retiring",), "retired", _BOTH, (NOT_USED,)),
    ),
)
# What adding or restoring one does to the one that was used; nobody does it to one alone.
OUTCOMES: Final = ("retiring",)
