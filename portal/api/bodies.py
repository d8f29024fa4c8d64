"""What requests may say: strict models, unknown fields refused, every text and list with a limit.

The kinds of the declarative file take the very models of the file; here are the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

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


Points = Annotated[int, BeforeValidator(_points, json_schema_input_type=int | str)]
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
