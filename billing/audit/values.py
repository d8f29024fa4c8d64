"""Single values of a bundle's lines. Pure; what a line holds is hostile until it went through here."""

from __future__ import annotations

from typing import Final


class Unfit(ValueError):
    """A value that its column cannot have."""


def whole(text: str) -> int:
    """An integer as the format writes it. Raises Unfit."""
    if len(text) > 20 or not text.removeprefix("-").isdigit() or not text.isascii():
        raise Unfit(f"{text[:40]!r} is no integer")
    return int(text)


_ESCAPED: Final = {
    "\\": "\\",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def unescaped(text: str) -> str:
    """A value of a COPY line as text. Raises Unfit."""
    if "\\" not in text:
        return text
    parts, place = [], 0
    while (found := text.find("\\", place)) >= 0:
        character = _ESCAPED.get(text[found + 1 : found + 2])
        if character is None:
            raise Unfit("a backslash escapes nothing")
        parts += [text[place:found], character]
        place = found + 2
    return "".join([*parts, text[place:]])
