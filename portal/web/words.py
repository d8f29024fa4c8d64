"""What the pages say, in both languages: one table per part, joined here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing.lifecycle.tables import TABLES
from portal.web.formats import Language
from portal.web.texts import calls, fields, market, matters, money, pages, payables, shell, states

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    **shell.TEXTS,
    **pages.TEXTS,
    **calls.TEXTS,
    **fields.TEXTS,
    **states.TEXTS,
    **market.TEXTS,
    **money.TEXTS,
    **payables.TEXTS,
    **matters.TEXTS,
}
_KOREAN_STATES: Final = {
    (table.thing, state): korean for table in TABLES for state, korean in table.states.items()
}


def text(key: str, language: Language, **values: object) -> str:
    korean, english = TEXTS[key]
    said = korean if language == "ko" else english
    return said.format(**values) if values else said


def named(name: str, value: str, language: Language) -> str:
    """The word for a value, or the value itself: a country or a reason may be one that nobody thought of."""
    key = f"{name}.{value}"
    return text(key, language) if key in TEXTS else value


def state_word(thing: str, state: str, language: Language) -> str:
    """Korean is the state table's own word."""
    if language == "ko" and (thing, state) in _KOREAN_STATES:
        return _KOREAN_STATES[thing, state]
    return text(f"state.{thing}.{state}", language)


def action_word(thing: str, action: str, language: Language) -> str:
    return text(f"do.{thing}.{action}", language)
