"""Conversation -> a messages request. Pure.

Effort is said by word and with thinking that adapts to it: models since 2026 take no other budget, and a
budget in tokens would have to stay below an output limit that is lowered where money is scarce.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from providers.translation.neutral import (
    Conversation,
    Effort,
    Image,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    inexpressible,
)

_DIALECT: Final = "anthropic"
_TEMPERATURE_MAX: Final = 1
_EFFORTS: Final[frozenset[Effort]] = frozenset({"low", "medium", "high"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without `model`, `stream` and the like: encoding sets them. Raises BadRequest."""
    _expressible(said)
    body: dict[str, Any] = {"messages": _messages(said)}
    if system := [_text(text) for text in said.system if text.text]:
        body["system"] = system
    given = {
        "max_tokens": said.output_limit,
        "temperature": said.temperature,
        "top_p": said.top_p,
        "top_k": said.top_k,
        "stop_sequences": list(said.stop) or None,
        "metadata": None if said.user is None else {"user_id": said.user},
    }
    body.update({name: value for name, value in given.items() if value is not None})
    if said.tools:
        body["tools"] = [_tool(tool) for tool in said.tools]
    if said.tool_choice is not None:
        _choose(body, said.tool_choice)
    config: dict[str, Any] = {}
    if said.effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif said.effort is not None:
        body["thinking"] = {"type": "adaptive"}
        config["effort"] = said.effort
    if said.shape is not None:
        # Its name is for who asked; the vendor keeps to every schema strictly.
        config["format"] = {"type": "json_schema", "schema": said.shape.schema}
    if config:
        body["output_config"] = config
    return body


def _expressible(said: Conversation) -> None:
    unsaid = {
        "n": said.n > 1,
        "seed": said.seed is not None,
        "presence_penalty": bool(said.presence_penalty),
        "frequency_penalty": bool(said.frequency_penalty),
        "temperature": said.temperature is not None and said.temperature > _TEMPERATURE_MAX,
        "reasoning_effort": said.effort not in (None, "none", *_EFFORTS),
        "response_format": said.shape is not None and said.shape.schema is None,
    }
    for name, is_unsaid in unsaid.items():
        if is_unsaid:
            raise inexpressible(name, _DIALECT)


def _messages(said: Conversation) -> list[dict[str, Any]]:
    """Roles alternate: what neighbouring turns of one role say is one message."""
    merged: list[tuple[str, list[Part]]] = []
    for turn in said.turns:
        parts = [part for part in turn.parts if _says_something(part)]
        if not parts:
            continue
        if merged and merged[-1][0] == turn.role:
            merged[-1][1].extend(parts)
        else:
            merged.append((turn.role, parts))
    if not merged:
        raise inexpressible("messages (none but the system's)", _DIALECT)
    if merged[-1][0] == "assistant":
        # Here the answer would go on where this one stops; elsewhere it is a new one.
        raise inexpressible("messages (the last one is the assistant's)", _DIALECT)
    return [
        {"role": role, "content": _user(parts) if role == "user" else [_said(part) for part in parts]}
        for role, parts in merged
    ]


def _says_something(part: Part) -> bool:
    """The vendor takes no empty text, and no thoughts but its own under its seal."""
    if isinstance(part, Text):
        return bool(part.text)
    return isinstance(part, Image | ToolCall | ToolResult)


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
        return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": _input(part)}
    raise inexpressible("messages (a picture or a result of the assistant's)", _DIALECT)


def _text(text: Text) -> dict[str, Any]:
    return {"type": "text", "text": text.text}


def _image(image: Image) -> dict[str, Any]:
    if image.data is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    source = {"type": "base64", "media_type": image.media_type, "data": image.data}
    return {"type": "image", "source": source}


def _result(result: ToolResult) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": result.call_id}
    if content := _shown(part for part in result.content if _says_something(part)):
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block


def _input(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if type(arguments) is not dict:
        raise inexpressible("messages (arguments of a tool that are no JSON object)", _DIALECT)
    return arguments


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said


def _choose(body: dict[str, Any], choice: ToolChoice) -> None:
    if not body.get("tools") and choice.mode in ("auto", "none"):
        return  # a choice among no tools, which the vendor does not take
    said: dict[str, Any] = {"type": choice.mode}
    if choice.mode == "tool":
        said["name"] = choice.name
    if choice.at_most_one and choice.mode != "none":
        said["disable_parallel_tool_use"] = True
    body["tool_choice"] = said
