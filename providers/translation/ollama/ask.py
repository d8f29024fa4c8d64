"""Conversation -> an Ollama chat request. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.translation.neutral import (
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
    result_text,
)

_DIALECT: Final = "ollama"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit, which encoding sets. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages: list[dict[str, Any]] = []
    if said.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in said.system)})
    names: dict[str, str] = {}  # of the tools that were called, by the call's id
    for turn in said.turns:
        names |= {part.call_id: part.name for part in turn.parts if isinstance(part, ToolCall)}
        messages += _assistant(turn) if turn.role == "assistant" else _user(turn, names)
    options = {
        "temperature": said.temperature,
        "top_p": said.top_p,
        "top_k": said.top_k,
        "seed": said.seed,
        "presence_penalty": said.presence_penalty,
        "frequency_penalty": said.frequency_penalty,
        "stop": list(said.stop) or None,
    }
    given: dict[str, Any] = {
        "options": {name: value for name, value in options.items() if value is not None} or None,
        "think": None if said.effort is None else said.effort != "none" and said.effort,
        "tools": [_tool(tool) for tool in said.tools] or None,
    }
    if said.shape is not None:
        given["format"] = "json" if said.shape.schema is None else said.shape.schema
    return {"messages": messages, **{name: value for name, value in given.items() if value is not None}}


def _refuse_what_has_no_words(said: Conversation) -> None:
    choice = said.tool_choice
    wordless = {
        "n": said.n != 1,
        "reasoning_effort": said.effort == "minimal",
        "tools (strict)": any(tool.strict for tool in said.tools),
        "tool_choice": choice is not None and choice.mode != "auto" and (choice.mode != "none" or said.tools),
        "parallel_tool_calls": choice is not None and choice.at_most_one and said.tools,
    }
    for param, is_said in wordless.items():
        if is_said:
            raise inexpressible(param, _DIALECT)


def _user(turn: Turn, names: dict[str, str]) -> list[dict[str, Any]]:
    """Each tool result is a message of its own, and comes before what else the user says. Text is one text,
    and pictures stand beside it."""
    messages: list[dict[str, Any]] = []
    texts: list[str] = []
    images: list[str] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            messages.append(_result(part, names))
        elif isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Image):
            if part.data is None:
                raise inexpressible("messages (a picture by its address)", _DIALECT)
            images.append(part.data)
    if texts or images:
        message: dict[str, Any] = {"role": "user", "content": "\n".join(texts)}
        messages.append(message | {"images": images} if images else message)
    return messages


def _result(result: ToolResult, names: dict[str, str]) -> dict[str, Any]:
    """Told by the tool's name, and by the call's id to a vendor that knows ids."""
    name = result.name or names.get(result.call_id)
    named = {} if name is None else {"tool_name": name}
    return {
        "role": "tool",
        "tool_call_id": result.call_id,
        **named,
        "content": result_text(result, _DIALECT),
    }


def _assistant(turn: Turn) -> list[dict[str, Any]]:
    """What a model thought is not told again: no other vendor has a use for it."""
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    if not text and not calls and all(isinstance(part, Thinking) for part in turn.parts):
        return []
    message: dict[str, Any] = {"role": "assistant", "content": text}
    return [message | {"tool_calls": calls} if calls else message]


def _call(call: ToolCall) -> dict[str, Any]:
    """Arguments are an object there, not a text. A text cut in the middle has none."""
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        arguments = None
    if type(arguments) is not dict:
        raise inexpressible("messages (arguments of a tool call that are no JSON object)", _DIALECT)
    return {"id": call.call_id, "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "description": tool.description or ""}
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}
