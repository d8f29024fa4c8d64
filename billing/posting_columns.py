"""The columns of a usage row that no rule touches, written as COPY text when its event is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from billing.posting_wire import WireEvent
from metering.usage import TOKEN_CLASSES

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


def description_text(event: WireEvent, *, has_escapes: bool) -> str:
    """DESCRIPTION_COLUMNS as COPY text. JSON without a backslash holds nothing that COPY would misread."""
    meta, tokens = event.meta, event.tokens
    tag, error, upstream, request = meta.tag, event.error, event.upstream, event.upstream_request_id
    instants = f"{meta.started_ms}\t{event.held_at_ms}\t{event.finished_ms}"
    counts = (
        f"{tokens.input}\t{tokens.cached_input}\t{tokens.cache_write}\t{tokens.cache_write_1h}"
        f"\t{tokens.output}\t{tokens.reasoning}\t{tokens.input_audio}\t{tokens.output_audio}"
    )
    words: tuple[str, ...] = (
        meta.company,
        meta.provider,
        meta.product,
        meta.key_id,
        meta.api_key,
        NULL if tag is None else tag,
        meta.request_id,
        meta.gateway_id,
        meta.dialect,
        "t" if meta.stream else "f",
        event.status,
        event.end_reason,
        "t" if event.client_gone else "f",
        "t" if event.estimated else "f",
        NULL if error is None else error,
        instants,
        meta.price_entry,
        meta.price_from,
        NULL if upstream is None else upstream,
        NULL if request is None else request,
        counts,
        _units_text(event.units) if event.units else "{}",
    )
    if has_escapes:
        words = _escaped(words, {5: tag, 14: error, 18: upstream, 19: request})
    return "\t".join(words)


_JOINED: Final = frozenset({15, 20})  # places of the instants and the counts, whose tabs are meant


def _escaped(words: Iterable[str], optional: Mapping[int, str | None]) -> tuple[str, ...]:
    """The words as COPY wants them; `optional` are those, by place, that may be NULL."""
    return tuple(
        word if place in _JOINED or optional.get(place, word) is None else copy_text(word)
        for place, word in enumerate(words)
    )


def _units_text(units: dict[str, int]) -> str:
    """Counts by name, as PostgreSQL writes such JSON."""
    for name in units:
        if not _UNIT.fullmatch(name):
            raise Unreadable(f"{name!r} is not a unit")
    ordered = sorted(units.items(), key=lambda unit: (len(unit[0]), unit[0]))
    return "{" + ", ".join([f'"{name}": {count}' for name, count in ordered]) + "}"


def copy_text(text: str) -> str:
    """Text as one value of a COPY line. Raises Unreadable for what PostgreSQL cannot hold."""
    if not _SPECIAL.search(text):
        return text
    if "\0" in text:
        raise Unreadable("text holds a NUL")
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], text)
