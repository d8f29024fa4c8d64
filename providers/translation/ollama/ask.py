"""Conversation -> an Ollama chat request. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.translation.neutral import (
    Conversation,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
    only_said,
    refuse,
)
from providers.translation.turns import (
    Message,
    arguments_object,
    function_tool,
    refuse_to_go_on,
    result_text,
    system_message,
    told_by,
)

_DIALECT: Final = "ollama"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit, which encoding sets. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages = system_message(said)
    names: dict[str, str] = {}  # of the tools that were called, by the call's id
    for turn in said.turns:
        names |= {part.call_id: part.name for part in turn.parts if isinstance(part, ToolCall)}
        messages += _assistant(turn) if turn.role == "assistant" else _user(turn, names)
    if messages:
        refuse_to_go_on(messages[-1]["role"], _DIALECT)
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
        "options": only_said(options) or None,
        "think": None if said.effort is None else said.effort != "none" and said.effort,
        "tools": [_tool(tool) for tool in said.tools] or None,
    }
    if said.shape is not None:
        given["format"] = "json" if said.shape.schema is None else said.shape.schema
    return {"messages": messages, **only_said(given)}


def _refuse_what_has_no_words(said: Conversation) -> None:
    choice = said.tool_choice
    wordless = {
        "n": said.n != 1,
        "reasoning_effort": said.effort == "minimal",
        "tools (strict)": any(tool.strict for tool in said.tools),
        "tool_choice": choice is not None and choice.mode != "auto" and (choice.mode != "none" or said.tools),
        "parallel_tool_calls": said.forbids_parallel_calls,
    }
    refuse(wordless, _DIALECT)


def _user(turn: Turn, names: dict[str, str]) -> list[Message]:
    """Each tool result is a message of its own, and comes before what else the user says. Text is one text,
    and pictures stand beside it."""
    messages: list[Message] = []
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
        message: Message = {"role": "user", "content": "\n".join(texts)}
        messages.append(message | {"images": images} if images else message)
    return messages


def _result(result: ToolResult, names: dict[str, str]) -> Message:
    """Told by the tool's name, and by the call's id to a vendor that knows ids."""
    name = result.name or names.get(result.call_id)
    named = {} if name is None else {"tool_name": name}
    return {
        "role": "tool",
        "tool_call_id": result.call_id,
        **named,
        "content": result_text(result, _DIALECT),
    }


def _assistant(turn: Turn) -> list[Message]:
    told = told_by(turn)
    if told is None:
        return []
    message: Message = {"role": "assistant", "content": told.text}
    if told.calls:
        message["tool_calls"] = [_call(call) for call in told.calls]
    return [message]


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = arguments_object(call, _DIALECT)
    return {"id": call.call_id, "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    """The vendor wants a description and parameters always."""
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return function_tool(tool, description=tool.description or "", parameters=parameters)
