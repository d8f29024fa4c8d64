"""The two spellings of one field: Google's API takes `maxOutputTokens` and `max_output_tokens` alike. Pure.

A request may hold both, and which of them the vendor would believe is not ours to guess: both are read.
"""

from __future__ import annotations

from typing import Any


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def spellings(of: dict[str, Any], name: str) -> list[str]:
    """The spellings under which `name` (in camel case) has a value here."""
    return [spelt for spelt in dict.fromkeys((name, snake(name))) if of.get(spelt) is not None]


def values(of: dict[str, Any], name: str) -> list[Any]:
    return [of[spelt] for spelt in spellings(of, name)]
