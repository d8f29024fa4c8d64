"""A company as the agency sees it: its API keys work, or none of them does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """Nothing else is asked of it."""


_ALL: Final = ("active", "suspended")

TABLE: Final = Table[Facts](
    "company",
    "수요기업",
    {"active": "이용 중", "suspended": "정지"},
    (
        Step("make", (), "active", (OPERATOR,)),
        Step("change", _ALL, None, (OPERATOR, OWN_COMPANY)),
        Step("suspend", ("active",), "suspended", (OPERATOR,), needs_reason=True),
        Step("resume", ("suspended",), "active", (OPERATOR,), needs_reason=True),
    ),
)
