"""A payment's life: begun by its company, then told by whoever moves the money. Facts come in any order.

So the clock's steps lead from nearly every state: which one a payment is in is the fold of its facts
(billing/payments/facts.py), and a step of the log says how it came to be known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    is_company_active: bool = True
    voucher_state: str | None = None  # None: own money
    method: str = "checkout"
    can_charge_cards: bool = True
    paid_micro: int = 0
    gone_micro: int = 0  # refunded or lost before
    refund_micro: int = 0


COMPANY_ACTIVE: Final = Guard[Facts](
    "company_inactive",
    "The company is not active.",
    "이용이 정지된 기업입니다.",
    lambda facts: facts.is_company_active,
)
VOUCHER_ALIVE: Final = Guard[Facts](
    "voucher_not_alive",
    "Money is paid in for vouchers that have not ended.",
    "종료된 바우처에는 입금할 수 없습니다.",
    lambda facts: facts.voucher_state in (None, "active", "suspended"),
)
CARDS_ON: Final = Guard[Facts](
    "card_payment_off",
    "Card payment is off here; pay by bank transfer.",
    "카드 결제를 사용할 수 없습니다. 계좌이체를 이용해 주세요.",
    lambda facts: facts.method == "transfer" or facts.can_charge_cards,
)
WITHIN_PAID: Final = Guard[Facts](
    "above_paid",
    "No more goes back than was paid and has not gone back.",
    "환불 가능한 금액을 넘습니다.",
    lambda facts: 0 < facts.refund_micro <= facts.paid_micro - facts.gone_micro,
    of_entry=True,
)

# What the rail tells, by the state that follows. The clock's alone: no person makes a payment paid.
LEARNT: Final = {
    "failed": "fail",
    "paid": "pay",
    "partly_refunded": "refund_part",
    "refunded": "refund_all",
    "disputed": "dispute",
    "won": "win",
    "lost": "lose",
}


def _before(state: str) -> tuple[str, ...]:
    """News may be late or missing, so what was paid can be found in any state but the one it is in."""
    return ("started",) if state == "failed" else tuple(one for one in ("started", *LEARNT) if one != state)


TABLE: Final = Table[Facts](
    "payment",
    "납부",
    {
        "started": "결제 대기",
        "failed": "결제 실패",
        "paid": "결제 완료",
        "partly_refunded": "일부 환불",
        "refunded": "환불",
        "disputed": "이의 제기",
        "won": "이의 종결(유지)",
        "lost": "이의 종결(회수)",
    },
    (
        Step("begin", (), "started", (OWN_COMPANY,), (COMPANY_ACTIVE, VOUCHER_ALIVE, CARDS_ON)),
        Step("receive", (), "started", (OPERATOR,), (COMPANY_ACTIVE,)),
        Step(
            "refund",
            ("paid", "partly_refunded", "won", "lost"),  # of a dispute about a part, the rest
            None,
            (OPERATOR,),
            (WITHIN_PAID,),
            needs_reason=True,
        ),
        *(Step(action, _before(state), state, ()) for state, action in LEARNT.items()),
    ),
)
