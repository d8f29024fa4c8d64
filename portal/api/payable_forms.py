"""The bodies of requests about payables, how they are paid, and objections."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from billing.declaration.fields import Id
from billing.payables.accounts import Entered
from billing.payables.bank_file import CHARACTERS_MAX, PAYOUTS_MAX, account_number, is_holder
from billing.payables.owed import HOLDBACK_BASIS_POINTS_MAX
from portal.api.bodies import Body, Line, Reason

_CONNECTED: Final = re.compile(r"acct_[A-Za-z0-9]{1,60}")


def _holder(text: str) -> str:
    if not is_holder(text):
        raise ValueError("must be a name of at most 40 letters, digits, spaces and ().,&-·")
    return text


MonthText = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Number = Annotated[str, Field(pattern=r"^[a-z]{2}-[0-9]{6,18}$", max_length=21)]


class Hold(Body):
    """`case`: the file in which it is looked into."""

    reason: Reason
    case: Line = ""


class HoldbackChange(Body):
    """`basis_points`: hundredths of a per cent, withheld of the payables of `from` and later months."""

    from_: MonthText = Field(alias="from")
    basis_points: Annotated[int, Field(ge=0, le=HOLDBACK_BASIS_POINTS_MAX)]
    reason: Reason


class LineObjection(Body):
    voucher: Id
    product: Line
    reason: Reason


class Upholding(Body):
    """`correction`: the one that was proposed for it."""

    correction: Number
    reason: Reason


class PayoutAccount(Body):
    """`number`: of an account at a bank, or the id of a connected account at Stripe. It is sealed, and shown
    by its last four characters only."""

    rail: Literal["bank", "stripe"]
    bank_code: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    number: Annotated[str, Field(max_length=70, repr=False)]
    holder: Annotated[str, Field(max_length=40), AfterValidator(_holder)]

    @model_validator(mode="after")
    def fits_its_rail(self) -> Self:
        if (self.rail == "bank") != (self.bank_code is not None):
            raise ValueError("a bank code is of an account at a bank, and each of those has one")
        if self.rail == "bank" and account_number(self.number) is None:
            raise ValueError("number must be 7 to 16 digits")
        if self.rail == "stripe" and not _CONNECTED.fullmatch(self.number):
            raise ValueError("number must be the id of a connected account, acct_…")
        return self

    def entered(self) -> Entered:
        digits = account_number(self.number) if self.rail == "bank" else self.number
        assert digits is not None, "checked above"
        return Entered(self.rail, digits, self.holder, self.bank_code)


class PayoutBatch(Body):
    payables: Annotated[list[Number], Field(min_length=1, max_length=PAYOUTS_MAX)]


class PayoutResults(Body):
    """`content`: the bank's lines, as the text of a CSV."""

    content: Annotated[str, Field(max_length=CHARACTERS_MAX)]
