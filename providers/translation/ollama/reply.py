"""A whole Ollama answer -> Reply. Pure.

Its answers have no id, and its calls have one only since 2025: without, a call is named by the moment in
which it was made, and by its place.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.translation.calls import CallIds, calls_of
from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall


def understand(body: dict[str, Any]) -> Reply:
    message = body.get("message")
    message = message if type(message) is dict else {}
    calls = said_calls(message, CallIds(), body.get("created_at"))
    ending = ending_of(body, has_called=bool(calls))
    return Reply(choices=(Choice((*said_texts(message), *calls), ending),))


def ending_of(said: dict[str, Any], *, has_called: bool) -> Ending:
    """It has no word for an answer that ends with calls."""
    if said.get("done_reason") == "length":
        return "length"
    return "tool_calls" if has_called else "stop"


def said_texts(message: dict[str, Any]) -> list[Text | Thinking]:
    parts: list[Text | Thinking] = []
    if type(thought := message.get("thinking")) is str and thought:
        parts.append(Thinking(thought))
    if type(text := message.get("content")) is str and text:
        parts.append(Text(text))
    return parts


def said_calls(message: dict[str, Any], ids: CallIds, created_at: Any) -> list[ToolCall]:
    """Each comes whole."""
    return [
        msgspec.structs.replace(call, call_id=ids.of(call.call_id, created_at))
        for call in calls_of(message.get("tool_calls"))
    ]
