"""Forms as data: a field says how it is shown, and how what was typed becomes a value of the API. Pure.

What a value may be is the API's model alone; here is only how people write it: `100만`, `2026.10.31`, `75`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from portal.web.formats import SEOUL
from portal.web.visit import Form

Kind = Literal[
    "line",
    "area",
    "won",
    "day",
    "instant",
    "count",
    "points",
    "share",
    "choice",
    "checks",
    "yes",
    "rows",
    "parts",
    "products",
    "file",
    "secret",
]
_WON: Final = re.compile(r"([0-9][0-9,]{0,19}(?:\.[0-9]{1,6})?)(억|만)?")
_DAY: Final = re.compile(r"(2[01][0-9]{2})[.\-/ ]*([0-9]{1,2})[.\-/ ]*([0-9]{1,2})\.?")
_TIMES: Final = {"억": 100_000_000, "만": 10_000, None: 1}


@dataclass(frozen=True, slots=True)
class Choice:
    """`thing`: the word is that of a state table's; else `key`, or the value itself."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is that of the API's model. `parts`: the columns of a field of rows.

    `text`: whose word it has, where not its own.
    """

    name: str
    kind: Kind = "line"
    required: bool = False
    choices: tuple[Choice, ...] = ()
    parts: tuple[Field, ...] = ()
    rows: int = 0
    help: str | None = None
    initial: Any = ""
    characters_max: int = 200
    text: str | None = None
    made_of: Callable[[Sequence[Mapping[str, Any]]], Any] = field(default=list)

    @property
    def label(self) -> str:
        return f"field.{self.text or self.name}"


class EntriesRefused(Exception):
    """What was entered cannot be read; by field, the key of the sentence that says why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class _Unreadable(ValueError):
    """The text is a key of a sentence."""


def values_of(fields: Sequence[Field], form: Form) -> dict[str, Any]:
    """What the API's model is given. What was left empty is left out. Raises EntriesRefused."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for one in fields:
        try:
            value = _value(one, one.name, form)
        except _Unreadable as error:
            wrong[one.name] = str(error)
            continue
        if value is None and one.required:
            wrong[one.name] = "error.required"
        elif value is not None:
            values[one.name] = value
    if wrong:
        raise EntriesRefused(wrong)
    return values


def _value(one: Field, name: str, form: Form) -> Any:
    if one.kind == "checks":
        return form.all(name)
    if one.kind == "products":
        return form.all(name) or None
    if one.kind == "yes":
        return bool(form.one(name))
    if one.kind == "file":
        return form.files.get(name)
    if one.kind == "rows":
        return _rows(one, form) or None
    if one.kind == "parts":
        found = values_of([replace(part, name=f"{name}.{part.name}") for part in one.parts], form)
        return {place.removeprefix(f"{name}."): value for place, value in found.items()}
    text = form.one(name)
    return read_text(one, text) if text else None


def _rows(one: Field, form: Form) -> Any:
    """Each row that has something in it."""
    found = []
    for number in range(one.rows):
        row = {}
        for part in one.parts:
            text = form.one(f"{one.name}.{number}.{part.name}")
            if text:
                row[part.name] = read_text(part, text)
        if row:
            if any(part.required and part.name not in row for part in one.parts):
                raise _Unreadable("error.required")
            found.append(row)
    return one.made_of(found) if found else None


def read_text(one: Field, text: str) -> Any:
    if one.kind == "won":
        return won_text(text)
    if one.kind == "day":
        return _day(text)
    if one.kind == "instant":
        return _instant(text)
    if one.kind == "count":
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise _Unreadable("error.number")
        return int(text)
    if one.kind == "share":
        return _share(text)
    if one.kind == "choice" and text not in {choice.value for choice in one.choices}:
        raise _Unreadable("error.choice")
    return text


def won_text(text: str) -> str:
    match = _WON.fullmatch(text.replace(" ", "").removeprefix("₩").removesuffix("원"))
    if match is None:
        raise _Unreadable("error.won")
    text = f"{(Decimal(match[1].replace(',', '')) * _TIMES[match[2]]):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day(text: str) -> str:
    match = _DAY.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        raise _Unreadable("error.day") from None


def _instant(text: str) -> str:
    """A clock of Korea, as a browser's field or a person writes it."""
    try:
        written = datetime.fromisoformat(text.replace(" ", "T"))
        if written.tzinfo is not None:
            raise ValueError
        return written.replace(tzinfo=SEOUL, microsecond=0).isoformat()
    except ValueError:
        raise _Unreadable("error.instant") from None


def _share(text: str) -> str:
    """75 or 75% -> 0.75."""
    try:
        if len(text) > 12:
            raise InvalidOperation
        percent = Decimal(text.removesuffix("%").strip())
        if not percent.is_finite() or not 0 <= percent <= 100:
            raise InvalidOperation
    except InvalidOperation:
        raise _Unreadable("error.share") from None
    return f"{(percent / 100).normalize():f}"


def entered(fields: Sequence[Field], form: Form) -> dict[str, Any]:
    """What stands in each entry: what was sent, or else what is known beforehand."""
    found: dict[str, Any] = {}
    for one in fields:
        if one.kind in ("rows", "parts"):
            names = [part.name for part in one.parts]
            places = [f"{one.name}.{n}.{name}" for n in range(one.rows) for name in names]
            places += [f"{one.name}.{name}" for name in names]
            found.update({place: form.one(place) for place in places})
        elif one.kind in ("file", "secret"):
            found[one.name] = ""  # what is nobody's to see again
        elif one.kind in ("checks", "products"):
            found[one.name] = form.all(one.name) if form.values else one.initial or []
        else:
            found[one.name] = form.one(one.name) if form.values else one.initial
    return found
