"""The bodies of requests about reported products, their keys, and reports of use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from billing.declaration.fields import Amount, Day, Id, Name, Price, When
from billing.reports.signing import SIGNED_CHARACTERS_MAX
from billing.reports.units import Unit
from portal.api.bodies import Body


class ReportedProduct(Body):
    """`report_days`: how long after its last day use is taken; `objection_days`: before a fee is charged.

    A line of `accept_from_krw` or more waits for the company's acceptance; milestones do always.
    """

    id: Id
    name: Name
    unit: Unit
    report_days: Annotated[int, Field(ge=0, le=90)] = 10
    objection_days: Annotated[int, Field(ge=0, le=90)] = 5
    accept_from_krw: Amount | None = None


class UnitPrice(Body):
    """What one unit costs from an instant on: of a GB for bytes, of a whole month for days of it."""

    tier: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")] | None = None
    valid_from: When = Field(alias="from")
    price_krw: Price


class Milestone(Body):
    number: Annotated[int, Field(ge=1, le=99)]
    product: Id
    name: Name
    due_on: Day
    amount_krw: Amount


class ReportKey(Body):
    """An Ed25519 public key, as `x` of a JWK has it: 32 bytes in base64url, without padding."""

    public_key: Annotated[str, Field(max_length=64)]


class Retirement(Body):
    """Until when the key is still taken; left out, until now."""

    until: When | None = None


class SignedReport(Body):
    """A compact JWS (docs/concepts/sister-vouchers.md)."""

    signed: Annotated[
        str, Field(min_length=1, max_length=SIGNED_CHARACTERS_MAX, pattern=r"^[A-Za-z0-9._-]+$")
    ]
