"""The bodies of the casework's requests. The kinds of the declarative file take the models of the file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from billing.declaration import models
from billing.declaration.fields import (
    Amount,
    Budget,
    Credential,
    Day,
    Id,
    Label,
    Name,
    Products,
    Share,
    When,
)
from portal.api.bodies import Body, Line, Points, Reason, Text, TieRule


class ShareChange(Body):
    class_: Label = Field(alias="class")
    from_day: Day = Field(alias="from")
    share: Share


class Track(Body):
    id: Id
    name: Name
    quota: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Criterion(Body):
    id: Id
    name: Name
    max_points: Points


class Bonus(Body):
    id: Id
    name: Name
    points: Points


class RoundFields(Body):
    name: Name
    budget_kind: Literal["regular", "supplementary"] = "regular"
    budget_krw: Budget
    cap_krw: Budget
    opens_at: When
    closes_at: When
    quota: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    classes: Annotated[list[Label], Field(min_length=1, max_length=50)] | None = None
    tracks: Annotated[list[Track], Field(max_length=50)] = Field(default_factory=list)
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=50)]
    bonuses: Annotated[list[Bonus], Field(max_length=50)] = Field(default_factory=list)
    bonus_points_max: Points | None = None
    evaluators_min: Annotated[int, Field(ge=1, le=100)] = 1
    mean: Literal["plain", "trimmed"] = "plain"
    pass_mark: Points = 0
    ties: Annotated[list[TieRule], Field(max_length=10)] = Field(
        default_factory=lambda: ["score_before_bonus", "earlier_submission"]
    )
    beyond_budget: Literal["stop", "skip"] = "stop"


class Round(RoundFields):
    id: Id
    programme: Id


class Extension(Body):
    closes_at: When
    reason: Reason


class ApplicationFields(Body):
    title: Line
    plan: Text = ""
    track: Id | None = None
    government_krw: Amount = 0
    self_cash_krw: Amount = 0
    self_in_kind_krw: Amount = 0
    products: Products | None = None
    bonuses: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class Application(ApplicationFields):
    round: Id


class Document(Body):
    name: Name
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    size_bytes: Annotated[int, Field(ge=0, le=10**12)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Screening(Body):
    """Which of the claimed bonuses hold."""

    bonuses: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class Evaluation(Body):
    application: Id
    points: Annotated[dict[Id, Points], Field(min_length=1, max_length=50)]
    comment: Text = ""


class Agreement(Body):
    """What is left out is as awarded and applied for; `self_cash_krw` is what the share asks for."""

    application: Id
    starts_on: Day
    ends_on: Day
    government_krw: Amount | None = None
    self_cash_krw: Amount | None = None
    self_in_kind_krw: Amount | None = None
    products: Products | None = None


class Amendment(Body):
    """What is named changes; the rest stays."""

    reason: Reason
    starts_on: Day | None = None
    ends_on: Day | None = None
    government_krw: Amount | None = None
    self_cash_krw: Amount | None = None
    self_in_kind_krw: Amount | None = None
    products: Products | None = None


class Issue(Body):
    id: Id | None = None
    self_deposit_krw: Amount = 0
    own_krw: Amount = 0  # of the company's own money


class Deposit(Body):
    amount_krw: Amount


class VoucherExtension(Body):
    ends_on: Day
    reason: Reason


class ClawBack(Body):
    amount_krw: Amount = 0
    reason: Reason


class NewProvider(models.Provider):
    """`registered`: to be approved by a step, once its papers were looked at."""

    state: Literal["registered", "approved"] = "approved"


class NewCredential(Body):
    """The key of one of the product's upstreams, by its place in the list. It is never shown again."""

    position: Annotated[int, Field(ge=0, le=99)] = 0
    api_key: Annotated[Credential, Field(repr=False)]
