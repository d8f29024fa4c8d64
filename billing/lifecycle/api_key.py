"""The life of a company's API key. The agency suspends one and resumes it; revoked is for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """Nothing else is asked of it."""


_BOTH: Final = (OPERATOR, OWN_COMPANY)
_ALIVE: Final = ("active", "suspended", "expired")

TABLE: Final = Table[Facts](
    "api_key",
    "API 키",
    {"active": "사용 중", "suspended": "정지", "expired": "만료", "revoked": "폐기"},
    (
        Step("make", (), "active", _BOTH),
        Step("change", _ALIVE, None, _BOTH),
        Step("suspend", ("active",), "suspended", (OPERATOR,), needs_reason=True),
        Step("resume", ("suspended",), "active", (OPERATOR,), needs_reason=True),
        Step("revoke", _ALIVE, "revoked", _BOTH),
        Step("expire", ("active",), "expired", ()),
    ),
)
