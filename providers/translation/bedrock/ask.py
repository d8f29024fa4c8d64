"""Conversation -> a Converse request. Pure.

What one model takes and another does not (a system text, tools, pictures, effort) is the vendor's to refuse:
that changes. Here only what its dialect has no words for. Fields that only one maker's models know
(`additionalModelRequestFields`) are none of the dialect's words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from providers.json_depth import written_if_shallow
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    inexpressible,
)

_DIALECT: Final = "bedrock"
# Of a conversation, and not said: the answer is the same without them. Its schemas always bind.
HINTS: Final = frozenset({"user", "shape.strict"})
_EFFORTS: Final = frozenset({"low", "medium", "high"})
_PICTURES: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}


def ask(said: Conversation) -> dict[str, Any]:
    """Raises BadRequest."""
    _refuse_what_has_no_words(said)
    body: dict[str, Any] = {"messages": _messages(said)}
    if system := [_text(text) for text in said.system if not _is_blank(text)]:
        body["system"] = system
    limits = {
        "maxTokens": said.output_limit,
        "temperature": said.temperature,
        "topP": said.top_p,
        "stopSequences": list(said.stop) or None,
    }
    if config := {name: value for name, value in limits.items() if value is not None}:
        body["inferenceConfig"] = config
    if said.tools and not _forbids_calls(said.tool_choice):
        body["toolConfig"] = _tools(said.tools, said.tool_choice)
    output: dict[str, Any] = {}
    if said.shape is not None:
        output["textFormat"] = _shape(said.shape)
    if said.effort is not None:
        output["effort"] = said.effort
    if output:
        body["outputConfig"] = output
    return body


def _refuse_what_has_no_words(said: Conversation) -> None:
    choice = said.tool_choice
    calls_are_told = any(
        isinstance(part, ToolCall | ToolResult) for turn in said.turns for part in turn.parts
    )
    wordless = {
        "n": said.n != 1,
        "top_k": said.top_k is not None,
        "seed": said.seed is not None,
        "presence_penalty": bool(said.presence_penalty),
        "frequency_penalty": bool(said.frequency_penalty),
        "temperature": said.temperature is not None and not 0 <= said.temperature <= 1,
        "top_p": said.top_p is not None and not 0 <= said.top_p <= 1,
        "reasoning_effort": said.effort is not None and said.effort not in _EFFORTS,
        "response_format": said.shape is not None and said.shape.schema is None,
        # It can be made to call none by telling it of none, unless it must know of what was called.
        "tool_choice": (
            (bool(said.tools) and _forbids_calls(choice) and calls_are_told)
            or (choice is not None and choice.mode in ("any", "tool") and not said.tools)
        ),
        "parallel_tool_calls": (
            choice is not None and choice.at_most_one and bool(said.tools) and not _forbids_calls(choice)
        ),
    }
    for param, is_said in wordless.items():
        if is_said:
            raise inexpressible(param, _DIALECT)


def _forbids_calls(choice: ToolChoice | None) -> bool:
    return choice is not None and choice.mode == "none"


def _is_blank(part: Part) -> bool:
    """The vendor takes no text without a word."""
    return isinstance(part, Text) and not part.text.strip()


def _messages(said: Conversation) -> list[dict[str, Any]]:
    """Roles alternate: what neighbouring turns of one role say is one message.

    What a model thought is not told again: no other vendor has a use for it.
    """
    merged: list[tuple[str, list[Part]]] = []
    for turn in said.turns:
        parts: list[Part] = [
            part for part in turn.parts if not isinstance(part, Thinking) and not _is_blank(part)
        ]
        if parts and merged and merged[-1][0] == turn.role:
            merged[-1][1].extend(parts)
        elif parts:
            merged.append((turn.role, parts))
    if not merged:
        raise inexpressible("messages (none but the system's)", _DIALECT)
    if merged[-1][0] == "assistant":
        # Some models would go on where this one stops, others refuse it; elsewhere the answer is a new one.
        raise inexpressible("messages (the last one is the assistant's)", _DIALECT)
    return [
        {"role": role, "content": _user(parts) if role == "user" else [_said(part) for part in parts]}
        for role, parts in merged
    ]


def _user(parts: list[Part]) -> list[dict[str, Any]]:
    """The results of tools come before what else the user says."""
    results = [_result(part) for part in parts if isinstance(part, ToolResult)]
    return results + _shown(part for part in parts if not isinstance(part, ToolResult))


def _shown(parts: Iterable[Part]) -> list[dict[str, Any]]:
    blocks = []
    for part in parts:
        if isinstance(part, Text):
            blocks.append(_text(part))
        elif isinstance(part, Image):
            blocks.append(_image(part))
        else:
            raise inexpressible("messages (a tool call of the user's)", _DIALECT)
    return blocks


def _said(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return _text(part)
    if isinstance(part, ToolCall):
        return {"toolUse": {"toolUseId": part.call_id, "name": part.name, "input": _input(part)}}
    raise inexpressible("messages (a picture or a result of the assistant's)", _DIALECT)


def _text(text: Text) -> dict[str, Any]:
    return {"text": text.text}


def _image(image: Image) -> dict[str, Any]:
    """In the body only: it has addresses of its own storage alone."""
    if image.data is None:
        raise inexpressible("messages (a picture by its address)", _DIALECT)
    form = _PICTURES.get((image.media_type or "").lower())
    if form is None:
        raise inexpressible("messages (a picture that is no PNG, JPEG, GIF or WebP)", _DIALECT)
    return {"image": {"format": form, "source": {"bytes": image.data}}}


def _result(result: ToolResult) -> dict[str, Any]:
    return {
        "toolResult": {
            "toolUseId": result.call_id,
            "content": _shown(part for part in result.content if not _is_blank(part)),
            "status": "error" if result.is_error else "success",
        }
    }


def _input(call: ToolCall) -> dict[str, Any]:
    """Arguments are an object there, not a text. A text cut in the middle has none."""
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if type(arguments) is not dict:
        raise inexpressible("messages (arguments of a tool call that are no JSON object)", _DIALECT)
    return arguments


def _tools(tools: tuple[Tool, ...], choice: ToolChoice | None) -> dict[str, Any]:
    said: dict[str, Any] = {"tools": [{"toolSpec": _tool(tool)} for tool in tools]}
    if choice is not None:
        said["toolChoice"] = {choice.mode: {"name": choice.name} if choice.mode == "tool" else {}}
    return said


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": {"type": "object", **tool.parameters}}}
    if tool.description:
        said["description"] = tool.description
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said


def _shape(shape: AnswerShape) -> dict[str, Any]:
    """The schema is a text there."""
    schema = written_if_shallow(shape.schema)
    if schema is None:
        raise inexpressible("response_format", _DIALECT)
    return {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": shape.name, "schema": schema.decode()}},
    }
