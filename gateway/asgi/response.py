"""The heads of answers that several places send."""

from __future__ import annotations

from typing import Final

Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")
EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")
NOT_GUESSED: Final = (b"x-content-type-options", b"nosniff")
NO_CACHE: Final = (b"cache-control", b"no-cache")


def kind_headers(kind: str) -> Headers:
    """Of an answer of this content type. What is no JSON, browsers are told to take as it is called."""
    said = (b"content-type", kind.encode("latin-1"))
    return [said] if said == JSON else [said, NOT_GUESSED]
