"""A whole Cohere answer -> Reply. Pure.

What a model plans before it calls tools (`tool_plan`) is text that it says: the request has the same place
for it, so a caller who tells it again tells it as it was.
"""

from __future__ import annotations

from typing import Any, Final

from providers.translation.calls import calls_of
from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall, ending_by

ENDINGS: Final[dict[str, Ending]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "filtered",
}


def understand(body: dict[str, Any]) -> Reply:
    message, reply_id = body.get("message"), body.get("id")
    message = message if type(message) is dict else {}
    parts: list[Text | Thinking | ToolCall] = [
        *said_parts(message.get("content")),
        *said_parts(message.get("tool_plan")),
        *calls_of(message.get("tool_calls")),
    ]
    return Reply(
        choices=(Choice(tuple(parts), ending_by(ENDINGS, body.get("finish_reason"))),),
        reply_id=reply_id if type(reply_id) is str else None,
    )


def said_parts(content: Any) -> list[Text | Thinking]:
    """Content is a list of typed parts, in an event of a stream one of them, or a text."""
    parts: list[Text | Thinking] = []
    for part in content if type(content) is list else [content]:
        if type(part) is str and part:
            parts.append(Text(part))
        elif type(part) is dict:
            if type(thought := part.get("thinking")) is str and thought:
                parts.append(Thinking(thought))
            if type(text := part.get("text")) is str and text:
                parts.append(Text(text))
    return parts
