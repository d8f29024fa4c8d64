"""Templates and what they may call. Everything is escaped unless a template is itself the HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from portal.web import formats, words
from portal.web.formats import Language
from portal.web.view import Column
from portal.web.visit import PREFIXES, with_query

# state, or state of one kind of thing -> (mark, tint). A chip is text first; neither says anything alone.
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
    "in_review": ("◔", "info"),
    "returned": ("▲", "warn"),
    "on_sale": ("●", "ok"),
    "registered": ("◔", "info"),
    "planned": ("◔", "info"),
    "in_force": ("●", "ok"),
    "current": ("●", "ok"),
    "retiring": ("▲", "warn"),
    "proposed": ("◔", "info"),
    "refused": ("■", "danger"),
    "started": ("◔", "info"),
    "paid": ("●", "ok"),
    "failed": ("■", "danger"),
    "disputed": ("▲", "warn"),
    "lost": ("■", "danger"),
    "won": ("●", "ok"),
    "provisional": ("◔", "info"),
    "final": ("●", "ok"),
    "matched": ("●", "ok"),
    "differs": ("▲", "warn"),
    "only_theirs": ("■", "danger"),
    "only_ours": ("■", "danger"),
    "due": ("◔", "info"),
    "in_payment": ("◔", "info"),
    "on_hold": ("▲", "warn"),
    "entered": ("◔", "info"),
    "confirmed": ("●", "ok"),
    "upheld": ("●", "ok"),
    "payout.returned": ("■", "danger"),
    "opened": ("◔", "info"),
    "reported": ("◔", "info"),
    "verified": ("◔", "info"),
    "found": ("▲", "warn"),
    "objected": ("▲", "warn"),
    "repaid": ("●", "ok"),
    "dismissed": ("○", "neutral"),
    "settlement.returned": ("◔", "info"),
    "finding.confirmed": ("■", "danger"),
    "queued": ("○", "neutral"),
    "running": ("◔", "info"),
    "cancelling": ("▲", "warn"),
    "done": ("●", "ok"),
    "accepted": ("◔", "info"),
    "charged": ("●", "ok"),
    "waiting": ("◔", "info"),
    "sent": ("●", "ok"),
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
                "named": lambda name, value: words.named(name, value, language),
                "won": lambda micro: formats.won(micro, language),
                "day": lambda value: formats.day(value, language),
                "instant": lambda value: time_tag(language, value),
                "instant_text": lambda text: time_tag(language, datetime.fromisoformat(text)),
                "chip": partial(chip, language),
                "won_text": lambda text: formats.won(formats.micro_of(text), language),
                "month_text": lambda text: formats.month(text, language),
                "day_text": lambda text: formats.day(date.fromisoformat(text), language),
                **shown,
            }
        )


def _text(language: Language, key: str, **values: object) -> str:
    return words.text(key, language, **values)


@cache  # with every template that it has compiled
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
        PREFIXES=PREFIXES,
        number=formats.number,
        amount=formats.amount,
        krw=lambda text: formats.amount(formats.micro_of(text)),
        brn=formats.brn,
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
    mark, tint = CHIPS.get(f"{thing}.{state}") or CHIPS.get(state, ("○", "neutral"))
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(
        tint, mark, words.state_word(thing, state, language)
    )


def cell(language: Language, column: Column, value: Any) -> Any:
    """A value as its column shows it: text, or markup made here of escaped text."""
    if value is None:
        return words.text(column.empty, language)
    if column.kind in ("ms", "instant", "day"):
        return _when(language, column, value)
    if column.kind == "state":
        return chip(language, column.thing or "", value)
    if column.kind == "yes":
        return words.text("yes" if value else "no", language)
    if column.kind == "list":
        return ", ".join(words.named(column.name, str(one), language) for one in value)
    if column.kind == "prices":
        return _prices(language, value)
    if column.kind == "word":
        return words.named(column.name, str(value), language)
    return _PLAIN[column.kind](value) if column.kind in _PLAIN else str(value)


_PLAIN: Final[Mapping[str, Callable[[Any], str]]] = {
    "amount": formats.amount,
    "number": formats.number,
    "share": formats.share,
    "brn": formats.brn,
}


def _prices(language: Language, by_unit: Mapping[str, int]) -> str:
    said = [f"{words.text(f'price.{unit}', language)} {formats.amount(by_unit[unit])}" for unit in by_unit]
    return ", ".join(said) or words.text("blank", language)


def _when(language: Language, column: Column, value: Any) -> Any:
    if column.kind == "ms":
        return time_tag(language, formats.of_ms(value))
    if column.kind == "day" and isinstance(value, date):
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), formats.day(value, language))
    return time_tag(language, value) if isinstance(value, datetime) else str(value)
