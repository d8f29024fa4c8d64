"""What a report says: the payload that was signed, read strictly. Pure."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Final

import orjson
from pydantic import Field, ValidationError

from billing.declaration.fields import Day, Id, Name, Strict

LINES_MAX: Final = 200  # of one report: it is one SQL transaction
_LineId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]


class Unread(ValueError):
    """The payload is no report. The text is one sentence."""


class ReportedLine(Strict):
    """`from`, `to`: the first and last day of service, in one month. `corrects`: a line that was charged."""

    id: _LineId
    company: Id
    agreement: Id | None = None
    product: Id
    tier: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")] | None = None
    milestone: Annotated[int, Field(ge=1, le=99)] | None = None
    quantity: Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=20)]
    from_on: Day = Field(alias="from")
    to_on: Day = Field(alias="to")
    evidence: Name
    corrects: _LineId | None = None

    def content(self) -> dict[str, object]:
        """All it says, for being compared with what was said under the same id."""
        said = self.model_dump(by_alias=True)
        return {name: str(value) if isinstance(value, date) else value for name, value in said.items()}


class Report(Strict):
    """`iss`: the provider. `iat`: seconds since 1970. `jti`: the report's id among the provider's."""

    iss: Id
    iat: Annotated[int, Field(ge=0, le=10**11)]
    jti: _LineId
    lines: Annotated[list[ReportedLine], Field(min_length=1, max_length=LINES_MAX)]

    def content_sha256(self) -> str:
        """Of what it says, whenever it was signed."""
        return sha256_of([line.content() for line in self.lines])


def sha256_of(content: object) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_report(payload: bytes) -> Report:
    """Raises Unread."""
    try:
        return Report.model_validate(orjson.loads(payload))
    except orjson.JSONDecodeError as error:
        raise Unread(f"it is no JSON: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Unread(f"{field}: {first['msg']}") from None
