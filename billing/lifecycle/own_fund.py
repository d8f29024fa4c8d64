"""Own money that calls may spend (자체 부담금): opted into by a company, with a limit, and given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OWN_COMPANY, Guard, Step, Table

# The programme that such funds belong to. A declared id begins with a letter or a digit: nobody has this one.
PROGRAMME: Final = "_own"


@dataclass(frozen=True, slots=True)
class Facts:
    is_company_active: bool = True
    limit_micro: int = 1
    spent_micro: int = 0


COMPANY_ACTIVE: Final = Guard[Facts](
    "company_inactive",
    "The company is not active.",
    "이용이 정지된 기업입니다.",
    lambda facts: facts.is_company_active,
)
LIMIT_REACHES: Final = Guard[Facts](
    "limit_spent",
    "The limit is above nothing, and not below what calls have spent.",
    "한도는 0원보다 크고 이미 집행된 금액 이상이어야 합니다.",
    lambda facts: facts.limit_micro > 0 and facts.limit_micro >= facts.spent_micro,
    of_entry=True,
)

TABLE: Final = Table[Facts](
    "own_fund",
    "자체 부담금 사용",
    {"open": "사용", "closed": "사용 안 함"},
    (
        Step("opt_in", (), "open", (OWN_COMPANY,), (COMPANY_ACTIVE, LIMIT_REACHES)),
        Step("change", ("open",), None, (OWN_COMPANY,), (COMPANY_ACTIVE, LIMIT_REACHES)),
        # Again where it is closed: what running calls had set aside is free by then.
        Step("opt_out", ("open", "closed"), "closed", (OWN_COMPANY,)),
        Step("reopen", ("closed",), "open", (OWN_COMPANY,), (COMPANY_ACTIVE, LIMIT_REACHES)),
    ),
)
