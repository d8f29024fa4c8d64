"""Conversation -> a messages request. Pure.

Effort is said by word and with thinking that adapts to it: models since 2026 take no other budget, and a
budget in tokens would have to stay below an output limit that is lowered where money is scarce.
"""

from __future__ import annotations

from typing import Any, Final

from providers.translation.neutral import (
    Conversation,
    Effort,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    only_said,
    refuse,
)
from providers.translation.turns import Blocks, alternating, arguments_object, says_something

_DIALECT: Final = "anthropic"
_TEMPERATURE_MAX: Final = 1
_EFFORTS: Final[frozenset[Effort]] = frozenset({"low", "medium", "high"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without `model`, `stream` and the like: encoding sets them. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    told = alternating(said.turns, _DIALECT)
    body: dict[str, Any] = {
        "messages": [{"role": role, "content": _BLOCKS.of(role, parts)} for role, parts in told]
    }
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
    body |= only_said(given)
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


def _refuse_what_has_no_words(said: Conversation) -> None:
    wordless = {
        "n": said.n > 1,
        "seed": said.seed is not None,
        "presence_penalty": bool(said.presence_penalty),
        "frequency_penalty": bool(said.frequency_penalty),
        "temperature": said.temperature is not None and said.temperature > _TEMPERATURE_MAX,
        "reasoning_effort": said.effort not in (None, "none", *_EFFORTS),
        "response_format": said.shape is not None and said.shape.schema is None,
    }
    refuse(wordless, _DIALECT)


def _text(text: Text) -> dict[str, Any]:
    return {"type": "text", "text": text.text}


def _image(image: Image) -> dict[str, Any]:
    if image.data is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    source = {"type": "base64", "media_type": image.media_type, "data": image.data}
    return {"type": "image", "source": source}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = arguments_object(call, _DIALECT)
    return {"type": "tool_use", "id": call.call_id, "name": call.name, "input": arguments}


def _result(result: ToolResult) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": result.call_id}
    if content := _BLOCKS.shown(part for part in result.content if says_something(part)):
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block


_BLOCKS: Final = Blocks(_DIALECT, text=_text, image=_image, call=_call, result=_result)


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
