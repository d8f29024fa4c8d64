"""Templates and what they may call. Everything is escaped unless a template is itself the HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from billing.lifecycle.table import Role
from portal.web import formats, words
from portal.web.formats import Language
from portal.web.view import Column
from portal.web.visit import PREFIXES, with_query

# Role -> (path below its prefix, text), at most seven.
NAV: Final[Mapping[Role, tuple[tuple[str, str], ...]]] = {
    "company": (
        ("", "nav.home"),
        ("/usage", "nav.usage"),
        ("/keys", "nav.keys"),
        ("/products", "nav.products"),
        ("/rounds", "nav.rounds"),
        ("/applications", "nav.applications"),
        ("/agreements", "nav.agreements"),
    ),
    "provider": (("", "nav.home"), ("/products", "nav.products"), ("/calls", "nav.calls")),
    "operator": (
        ("", "nav.todo"),
        ("/programmes", "nav.programmes"),
        ("/applications", "nav.reviews"),
        ("/agreements", "nav.agreements"),
        ("/vouchers", "nav.vouchers"),
        ("/products", "nav.products"),
    ),
    "auditor": (
        ("", "nav.audit"),
        ("/programmes", "nav.trace"),
        ("/vouchers", "nav.vouchers"),
        ("/calls", "nav.calls"),
        ("/applications", "nav.reviews"),
        ("/agreements", "nav.agreements"),
    ),
}
# state -> (mark, tint). A chip is text first; neither mark nor tint says anything alone.
CHIPS: Final[Mapping[str, tuple[str, str]]] = {
    "draft": ("○", "neutral"),
    "open": ("●", "ok"),
    "closed": ("○", "neutral"),
    "announced": ("◔", "info"),
    "selected": ("●", "ok"),
    "cancelled": ("■", "danger"),
    "submitted": ("◔", "info"),
    "screened": ("◔", "info"),
    "scored": ("◔", "info"),
    "rejected": ("○", "neutral"),
    "withdrawn": ("○", "neutral"),
    "offered": ("▲", "warn"),
    "signed": ("●", "ok"),
    "terminated": ("■", "danger"),
    "requested": ("◔", "info"),
    "approved": ("●", "ok"),
    "active": ("●", "ok"),
    "suspended": ("▲", "warn"),
    "ended": ("■", "danger"),
    "clawed_back": ("■", "danger"),
    "settled": ("●", "ok"),
    "revoked": ("○", "neutral"),
    "waiting": ("◔", "info"),
    "sent": ("●", "ok"),
    "failed": ("■", "danger"),
    "paused": ("▲", "warn"),
}


@dataclass(frozen=True, slots=True)
class Renderer:
    environment: Environment
    style_path: str

    def page(self, template: str, language: Language, shown: Mapping[str, Any]) -> str:
        t = partial(_text, language)
        return self.environment.get_template(template).render(
            {
                "t": t,
                "has_text": words.TEXTS.__contains__,
                "lang": language,
                "style_path": self.style_path,
                "state_word": lambda thing, state: words.state_word(thing, state, language),
                "action_word": lambda thing, action: words.action_word(thing, action, language),
                "cell": partial(cell, language),
                "won": lambda micro: formats.won(micro, language),
                "day": lambda value: formats.day(value, language),
                "instant": lambda value: time_tag(language, value),
                "instant_text": lambda text: time_tag(language, datetime.fromisoformat(text)),
                "chip": partial(chip, language),
                **shown,
            }
        )


def _text(language: Language, key: str, **values: object) -> str:
    return words.text(key, language, **values)


def build() -> Renderer:
    environment = Environment(
        loader=PackageLoader("portal.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        with_query=with_query,
        path_below=path_below,
        NAV=NAV,
        PREFIXES=PREFIXES,
        number=formats.number,
        amount=formats.amount,
    )
    version = hashlib.sha256(static("office.css")).hexdigest()[:12]
    return Renderer(environment, f"/static/office.css?v={version}")


def path_below(link: str, row: Mapping[str, Any]) -> str:
    return link.format_map({name: quote(str(value), safe="") for name, value in row.items()})


def static(name: str) -> bytes:
    return (resources.files("portal.web") / "static" / name).read_bytes()


def time_tag(language: Language, value: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), formats.instant(value, language))


def chip(language: Language, thing: str, state: str) -> Markup:
    mark, tint = CHIPS.get(state, ("○", "neutral"))
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(
        tint, mark, words.state_word(thing, state, language)
    )


def cell(language: Language, column: Column, value: Any) -> Any:
    """A value as its column shows it: text, or markup made here of escaped text."""
    if value is None:
        return words.text(column.empty, language)
    if column.kind == "amount":
        return formats.amount(value)
    if column.kind == "number":
        return formats.number(value)
    if column.kind == "ms":
        return time_tag(language, formats.of_ms(value))
    if column.kind == "instant" and isinstance(value, datetime):
        return time_tag(language, value)
    if column.kind == "day" and isinstance(value, date):
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), formats.day(value, language))
    if column.kind == "state":
        return chip(language, column.thing or "", value)
    if column.kind == "share":
        return formats.share(value)
    if column.kind == "yes":
        return words.text("yes" if value else "no", language)
    if column.kind == "list":
        return ", ".join(_one_of_a_list(language, column, one) for one in value)
    if column.kind == "scale":
        return words.text(f"scale.{value}", language)
    return str(value)


def _one_of_a_list(language: Language, column: Column, one: Any) -> str:
    key = f"{column.name}.{one}"
    return words.text(key, language) if key in words.TEXTS else str(one)
