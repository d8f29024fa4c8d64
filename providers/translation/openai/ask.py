"""Conversation -> a chat completions request. Pure."""

from __future__ import annotations

from typing import Any

from providers.translation.neutral import (
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    result_text,
)

_DIALECT = "openai"


def ask(said: Conversation) -> dict[str, Any]:
    """Without `model`, `stream` and the like, which encoding sets; so it does the output limit, whose field
    differs by vendor. Raises BadRequest."""
    messages: list[dict[str, Any]] = []
    if said.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in said.system)})
    for turn in said.turns:
        messages += _assistant(turn) if turn.role == "assistant" else _user(turn)
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
    body.update({name: value for name, value in given.items() if value is not None})
    if said.tools:
        body["tools"] = [_tool(tool) for tool in said.tools]
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


def _user(turn: Turn) -> list[dict[str, Any]]:
    """Each tool result is a message of its own, and comes before what else the user says."""
    messages: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            said = result_text(part, _DIALECT)
            messages.append({"role": "tool", "tool_call_id": part.call_id, "content": said})
        elif isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            url = part.url if part.data is None else f"data:{part.media_type};base64,{part.data}"
            content.append({"type": "image_url", "image_url": {"url": url}})
    if len(content) == 1 and content[0]["type"] == "text":
        messages.append({"role": "user", "content": content[0]["text"]})
    elif content:
        messages.append({"role": "user", "content": content})
    return messages


def _assistant(turn: Turn) -> list[dict[str, Any]]:
    """What a model thought is not told again: the dialect has no place for it, and no other vendor a use."""
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [
        {
            "id": part.call_id,
            "type": "function",
            "function": {"name": part.name, "arguments": part.arguments},
        }
        for part in turn.parts
        if isinstance(part, ToolCall)
    ]
    if not text and not calls and all(isinstance(part, Thinking) for part in turn.parts):
        return []
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    return [message]


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choose(body: dict[str, Any], choice: ToolChoice) -> None:
    if choice.at_most_one:
        body["parallel_tool_calls"] = False
    if choice.mode == "tool":
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        body["tool_choice"] = "required" if choice.mode == "any" else choice.mode
