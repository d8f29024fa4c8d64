"""A whole response (not streamed): its usage, and its body under the product's name. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.dialect import Answer
from providers.errors import VendorError
from providers.openai_responses.errors import UNREADABLE, error_of_answer
from providers.openai_responses.naming import with_product
from providers.openai_responses.usage import RUNNING, usage_of_response
from providers.quirks import NO_QUIRKS, Quirks

# Where items and their parts say what was generated.
_TEXTS: Final = ("text", "refusal", "arguments", "input", "code")
_PARTS: Final = ("content", "summary")


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=UNREADABLE)
    if type(answer) is not dict:
        return Answer(usage=None, body=body, error=error_of_answer(answer) or UNREADABLE)
    usage = usage_of_response(answer)
    error: VendorError | None = error_of_answer(answer)
    upstream_id = answer.get("id")
    text_bytes = _text_bytes(answer)
    try:
        body = with_product(body, answer, (answer,), product_id)
    except TypeError:
        pass  # nested deeper than can be written: as it came
    return Answer(
        usage=usage,
        body=body,
        upstream_id=upstream_id if type(upstream_id) is str and upstream_id else None,
        error=error,
        text_bytes=text_bytes,
        is_running=answer.get("status") in RUNNING,
    )


def _text_bytes(answer: dict[str, Any]) -> int:
    output = answer.get("output")
    if type(output) is not list:
        return 0
    return sum(item_text_bytes(item) for item in output)


def item_text_bytes(item: Any) -> int:
    """Bytes of text in one item of an output."""
    if type(item) is not dict:
        return 0
    length = _own_bytes(item)
    for name in _PARTS:
        if type(parts := item.get(name)) is list:
            length += sum(_own_bytes(part) for part in parts if type(part) is dict)
    return length


def _own_bytes(holder: dict[str, Any]) -> int:
    texts = [text for name in _TEXTS if type(text := holder.get(name)) is str]
    return sum(len(text) if text.isascii() else len(text.encode(errors="replace")) for text in texts)
