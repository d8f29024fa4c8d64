"""What the API shows of a thing, as lines of a page: a label, and a value as people read it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from billing.lifecycle.table import Role
from portal.web import formats, words
from portal.web.formats import Language


@dataclass(frozen=True, slots=True)
class Line:
    """`path`: where the value leads, below the role's prefix."""

    label: str
    value: Any
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A name in the API's answer. `leads`: the kind of the thing whose id it is. `key`: of its words.

    `is_due`: that it has no value is to be known too. `followed_by`: who has a page of where it leads.
    """

    name: str
    leads: str | None = None
    followed_by: frozenset[Role] | None = None
    key: str | None = None
    is_due: bool = False


def lines(
    facts: Sequence[Fact],
    shown: Mapping[str, Any],
    language: Language,
    *,
    named: Mapping[str, str] | None = None,
    role: Role | None = None,
) -> list[Line]:
    """What has no value is left out: an empty line says nothing. `named`: for whose id a name stands."""
    found = []
    for fact in facts:
        value = shown.get(fact.name)
        if value is None and fact.is_due:
            found.append(Line(f"field.{fact.name}", words.text("unknown", language)))
        if value is None or value in ([], {}, ""):
            continue
        is_followed = fact.leads and (fact.followed_by is None or role in fact.followed_by)
        path = f"/{fact.leads}/{quote(str(value), safe='')}" if is_followed else None
        read = (named or {}).get(fact.name) or _value(fact, value, language)
        found.append(Line(f"field.{fact.name}", read, path))
    return found


def _value(fact: Fact, value: Any, language: Language) -> Any:
    name = fact.name
    if fact.key is not None:
        return words.named(fact.key, str(value), language)
    if name.endswith("_krw"):
        return formats.won(formats.micro_of(value), language)
    if name.endswith("_on"):
        return formats.day(date.fromisoformat(value), language)
    if name.endswith(("_at", "_until")) or name in ("at", "price_from"):
        at = datetime.fromisoformat(value)
        return Markup('<time datetime="{}">{}</time>').format(value, formats.instant(at, language))
    if name == "share":
        return percent(value)
    if name == "brn":
        return formats.brn(value)
    if isinstance(value, bool):
        return words.text("yes" if value else "no", language)
    if name.endswith(("_tokens", "_days")) and isinstance(value, int):
        return words.text(f"unit.{name.rpartition('_')[2]}", language, number=formats.number(value))
    if name == "outcome":
        value = _in(language, value)
    if isinstance(value, Mapping):
        return "\n".join(_pair(key, one, name, language) for key, one in value.items() if one is not None)
    if isinstance(value, list):
        return _list(name, value, language)
    return formats.number(value) if isinstance(value, int) else value


def _in(language: Language, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Its sentences come in both languages; what a person wrote comes in one."""
    other = (
        {"why_ko", "tie_ko"} if language == "en" else {f for f in ("why", "tie") if outcome.get(f"{f}_ko")}
    )
    return {name: value for name, value in outcome.items() if name not in other}


def percent(share: str) -> str:
    """ "0.75" -> 75%."""
    return formats.share(int(Decimal(share) * 1_000_000))


def _pair(key: str, one: Any, name: str, language: Language) -> str:
    if name == "shares":
        return f"{words.named('class', key, language)} {percent(one)}"
    label = words.text(f"field.{key}", language) if f"field.{key}" in words.TEXTS else key
    if key.endswith("_krw"):
        one = formats.won(formats.micro_of(one), language)
    elif isinstance(one, Mapping):
        one = formats.ratio(str(one["text"]), language) if "text" in one else one
    return f"{label} {one}"


def _list(name: str, values: list[Any], language: Language) -> str:
    if values == ["*"]:
        return words.text("list.all", language)
    return "\n".join(_one(name, one, language) for one in values)


def _one(name: str, one: Any, language: Language) -> str:
    if not isinstance(one, Mapping):
        return words.named("class" if name == "classes" else name, str(one), language)
    rest = [str(value) for key, value in one.items() if key not in ("id", "name") and value is not None]
    return " · ".join([str(one.get("name", "")), *rest])
