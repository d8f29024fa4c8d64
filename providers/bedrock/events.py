"""One event of a Converse stream: what it is called, and what it says. Pure.

    messageStart, contentBlockStart, contentBlockDelta, contentBlockStop, messageStop, metadata

An exception (`:message-type` is `exception` or `error`) ends the stream, and so does a damaged message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from providers.bedrock.errors import error_in_stream
from providers.bedrock.event_stream import read_message
from providers.errors import VendorError, unreadable


class Event(NamedTuple):
    name: str
    said: dict[str, Any]
    error: VendorError | None = None


def read_event(event: bytes) -> Event | None:
    """None for what says nothing that could be understood: it is passed over."""
    message = read_message(event)
    if message is None:
        return Event("", {}, unreadable("The vendor's stream is damaged."))
    try:
        said = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        said = None
    said = said if type(said) is dict else {}
    kind = message.headers.get(":message-type", "event")
    if kind != "event":
        return Event("", {}, error_in_stream(message.headers, said))
    name = message.headers.get(":event-type")
    return Event(name, said) if name else None


def block_of(said: dict[str, Any]) -> int | None:
    """Which block of the answer an event belongs to."""
    index = said.get("contentBlockIndex")
    return index if type(index) is int else None
