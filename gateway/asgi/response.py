"""The heads of answers that several places send."""

from __future__ import annotations

from typing import Final

Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")
EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CACHE: Final = (b"cache-control", b"no-cache")
