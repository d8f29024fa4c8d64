"""A whole Cohere answer -> Reply. Pure.

What a model plans before it calls tools (`tool_plan`) is text that it says: the request has the same place
for it, so a caller who tells it again tells it as it was.
"""

from __future__ import annotations

from typing import Any, Final

from providers.json_depth import written_if_shallow
from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall

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
    ]
    calls = message.get("tool_calls")
    for call in calls if type(calls) is list else []:
        if (whole := _call(call)) is not None:
            parts.append(whole)
    return Reply(
        reply_id=reply_id if type(reply_id) is str else None,
        created_s=None,
        choices=(Choice(tuple(parts), ending_of(body)),),
        usage=None,
    )


def ending_of(said: dict[str, Any]) -> Ending:
    """A word that we do not know is an end all the same."""
    reason = said.get("finish_reason")
    return ENDINGS.get(reason, "stop") if type(reason) is str else "stop"


def said_parts(content: Any) -> list[Text | Thinking | ToolCall]:
    """Content is a list of typed parts, in an event of a stream one of them, or a text."""
    parts: list[Text | Thinking | ToolCall] = []
    for part in content if type(content) is list else [content]:
        if type(part) is str and part:
            parts.append(Text(part))
        elif type(part) is dict:
            if type(thought := part.get("thinking")) is str and thought:
                parts.append(Thinking(thought))
            if type(text := part.get("text")) is str and text:
                parts.append(Text(text))
    return parts


def _call(call: Any) -> ToolCall | None:
    """Arguments are a text. Where they are another thing and too deep to be written, there is no call."""
    function = call.get("function") if type(call) is dict else None
    if type(function) is not dict:
        return None
    call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments") or "{}"
    if type(arguments) is not str:
        written = written_if_shallow(arguments)
        if written is None:
            return None
        arguments = written.decode()
    return ToolCall(
        call_id=call_id if type(call_id) is str else "",
        name=name if type(name) is str else "",
        arguments=arguments,
    )
