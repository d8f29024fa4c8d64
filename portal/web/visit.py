"""One visit of a page: who comes, in which language, what the form says. And what a page answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import Response

from billing.lifecycle.table import Role
from portal.api.desk import Desk
from portal.problem import Problem
from portal.web.formats import Language

FORM_FIELDS_MAX: Final = 400
# Where each role's pages stand.
PREFIXES: Final[Mapping[Role, str]] = {
    "company": "/company",
    "provider": "/provider",
    "operator": "/operator",
    "auditor": "/audit",
}
ROLE_OF_PREFIX: Final = {prefix: role for role, prefix in PREFIXES.items()}


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent, by name. A name that came several times keeps all of its values."""

    values: Mapping[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        return self.values.get(name, [""])[0].strip()

    def all(self, name: str) -> list[str]:
        return [value.strip() for value in self.values.get(name, []) if value.strip()]


def read_form(body: bytes) -> Form:
    try:
        return Form(
            parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
        )
    except ValueError:
        raise Problem(
            413, "request_too_large", "The form has too many fields.", korean="입력 항목이 너무 많습니다."
        ) from None


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    desk: Desk
    language: Language
    form_token: str
    form: Form = field(default_factory=Form)

    @property
    def role(self) -> Role:
        return self.desk.actor.role

    @property
    def prefix(self) -> str:
        return PREFIXES[self.role]

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


def with_query(path: str, query: Mapping[str, Any], **changes: str | None) -> str:
    """The same address with some of its query changed; None takes a name out."""
    merged = {**query, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


@dataclass(frozen=True, slots=True)
class Html:
    """A template and what it shows."""

    template: str
    shown: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Go:
    """On to another page of this house, after something was done."""

    path: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A file: no page stands around it."""

    response: Response


Reply = Html | Go | Raw
