"""A whole CLOVA Studio answer -> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall

ENDINGS: Final[dict[str, Ending]] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


def understand(body: dict[str, Any]) -> Reply:
    """It has no id, and its `created` is in seconds or in milliseconds: neither is told."""
    result = body.get("result")
    result = result if type(result) is dict else {}
    parts = said_parts(result.get("message"))
    return Reply(
        reply_id=None,
        created_s=None,
        choices=(Choice(tuple(parts), ending_of(result) or "stop"),),
        usage=None,
    )


def ending_of(said: dict[str, Any]) -> Ending | None:
    """None: not said, or not yet. A word that we do not know is an end all the same."""
    reason = said.get("finishReason")
    return ENDINGS.get(reason, "stop") if type(reason) is str and reason else None


def said_parts(message: Any) -> list[Text | Thinking | ToolCall]:
    if type(message) is not dict:
        return []
    parts: list[Text | Thinking | ToolCall] = []
    if type(thought := message.get("thinkingContent")) is str and thought:
        parts.append(Thinking(thought))
    if type(text := message.get("content")) is str and text:
        parts.append(Text(text))
    calls = message.get("toolCalls")
    for call in calls if type(calls) is list else []:
        if (whole := _call(call)) is not None:
            parts.append(whole)
    return parts


def arguments_text(arguments: Any) -> str | None:
    """JSON of an object, which is how they come. None: nested deeper than can be written."""
    if arguments is None or arguments == "":
        return "{}"
    if type(arguments) is str:
        return arguments
    try:
        return orjson.dumps(arguments).decode()
    except orjson.JSONEncodeError:
        return None


def _call(call: Any) -> ToolCall | None:
    function = call.get("function") if type(call) is dict else None
    if type(function) is not dict:
        return None
    call_id, name = call.get("id"), function.get("name")
    arguments = arguments_text(function.get("arguments"))
    if arguments is None:
        return None  # to call it without them would be to call another thing
    return ToolCall(
        call_id=call_id if type(call_id) is str else "",
        name=name if type(name) is str else "",
        arguments=arguments,
    )
