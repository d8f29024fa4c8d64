"""One event of a CLOVA Studio stream: its name, its data, and how it goes on to a client. Pure.

Live events have no space after the colon, documented ones have: both are read, and an event goes on as it
came unless it holds what a client should not get (a carriage return, a comment that may imitate ours).
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    name: bytes  # b"" where it has none
    data: bytes
    frame: bytes  # for the client


def read_event(event: bytes) -> Event | None:
    """None where it has no data: a comment, an empty event."""
    name, identity = b"", None
    data: list[bytes] = []
    plain = event.find(b"\n\n") == len(event) - 2 and b"\r" not in event and not event.startswith(b"\n")
    for line in event.splitlines():
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif field == b"id":
            identity = value
        elif not field and colon:
            plain = False
    if not data:
        return None
    if plain:
        return Event(name, data[0] if len(data) == 1 else b"\n".join(data), event)
    joined = b" ".join(data)  # a line end inside JSON is white space
    return Event(name, joined, frame(name, joined, identity))


def frame(name: bytes, data: bytes, identity: bytes | None = None) -> bytes:
    """An event of our own making. `data` holds no line ends."""
    lines = []
    if identity is not None:
        lines.append(b"id: " + identity)
    if name:
        lines.append(b"event: " + name)
    return b"\n".join([*lines, b"data: " + data, b"", b""])
