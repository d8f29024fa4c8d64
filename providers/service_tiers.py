"""How callers and vendors name the way a call is served, in one set of words. Pure.

Vendors price a call by its service tier: slower and cheaper ("flex"), ahead of others and dearer
("priority"). Each has its own word for the ordinary tier, and one for "you choose", which as an answer says
nothing.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from metering.usage import STANDARD_TIER, Usage
from providers.facts import bad

_CHARACTERS_MAX: Final = 40
_UNSAID: Final = frozenset(
    {"", "auto", "unspecified", "service_tier_unspecified", "traffic_type_unspecified"}
)
_STANDARD: Final = frozenset({"default", "standard", "standard_only", "on_demand"})
_PREFIXES: Final = ("on_demand_", "service_tier_")


def asked_tier(value: Any, param: str = "service_tier") -> str | None:
    """What a request asks for by name. None: nothing, or that the vendor chooses. Raises BadRequest."""
    if value is None:
        return None
    if (
        type(value) is not str
        or len(value) > _CHARACTERS_MAX
        or not (value.isascii() and value.isprintable())
    ):
        raise bad(param, "must be the name of a service tier", "서비스 등급의 이름이어야 합니다")
    return _plain(value)


def served_tier(value: Any) -> str | None:
    """What an answer says of how it was served. None: nothing."""
    return _plain(value) if type(value) is str and len(value) <= _CHARACTERS_MAX else None


def with_tier(usage: Usage, word: Any) -> Usage:
    """`usage` beside what the same answer says of how it was served."""
    tier = served_tier(word)
    return usage if tier is None else msgspec.structs.replace(usage, service_tier=tier)


def _plain(word: str) -> str | None:
    word = word.lower()
    if word in _UNSAID:
        return None
    if word in _STANDARD:
        return STANDARD_TIER
    for prefix in _PREFIXES:
        word = word.removeprefix(prefix)
    return word
