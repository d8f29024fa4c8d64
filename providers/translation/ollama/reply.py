"""A whole Ollama answer -> Reply. Pure.

Its answers have no id, and its calls have one only since 2025: without, a call is named by its place.
"""

from __future__ import annotations

from typing import Any

from providers.json_depth import written_if_shallow
from providers.translation.neutral import Choice, Ending, Reply, Text, Thinking, ToolCall


def understand(body: dict[str, Any]) -> Reply:
    message = body.get("message")
    parts: list[Text | Thinking | ToolCall] = []
    calls: list[ToolCall] = []
    if type(message) is dict:
        if type(thought := message.get("thinking")) is str and thought:
            parts.append(Thinking(thought))
        if type(text := message.get("content")) is str and text:
            parts.append(Text(text))
        calls = said_calls(message, 0)
    return Reply(
        reply_id=None,
        created_s=None,
        choices=(Choice((*parts, *calls), ending_of(body, has_called=bool(calls))),),
        usage=None,
    )


def ending_of(said: dict[str, Any], *, has_called: bool) -> Ending:
    """It has no word for an answer that ends with calls."""
    if said.get("done_reason") == "length":
        return "length"
    return "tool_calls" if has_called else "stop"


def said_calls(message: dict[str, Any], before: int) -> list[ToolCall]:
    """Each comes whole. One whose arguments are too deep to be written is left out: without them it would be
    another."""
    calls: list[ToolCall] = []
    listed = message.get("tool_calls")
    for call in listed if type(listed) is list else []:
        function = call.get("function") if type(call) is dict else None
        if type(function) is not dict:
            continue
        call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
        if type(arguments) is not str:
            written = written_if_shallow(arguments or {})
            if written is None:
                continue
            arguments = written.decode()
        calls.append(
            ToolCall(
                call_id=call_id if type(call_id) is str and call_id else f"call_{before + len(calls)}",
                name=name if type(name) is str else "",
                arguments=arguments or "{}",
            )
        )
    return calls
