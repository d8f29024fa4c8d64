"""A whole Anthropic answer (not streamed): its usage, and its body under the product's name. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from metering.usage import Usage
from providers.anthropic.errors import error_of
from providers.anthropic.events import with_model
from providers.anthropic.kept import container_of
from providers.anthropic.usage import usage_of
from providers.dialect import Answer
from providers.errors import VendorError, unreadable
from providers.json_depth import written_if_shallow
from providers.quirks import NO_QUIRKS, Quirks


def read_message(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    answer = _read(body)
    if type(answer) is VendorError:
        return Answer(usage=None, body=body, error=answer)
    assert type(answer) is dict
    model, upstream_id = answer.get("model"), answer.get("id")
    return Answer(
        usage=usage_of(answer.get("usage"), model if type(model) is str else None),
        body=with_model(body, answer, answer, product_id) if "model" in answer else body,
        upstream_id=upstream_id if type(upstream_id) is str and upstream_id else None,
        error=error_of(answer),
        text_bytes=_text_bytes(answer.get("content")),
        container_id=container_of(answer),
    )


def read_count(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """How many tokens a request has: the vendor bills nothing for telling, so its usage is zero."""
    answer = _read(body)
    if type(answer) is VendorError:
        return Answer(usage=None, body=body, error=answer)
    error = error_of(answer)
    return Answer(usage=Usage() if error is None else None, body=body, error=error)


def _read(body: bytes) -> dict[str, Any] | VendorError:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return unreadable("The vendor's answer is not JSON.")
    if type(answer) is not dict:
        return error_of(answer) or unreadable("The vendor's answer is not an object.")
    return answer


def _text_bytes(content: Any) -> int:
    if type(content) is not list:
        return 0
    length = 0
    for block in content:
        if type(block) is not dict:
            continue
        for name in ("text", "thinking"):
            if type(text := block.get(name)) is str:
                length += len(text) if text.isascii() else len(text.encode(errors="replace"))
        length += _json_bytes(block.get("input"))
    return length


def _json_bytes(value: Any) -> int:
    return 0 if value is None else len(written_if_shallow(value) or b"")
