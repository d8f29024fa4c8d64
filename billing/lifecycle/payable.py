"""A payable's life: what a provider is owed for a closed month, until the money has arrived.

One person of the agency proposes it, another approves it. A payment that comes back makes it `failed`; tried
again, it is due and goes the whole way once more. Below nothing it is carried into the next month's, and
never paid. What was withheld and is released is a payable of its own, with the same life.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    """`has_account`: a confirmed one of the rail that is to pay. `is_rail_on`: the rail is there at all."""

    is_own: bool = False
    objections_open: int = 0
    has_account: bool = True
    is_rail_on: bool = True
    holdback_won: int = 0
    is_released: bool = False


ANOTHER_S: Final = Guard[Facts](
    "own_payable_proposal",
    "Who proposes a payable does not approve it.",
    "지급을 요청한 사람은 승인할 수 없습니다.",
    lambda facts: not facts.is_own,
)
NO_OBJECTION: Final = Guard[Facts](
    "objection_open",
    "An objection against it is not answered.",
    "처리되지 않은 이의신청이 있습니다.",
    lambda facts: facts.objections_open == 0,
)
ACCOUNT_KNOWN: Final = Guard[Facts](
    "payout_account_missing",
    "The provider has no confirmed account for this way of paying.",
    "확인된 지급 계좌가 없습니다.",
    lambda facts: facts.has_account,
    of_entry=True,
)
RAIL_ON: Final = Guard[Facts](
    "transfers_off",
    "Transfers by Stripe are off here; pay by bank file.",
    "Stripe 송금을 사용할 수 없습니다. 은행 파일로 지급해 주세요.",
    lambda facts: facts.is_rail_on,
    of_entry=True,
)
SOMETHING_WITHHELD: Final = Guard[Facts](
    "nothing_withheld",
    "Nothing of it is withheld.",
    "유보한 금액이 없습니다.",
    lambda facts: facts.holdback_won > 0 and not facts.is_released,
)

TABLE: Final = Table[Facts](
    "payable",
    "정산 예정금",
    {
        "due": "지급 예정",
        "carried": "이월",
        "proposed": "승인 대기",
        "approved": "승인",
        "in_payment": "지급 중",
        "paid": "지급 완료",
        "failed": "지급 실패",
        "on_hold": "지급 보류",
    },
    (
        Step("make", (), "due", ()),
        Step("carry", (), "carried", ()),
        Step("propose", ("due",), "proposed", (OPERATOR,), (NO_OBJECTION,)),
        Step("send_back", ("proposed", "approved"), "due", (OPERATOR,), needs_reason=True),
        Step("approve", ("proposed",), "approved", (OPERATOR,), (ANOTHER_S, NO_OBJECTION)),
        Step("pay", ("approved",), "in_payment", (OPERATOR,), (NO_OBJECTION, RAIL_ON, ACCOUNT_KNOWN)),
        Step("settle", ("in_payment",), "paid", (OPERATOR,)),
        Step("fail", ("in_payment", "paid"), "failed", (OPERATOR,), needs_reason=True),
        Step("retry", ("failed",), "due", (OPERATOR,), needs_reason=True),
        Step(
            "hold",
            ("due", "proposed", "approved", "failed"),
            "on_hold",
            (OPERATOR,),
            needs_reason=True,
        ),
        Step("lift", ("on_hold",), "due", (OPERATOR,), needs_reason=True),
        Step(
            "release",
            ("due", "proposed", "approved", "in_payment", "paid", "failed"),
            None,
            (OPERATOR,),
            (SOMETHING_WITHHELD, NO_OBJECTION),
            needs_reason=True,
        ),
    ),
)
