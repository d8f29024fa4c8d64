"""A whole Cohere answer (not streamed): its usage, and how much was said. Pure."""

from __future__ import annotations

from typing import Any

from providers.cohere.errors import error_of
from providers.cohere.usage import usage_of
from providers.dialect import Answer
from providers.errors import unreadable
from providers.json_depth import text_bytes
from providers.quirks import NO_QUIRKS, Quirks
from providers.whole_answer import read_object


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """The body goes on to translation as it came."""
    answer = read_object(body)
    if isinstance(answer, Answer):
        return answer
    error, message, upstream_id = error_of(answer), answer.get("message"), answer.get("id")
    if error is None and type(message) is not dict:
        error = unreadable("The vendor's answer has no message.")
    return Answer(
        usage=usage_of(answer.get("usage")),
        body=body,
        upstream_id=upstream_id if type(upstream_id) is str and upstream_id else None,
        error=error,
        text_bytes=message_bytes(message),
    )


def message_bytes(message: Any) -> int:
    """Of the generated text in a message, or in the piece of one that an event of a stream brings."""
    if type(message) is not dict:
        return 0
    length = _of_text(message.get("tool_plan"))
    content = message.get("content")
    for part in content if type(content) is list else [content]:
        if type(part) is dict:
            length += _of_text(part.get("text")) + _of_text(part.get("thinking"))
        else:
            length += _of_text(part)
    calls = message.get("tool_calls")
    for call in calls if type(calls) is list else [calls]:
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            length += text_bytes(function.get("name")) + text_bytes(function.get("arguments"))
    return length


def _of_text(value: Any) -> int:
    return text_bytes(value) if type(value) is str else 0
