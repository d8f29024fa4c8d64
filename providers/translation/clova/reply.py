"""A whole CLOVA Studio answer -> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.translation.calls import calls_of
from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall, ending_by

ENDINGS: Final[dict[str, Ending]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "filtered",
}


def understand(body: dict[str, Any]) -> Reply:
    """It has no id, and its `created` is in seconds or in milliseconds: neither is told."""
    result = body.get("result")
    result = result if type(result) is dict else {}
    parts = said_parts(result.get("message"))
    return Reply(choices=(Choice(tuple(parts), ending_of(result) or "stop"),))


def ending_of(said: dict[str, Any]) -> Ending | None:
    """None: not said, or not yet."""
    reason = said.get("finishReason")
    return ending_by(ENDINGS, reason) if type(reason) is str and reason else None


def said_parts(message: Any) -> list[Text | Thinking | ToolCall]:
    if type(message) is not dict:
        return []
    parts: list[Text | Thinking | ToolCall] = []
    if type(thought := message.get("thinkingContent")) is str and thought:
        parts.append(Thinking(thought))
    if type(text := message.get("content")) is str and text:
        parts.append(Text(text))
    return [*parts, *calls_of(message.get("toolCalls"))]
