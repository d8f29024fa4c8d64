"""The fields of a Gemini object, whichever way they are spelled. Pure."""

from __future__ import annotations

from typing import Any

from providers.facts import bad
from providers.gemini.spelling import camel
from providers.translation.neutral import inexpressible


def fields(said: Any, known: frozenset[str], where: str, vendor_dialect: str) -> dict[str, Any]:
    """By their names in camel case, without those that are null. Raises BadRequest for one that nobody here
    can translate, and for one said twice: which of the two is meant is not ours to guess."""
    if type(said) is not dict:
        raise bad(where or "body", "must be an object", "객체여야 합니다")
    found: dict[str, Any] = {}
    for spelt in sorted(said):
        name = camel(spelt)
        if said[spelt] is None:
            continue
        if name not in known or name in found:
            raise inexpressible(within(where, spelt[:64]), vendor_dialect)
        found[name] = said[spelt]
    return found


def within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def nothing_but(
    found: dict[str, Any], says_nothing: dict[str, tuple[Any, ...]], where: str, vendor_dialect: str
) -> None:
    """Raises BadRequest for a field that cannot be said with any other value."""
    for name, nothing in says_nothing.items():
        if name in found and found[name] not in nothing:
            raise inexpressible(within(where, name), vendor_dialect)


def items(value: Any) -> list[Any]:
    """A list; the API also takes the one item of a list by itself."""
    if type(value) is list:
        return value
    return [] if value is None else [value]
