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
from providers import forms as multipart
from providers.facts import BadRequest

FORM_FIELDS_MAX: Final = 400
MULTIPART: Final = "multipart/form-data"
# Where each role's pages stand.
PREFIXES: Final[Mapping[Role, str]] = {
    "company": "/company",
    "provider": "/provider",
    "operator": "/operator",
    "auditor": "/audit",
}
ROLE_OF_PREFIX: Final = {prefix: role for role, prefix in PREFIXES.items()}


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent, by name. A name that came several times keeps all of its values.

    `fingerprint`: alike for the same entries, whatever boundary a browser drew around them.
    """

    values: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    fingerprint: bytes = b""

    def one(self, name: str) -> str:
        return self.values.get(name, [""])[0].strip()

    def all(self, name: str) -> list[str]:
        return [value.strip() for value in self.values.get(name, []) if value.strip()]


def read_form(body: bytes, content_type: str = "") -> Form:
    if content_type.startswith(MULTIPART):
        return _read_parts(body, content_type)
    try:
        return Form(
            parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX),
            fingerprint=body,
        )
    except ValueError:
        raise Problem(
            413, "request_too_large", "The form has too many fields.", korean="입력 항목이 너무 많습니다."
        ) from None


def _read_parts(body: bytes, content_type: str) -> Form:
    """A form with a file in it. A file without a name is none: nothing was chosen."""
    values: dict[str, list[str]] = {}
    files = {}
    try:
        form = multipart.read_form(content_type, body)
        for name, parts in form.items():
            for part in parts:
                if not part.is_file:
                    values.setdefault(name, []).append(part.text())
                elif part.filename:
                    files[name] = Upload(part.filename, part.data)
    except BadRequest as bad:
        raise Problem(400, "form_unreadable", bad.message_en, korean=bad.message_ko) from None
    return Form(values, files, multipart.fingerprint(form))


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
class File:
    """To be kept: `data` is whole before its first byte is sent."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """A file in pieces, as an operation of the API sends it."""

    response: Response


Reply = Html | Go | File | Raw
