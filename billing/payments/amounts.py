"""What a rail takes: whole won, since KRW has no smaller coin, within the limits of cards. Pure."""

from __future__ import annotations

from typing import Final

from billing.lifecycle.table import Refused
from metering.money import MICRO_PER_WON

# Eight digits: Stripe's limit of one charge in any currency without decimals.
CARD_WON_MAX: Final = 99_999_999
# Stripe's minimum is what half a US dollar is worth: this keeps clear of it at any rate below 2,000 won.
CARD_WON_MIN: Final = 1_000


def whole_won(amount_micro: int) -> int:
    """Raises Refused."""
    won, rest = divmod(amount_micro, MICRO_PER_WON)
    if rest or won <= 0:
        raise Refused("not_whole_won", "Pay a whole number of won.", "1원 단위의 금액을 입력해 주세요.")
    return won


def card_won(amount_micro: int) -> int:
    """What is asked of a card, as Stripe counts KRW: in won, never in hundredths. Raises Refused."""
    won = whole_won(amount_micro)
    if won < CARD_WON_MIN:
        raise Refused(
            "below_card_minimum",
            f"A card pays at least {CARD_WON_MIN:,} won.",
            f"카드 결제는 {CARD_WON_MIN:,}원부터 가능합니다.",
        )
    if won > CARD_WON_MAX:
        raise Refused(
            "above_card_maximum",
            f"A card pays at most {CARD_WON_MAX:,} won at once: pay in parts, or by bank transfer.",
            f"카드 결제는 한 번에 {CARD_WON_MAX:,}원까지입니다. 나누어 결제하거나 계좌이체를 이용해 주세요.",
        )
    return won
