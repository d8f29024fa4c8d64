"""JSON is read to a depth of 1,024 and written to 254. What lies between must end nothing of ours. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from providers.facts import BadRequest


def written_if_shallow(value: Any) -> bytes | None:
    """None where it lies deeper than can be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None


def written(body: dict[str, Any]) -> bytes:
    """A request for a vendor. To look for what lies too deep before every call would cost more than this.

    Raises BadRequest.
    """
    if (out := written_if_shallow(body)) is None:
        raise BadRequest(
            "The body is nested too deeply; send fewer levels.",
            "본문의 중첩이 너무 깊습니다. 단계를 줄여 주세요.",
        )
    return out


def text_bytes(value: Any) -> int:
    """Of a text; of any other JSON what it takes to write it, nothing where it cannot be written."""
    if type(value) is str:
        return len(value) if value.isascii() else len(value.encode(errors="replace"))
    return len(written_if_shallow(value) or b"") if value else 0
