"""The columns of a usage row that no rule touches, written as COPY text when its event is read. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from metering.usage import TOKEN_CLASSES

COUNT_MAX: Final = 10**15
NULL: Final = "\\N"

# The order in which `columns` of a Charge is written.
DESCRIPTION_COLUMNS: Final = (
    *(
        "company_id",
        "provider_id",
        "product_id",
        "key_id",
        "api_key",
        "tag",
        "request_id",
        "gateway_id",
        "dialect",
    ),
    *("stream", "status", "end_reason", "client_gone", "estimated", "error", "started_ms", "held_at_ms"),
    *("finished_ms", "price_entry", "price_from", "upstream", "upstream_request_id"),
    *(f"{name}_tokens" for name in TOKEN_CLASSES),
    "units",
)

# As PostgreSQL itself escapes them: what it gives back is the line that was written, byte for byte.
_SPECIAL: Final = re.compile(r"[\\\b\f\n\r\t\v\0]")
_ESCAPES: Final = {
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_UNIT: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Unreadable(Exception):
    """The entry cannot be applied; the text says why."""


def description_text(event: dict[str, Any], meta: dict[str, Any], *, has_escapes: bool) -> str:
    """DESCRIPTION_COLUMNS as COPY text. JSON without a backslash holds nothing that COPY would misread."""
    tokens = event["tokens"]
    get = tokens.get
    counts = [get(name, 0) for name in TOKEN_CLASSES]
    instants = [meta["started_ms"], event["held_at_ms"], event["finished_ms"]]
    numbers = counts + instants
    if min(numbers) < 0 or max(numbers) > COUNT_MAX:
        raise Unreadable("a count or an instant is out of bounds")
    words = [
        meta["company"],
        meta["provider"],
        meta["product"],
        meta["key_id"],
        meta["api_key"],
        meta["tag"],
        meta["request_id"],
        meta["gateway_id"],
        meta["dialect"],
        "t" if meta["stream"] else "f",
        event["status"],
        event["end_reason"],
        "t" if event["client_gone"] else "f",
        "t" if event["estimated"] else "f",
        event["error"],
        _INSTANTS.format(*instants),
        meta["price_entry"],
        meta["price_from"],
        event["upstream"],
        event["upstream_request_id"],
        _COUNTS.format(*counts),
        _units_text(event["units"]) if event["units"] else "{}",
    ]
    if has_escapes:
        words = [_copied(word, plain=index in _PLAIN_WORDS) for index, word in enumerate(words)]
    else:
        for index in _OPTIONAL_WORDS:
            if words[index] is None:
                words[index] = NULL
    return "\t".join(words)


# Places in the list above.
_OPTIONAL_WORDS: Final = (5, 14, 18, 19)  # tag, error, upstream, upstream_request_id
_PLAIN_WORDS: Final = frozenset({15, 20})  # the joined numbers, whose tabs are meant
_INSTANTS: Final = "{:d}\t{:d}\t{:d}"
_COUNTS: Final = "\t".join(["{:d}"] * len(TOKEN_CLASSES))


def _units_text(units: dict[str, int]) -> str:
    """Counts by name, as PostgreSQL writes such JSON."""
    for name, count in units.items():
        if not _UNIT.fullmatch(name) or type(count) is not int or not 0 <= count <= COUNT_MAX:
            raise Unreadable(f"{name!r}: {count!r} is not a count of a unit")
    ordered = sorted(units.items(), key=lambda unit: (len(unit[0]), unit[0]))
    return "{" + ", ".join([f'"{name}": {count}' for name, count in ordered]) + "}"


def _copied(word: object, *, plain: bool) -> str:
    if word is None:
        return NULL
    if not isinstance(word, str):
        raise Unreadable(f"{word!r} is not text")
    return word if plain else copy_text(word)


def copy_text(text: str) -> str:
    """Text as one value of a COPY line. Raises Unreadable for what PostgreSQL cannot hold."""
    if not _SPECIAL.search(text):
        return text
    if "\0" in text:
        raise Unreadable("text holds a NUL")
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], text)
