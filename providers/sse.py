"""Server-sent events as bytes: where one event ends and the next begins. Pure; knows no dialect.

A network read is not an event: an event may be split anywhere, also inside its line ending, and one read may
hold many. What comes out depends on the bytes alone, never on how they were cut into reads (a property test
holds this). The usual read, whole events ended by two line feeds, takes a path of two searches.

An event ends with an empty line. A line ends with CR LF, LF or CR, so a CR at the very end of what has been
read is undecided: its LF may be in the next read, and until then the event is not complete.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

# A vendor's comment may name the vendor, or imitate ours: only that there was one is passed on.
COMMENT_FRAME: Final = b": keep-alive\n\n"
BOM: Final = b"\xef\xbb\xbf"

# Two line ends in a row. `\r(?!\n)` keeps CR LF one line end; `(?!\Z)` waits for the byte after a last CR.
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|\Z))")
# The longest beginning of a blank line that a read can end with is CR LF CR.
_UNDECIDED_BYTES_MAX: Final = 3


class SseEventTooLarge(Exception):
    """The vendor sent more than `event_bytes_max` bytes without ending the event."""


class SseSplitter:
    """Cuts a byte stream into whole events, each with the blank line that ends it."""

    __slots__ = ("_event_bytes_max", "_pending", "_scan_from", "_started")

    def __init__(self, event_bytes_max: int) -> None:
        self._event_bytes_max = event_bytes_max
        self._pending = b""
        self._scan_from = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        if (
            chunk.endswith(b"\n\n")
            and chunk.find(b"\n\n") == len(chunk) - 2
            and not self._pending
            and self._started
            and b"\r" not in chunk
        ):
            return [self._bounded(chunk)]
        if self._pending:
            chunk = self._pending + chunk
        if not self._started:
            if len(chunk) < len(BOM) and BOM.startswith(chunk):
                self._pending = chunk
                return []
            self._started = True
            if chunk.startswith(BOM):
                chunk = chunk[len(BOM) :]
        events = self._split_lf(chunk) if b"\r" not in chunk else self._split_any(chunk)
        if len(self._pending) > self._event_bytes_max:
            raise SseEventTooLarge(f"an event of more than {self._event_bytes_max} bytes")
        return events

    def flush(self) -> bytes:
        """The unterminated last event at the end of the stream; b"" when there is none."""
        rest, self._pending, self._scan_from = self._pending, b"", 0
        return rest

    def _split_lf(self, chunk: bytes) -> list[bytes]:
        end = chunk.find(b"\n\n", self._scan_from)
        if end < 0:
            self._keep(chunk)
            return []
        end += 2
        if end == len(chunk):
            self._pending, self._scan_from = b"", 0
            return [self._bounded(chunk)]
        events = [self._bounded(chunk[:end])]
        while (following := chunk.find(b"\n\n", end)) >= 0:
            events.append(self._bounded(chunk[end : following + 2]))
            end = following + 2
        self._keep(chunk[end:])
        return events

    def _split_any(self, chunk: bytes) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        scan_from = self._scan_from
        while (found := _BLANK_LINE.search(chunk, scan_from)) is not None:
            events.append(self._bounded(chunk[start : found.end()]))
            start = scan_from = found.end()
        self._keep(chunk[start:])
        return events

    def _keep(self, rest: bytes) -> None:
        self._pending = rest
        self._scan_from = max(0, len(rest) - _UNDECIDED_BYTES_MAX)

    def _bounded(self, event: bytes) -> bytes:
        if len(event) > self._event_bytes_max:
            raise SseEventTooLarge(f"an event of {len(event)} bytes, more than {self._event_bytes_max}")
        return event


def event_data(event: bytes) -> bytes | None:
    """The data lines of one event, joined by LF; None where it has none (a comment, an empty event)."""
    one_line = event.find(b"\n") == len(event) - 2 and event.endswith(b"\n\n") and b"\r" not in event
    if one_line and event.startswith(b"data: "):
        return event[6:-2]
    lines: list[bytes] = []
    for line in event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if lines else None


def event_object(event: bytes) -> dict[str, Any] | None:
    """The JSON object that an event holds; None where it holds none: a comment, `[DONE]`, what was cut."""
    data = event_data(event)
    if data is None:
        return None
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return said if type(said) is dict else None


def is_done(event: bytes) -> bool:
    """The terminal event, as OpenAI and many others have it."""
    return (event_data(event) or b"").strip() == b"[DONE]"


def frame(data: bytes) -> bytes:
    """One event of our own making. `data` holds no line ends."""
    return b"data: " + data + b"\n\n"


def comment_frame(text: bytes) -> bytes:
    """What SDKs skip. `text` holds no line ends."""
    return b": " + text + b"\n\n"
