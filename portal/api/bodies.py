"""What requests may say: strict models, unknown fields refused, every text and list with a limit.

The kinds of the declarative file take the very models of the file; here are the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from billing.declaration.fields import (
    Amount,
    Brn,
    Budget,
    Countries,
    Day,
    Id,
    Label,
    Name,
    Products,
    Share,
    When,
)
from billing.declaration.findings import DeclarationRefused, Finding
from billing.declaration.models import Declared
from billing.lifecycle.ranking import TIE_RULES
from billing.lifecycle.table import REASON_CHARACTERS_MAX

POINTS_MILLI_MAX: Final = 1_000_000
_POINTS: Final = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,3}))?")
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _points(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be an integer or a decimal string")
    match = _POINTS.fullmatch(str(value))
    if match is None:
        raise ValueError("must be points with at most three places, not negative")
    milli = int(match[1]) * 1_000 + int((match[2] or "").ljust(3, "0"))
    if milli > POINTS_MILLI_MAX:
        raise ValueError("must be at most 1000 points")
    return milli


def _text(value: str) -> str:
    if _FORBIDDEN.search(value):
        raise ValueError("must be text without control characters")
    return value


def _tie_rule(value: str) -> str:
    if value not in TIE_RULES and not re.fullmatch(r"criterion:[a-z0-9][a-z0-9._-]{0,63}", value):
        raise ValueError(f"must be one of {', '.join(TIE_RULES)}, or criterion:ID")
    return value


Points = Annotated[int, BeforeValidator(_points)]
Text = Annotated[str, Field(max_length=20_000), AfterValidator(_text)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_text)]
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX), AfterValidator(_text)]
TieRule = Annotated[str, Field(max_length=80), AfterValidator(_tie_rule)]


DepositRule = Literal["full", "rolling"]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Nothing(Body):
    """A step that needs no more than its name."""


class Because(Body):
    reason: Reason


# -- programmes


class ShareChange(Body):
    class_: Label = Field(alias="class")
    from_day: Day = Field(alias="from")
    share: Share


# -- rounds


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
    tracks: Annotated[list[Track], Field(max_length=50)] = []
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=50)]
    bonuses: Annotated[list[Bonus], Field(max_length=50)] = []
    bonus_points_max: Points | None = None
    evaluators_min: Annotated[int, Field(ge=1, le=100)] = 1
    mean: Literal["plain", "trimmed"] = "plain"
    pass_mark: Points = 0
    ties: Annotated[list[TieRule], Field(max_length=10)] = ["score_before_bonus", "earlier_submission"]
    beyond_budget: Literal["stop", "skip"] = "stop"


class Round(RoundFields):
    id: Id
    programme: Id


class Extension(Body):
    closes_at: When
    reason: Reason


# -- applications and evaluations


class ApplicationFields(Body):
    title: Line
    plan: Text = ""
    track: Id | None = None
    government_krw: Amount = 0
    self_cash_krw: Amount = 0
    self_in_kind_krw: Amount = 0
    products: Products | None = None
    bonuses: Annotated[list[Id], Field(max_length=50)] = []


class Application(ApplicationFields):
    round: Id


class Document(Body):
    name: Name
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    size_bytes: Annotated[int, Field(ge=0, le=10**12)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Screening(Body):
    """Which of the claimed bonuses hold."""

    bonuses: Annotated[list[Id], Field(max_length=50)] = []


class Evaluation(Body):
    application: Id
    points: Annotated[dict[Id, Points], Field(min_length=1, max_length=50)]
    comment: Text = ""


# -- agreements and vouchers


class Terms(Body):
    """Of an agreement; `self_cash_krw` left out: what the share asks for beside the grant."""

    starts_on: Day
    ends_on: Day
    government_krw: Amount | None = None
    self_cash_krw: Amount | None = None
    self_in_kind_krw: Amount = 0
    products: Products | None = None


class Agreement(Terms):
    application: Id


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


class Deposit(Body):
    amount_krw: Amount


class VoucherExtension(Body):
    ends_on: Day
    reason: Reason


class ClawBack(Body):
    amount_krw: Amount = 0
    reason: Reason


# -- companies


class OwnCompany(Body):
    """What a company changes of itself; its number only where it has none yet."""

    brn: Brn | None = None
    data_locations: Countries | None = None


def some_of(model: type[BaseModel], name: str, *, without: frozenset[str] = frozenset()) -> type[Body]:
    """The same fields, none of them required: what is named changes."""
    fields: dict[str, Any] = {}
    for field, info in model.model_fields.items():
        if field not in without:
            optional = copy(info)
            if info.is_required():
                optional.default = None
            fields[field] = (info.annotation, optional)
    return create_model(name, __base__=Body, **fields)


def given(body: BaseModel) -> dict[str, Any]:
    """What the body names, by the names of its fields."""
    return {name: getattr(body, name) for name in body.model_fields_set}


def declared(model: type[Declared], body: BaseModel, **key: str) -> Declared:
    """An entry of a declaration made of a checked body. Raises DeclarationRefused."""
    return declared_of(model, {**given(body), **key})


def declared_of(model: type[Declared], values: Mapping[str, Any]) -> Declared:
    made = model.model_construct(_fields_set=set(values), **values)
    names = {field: info.alias or field for field, info in model.model_fields.items()}
    nothing = [names[one] for one, value in values.items() if value is None and names[one] in model.REQUIRED]
    if nothing:
        raise DeclarationRefused(
            "request", [Finding(1, name, "is required: it has no default") for name in nothing]
        )
    return made
