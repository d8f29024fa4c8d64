"""A provider's life. Its name and number are the directory's; here is whether its products are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    brn: str | None = None


HAS_BRN: Final = Guard[Facts](
    "brn_required",
    "A provider has a business registration number before it is approved.",
    "사업자등록번호를 등록해야 공급기업으로 승인할 수 있습니다.",
    lambda facts: facts.brn is not None,
)

_ALIVE: Final = ("registered", "approved", "suspended")

TABLE: Final = Table[Facts](
    "provider",
    "공급기업",
    {"registered": "등록 신청", "approved": "승인", "suspended": "정지", "ended": "종료"},
    (
        Step("make", (), "approved", (OPERATOR,)),
        Step("register", (), "registered", (OPERATOR,)),
        Step("change", _ALIVE, None, (OPERATOR,)),
        Step("approve", ("registered",), "approved", (OPERATOR,), (HAS_BRN,)),
        Step("suspend", ("approved",), "suspended", (OPERATOR,), needs_reason=True),
        Step("resume", ("suspended",), "approved", (OPERATOR,), needs_reason=True),
        Step("end", _ALIVE, "ended", (OPERATOR,), needs_reason=True),
    ),
)
