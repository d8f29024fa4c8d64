"""Where a provider is paid: entered by the provider, confirmed by the agency, replaced by the next one.

The confirmed one stays in force until another is confirmed. It is never changed: an account that could be
edited after somebody looked at it would be a way around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`rail_takes_it`: what the rail says of the account; None where it cannot be asked."""

    rail_takes_it: bool | None = True


RAIL_ASKED: Final = Guard[Facts](
    "account_unchecked",
    "Whether this account takes transfers cannot be asked: Stripe is off or away.",
    "계좌를 확인할 수 없습니다. Stripe 연결을 확인해 주세요.",
    lambda facts: facts.rail_takes_it is not None,
)
RAIL_TAKES_IT: Final = Guard[Facts](
    "account_takes_nothing",
    "The rail says that this account takes no transfers.",
    "송금을 받을 수 없는 계좌입니다.",
    lambda facts: facts.rail_takes_it is not False,
)

TABLE: Final = Table[Facts](
    "payout_account",
    "지급 계좌",
    {"entered": "확인 대기", "confirmed": "확인", "refused": "반려", "replaced": "변경됨"},
    (
        Step("enter", (), "entered", (OWN_PROVIDER,)),
        Step("confirm", ("entered",), "confirmed", (OPERATOR,), (RAIL_ASKED, RAIL_TAKES_IT)),
        Step("refuse", ("entered", "confirmed"), "refused", (OPERATOR,), needs_reason=True),
        Step("replace", ("entered", "confirmed"), "replaced", ()),
    ),
)
