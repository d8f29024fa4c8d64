"""The bodies of requests about the end: settlements, findings, and the rules of both."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from billing.declaration.fields import Amount, Day, Id
from billing.settlements.rules import RuleName
from portal.api.bodies import Body, Line, Reason

Said = Annotated[Line, Field(min_length=1)]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]


class OfOne(Body):
    """Of an agreement, or of a voucher: one that was declared has no agreement."""

    agreement: Id | None = None
    voucher: Id | None = None

    @model_validator(mode="after")
    def names_one(self) -> Self:
        if (self.agreement is None) == (self.voucher is None):
            raise ValueError("name an agreement or a voucher, and not both")
        return self


class Settlement(OfOne):
    """A voucher that has an agreement is settled with it."""


class Interest(Body):
    """`document`: what says the amount, such as the bank's note with its number. No interest is 0."""

    amount_krw: Amount
    document: Said


class Verification(Body):
    """`external`: of the settlement's report; `audit`: an accountant's. Left out where none is asked for."""

    kind: Literal["external", "audit"] | None = None
    reference: Said | None = None
    by: Said | None = None


class FindingLine(Body):
    """One of: a call; a product and the month of its service; an amount of the voucher."""

    call: Line | None = None
    product: Id | None = None
    month: Month | None = None
    amount_krw: Amount | None = None


class Finding(OfOne):
    lines: Annotated[list[FindingLine], Field(min_length=1, max_length=1_000)]
    reason: Reason


class Offset(Body):
    amount_krw: Amount


class SettlementRule(Body):
    """`number` or `text`, as the rule's name asks; amounts of money are micro-won."""

    programme: Id | None = None
    name: RuleName
    subject: Annotated[str, Field(max_length=64)] = ""
    from_day: Day = Field(alias="from")
    number: Annotated[int, Field(ge=0, le=10**18)] | None = None
    text: Said | None = None
    source: Said
