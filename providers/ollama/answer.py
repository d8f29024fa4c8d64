"""A whole Ollama answer (not streamed): its usage, and how much was said. Pure."""

from __future__ import annotations

from typing import Any

from providers.dialect import Answer
from providers.errors import unreadable
from providers.json_depth import text_bytes
from providers.ollama.errors import error_of
from providers.ollama.usage import usage_of
from providers.quirks import NO_QUIRKS, Quirks
from providers.whole_answer import read_object


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """The body goes on to translation as it came."""
    answer = read_object(body)
    if isinstance(answer, Answer):
        return answer
    error, message = error_of(answer), answer.get("message")
    if error is None and type(message) is not dict:
        error = unreadable("The vendor's answer has no message.")
    return Answer(usage=usage_of(answer), body=body, error=error, text_bytes=message_bytes(message))


def message_bytes(message: Any) -> int:
    """Of the generated text in a message, or in the piece of one that a line of a stream brings."""
    if type(message) is not dict:
        return 0
    length = sum(
        text_bytes(text) for name in ("content", "thinking") if type(text := message.get(name)) is str
    )
    calls = message.get("tool_calls")
    for call in calls if type(calls) is list else []:
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            length += text_bytes(function.get("name")) + text_bytes(function.get("arguments"))
    return length
