"""JSON is read to a depth of 1,024 and written to 254. What lies between must end nothing of ours. Pure."""

from __future__ import annotations

from typing import Any

import orjson


def written_if_shallow(value: Any) -> bytes | None:
    """None where it lies deeper than can be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None


def text_bytes(value: Any) -> int:
    """Of a text; of any other JSON what it takes to write it, nothing where it cannot be written."""
    if type(value) is str:
        return len(value) if value.isascii() else len(value.encode(errors="replace"))
    return len(written_if_shallow(value) or b"") if value else 0
