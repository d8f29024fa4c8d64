"""Conversation -> a chat completions request. Pure."""

from __future__ import annotations

from typing import Any

from providers.translation.neutral import Conversation, ToolChoice, ToolResult, Turn, only_said
from providers.translation.turns import (
    Message,
    function_call,
    function_tool,
    image_url,
    result_text,
    system_message,
    told_by,
    user_messages,
)

_DIALECT = "openai"


def ask(said: Conversation) -> dict[str, Any]:
    """Without `model`, `stream` and the like, which encoding sets; so it does the output limit, whose field
    differs by vendor. Raises BadRequest."""
    messages = system_message(said)
    for turn in said.turns:
        if turn.role == "user":
            messages += user_messages(turn, result=_result, image=image_url)
        else:
            messages += _assistant(turn)
    body: dict[str, Any] = {"messages": messages}
    given = {
        "temperature": said.temperature,
        "top_p": said.top_p,
        "top_k": said.top_k,
        "seed": said.seed,
        "presence_penalty": said.presence_penalty,
        "frequency_penalty": said.frequency_penalty,
        "reasoning_effort": said.effort,
        "user": said.user,
        "stop": list(said.stop) or None,
        "n": said.n if said.n > 1 else None,
    }
    body |= only_said(given)
    if said.tools:
        body["tools"] = [
            function_tool(tool, parameters=tool.parameters or None, strict=tool.strict) for tool in said.tools
        ]
    if said.tool_choice is not None:
        _choose(body, said.tool_choice)
    if said.shape is not None:
        body["response_format"] = {"type": "json_object"}
        if said.shape.schema is not None:
            schema: dict[str, Any] = {"name": said.shape.name, "schema": said.shape.schema}
            if said.shape.strict is not None:
                schema["strict"] = said.shape.strict
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _result(result: ToolResult) -> Message:
    return {"role": "tool", "tool_call_id": result.call_id, "content": result_text(result, _DIALECT)}


def _assistant(turn: Turn) -> list[Message]:
    told = told_by(turn)
    if told is None:
        return []
    message: Message = {"role": "assistant", "content": told.text or None}
    if told.calls:
        message["tool_calls"] = [function_call(call, call.arguments) for call in told.calls]
    return [message]


def _choose(body: dict[str, Any], choice: ToolChoice) -> None:
    if choice.at_most_one:
        body["parallel_tool_calls"] = False
    if choice.mode == "tool":
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        body["tool_choice"] = "required" if choice.mode == "any" else choice.mode
