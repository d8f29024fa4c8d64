"""The bodies of requests about the company's own money."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from billing.declaration.fields import Amount, Day, Id
from portal.api.bodies import Body, Line, Reason

BankId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")]


class Payment(Body):
    """`voucher`: towards whose self share; left out, it stays own money."""

    amount_krw: Amount
    method: Literal["checkout", "intent", "transfer"] = "checkout"
    voucher: Id | None = None
    save_card: bool = False


class Refund(Body):
    amount_krw: Amount
    reason: Reason


class PayIn(Body):
    amount_krw: Amount


class OwnFund(Body):
    """`limit_krw`: the most that calls spend of own money, with what they have spent."""

    limit_krw: Amount


class CardChange(Body):
    """What is named changes."""

    automatic: bool = False
    voucher: Id | None = None
    threshold_krw: Amount = 0
    amount_krw: Amount = 0


class BankLine(Body):
    """`id` is the bank's own. A begun transfer is found by its reference in `memo` or `sender`."""

    id: BankId
    amount_krw: Amount
    paid_on: Day
    sender: Line = ""
    memo: Line = ""


class Match(Body):
    company: Id
    voucher: Id | None = None
