"""Bodies of requests about corrections and reconciliations: strict, with limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from billing.reconciliation.reading import CHARACTERS_MAX, StatementFormat
from portal.api.bodies import Body, Line, Reason

Instant = Annotated[AwareDatetime, Field(strict=False)]


class PriceCorrection(Body):
    """The calls of `product` from `from` until `until` by its price list entry of `price_from`."""

    product: Line
    from_at: Instant = Field(alias="from")
    until: Instant
    price_from: Line
    reason: Reason


class ProviderStatement(Body):
    """`content`: the file's text."""

    provider: Line
    month: Line
    file_name: Line
    format: StatementFormat
    content: Annotated[str, Field(max_length=CHARACTERS_MAX)]
