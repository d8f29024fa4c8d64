"""Bodies of requests for long jobs: strict, with limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from billing.reconciliation.reading import AS_A_JOB
from portal.api.bodies import Body, Line
from portal.api.money_forms import ProviderStatement

StatementForm = Literal["pdf", "xlsx", "csv"]


def _all_forms() -> list[StatementForm]:
    return ["pdf", "xlsx", "csv"]


class StatementSet(Body):
    """The statements of a month for all parties, in each of these forms."""

    formats: Annotated[list[StatementForm], Field(min_length=1, max_length=3, default_factory=_all_forms)]
    lang: Literal["ko", "en"] = "ko"


class Bundle(Body):
    """`programme`: of all others only hashes."""

    programme: Line | None = None


class LargeStatement(ProviderStatement):
    """As for a reconciliation at once, and larger."""

    content: Annotated[str, Field(max_length=AS_A_JOB.characters)]
