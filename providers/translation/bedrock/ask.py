"""Conversation -> a Converse request. Pure.

What one model takes and another does not (a system text, tools, pictures, effort) is the vendor's to refuse:
that changes. Here only what its dialect has no words for. Fields that only one maker's models know
(`additionalModelRequestFields`) are none of the dialect's words.
"""

from __future__ import annotations

from typing import Any, Final

from providers.json_depth import written_if_shallow
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    inexpressible,
    only_said,
    refuse,
)
from providers.translation.turns import Blocks, alternating, arguments_object, says_something

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
    told = alternating(said.turns, _DIALECT, is_told=_is_told)
    body: dict[str, Any] = {
        "messages": [{"role": role, "content": _BLOCKS.of(role, parts)} for role, parts in told]
    }
    if system := [_text(text) for text in said.system if _is_told(text)]:
        body["system"] = system
    limits = {
        "maxTokens": said.output_limit,
        "temperature": said.temperature,
        "topP": said.top_p,
        "stopSequences": list(said.stop) or None,
    }
    if config := only_said(limits):
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
        "parallel_tool_calls": said.forbids_parallel_calls,
    }
    refuse(wordless, _DIALECT)


def _forbids_calls(choice: ToolChoice | None) -> bool:
    return choice is not None and choice.mode == "none"


def _is_told(part: Part) -> bool:
    """The vendor takes no text without a word."""
    return bool(part.text.strip()) if isinstance(part, Text) else says_something(part)


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


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = arguments_object(call, _DIALECT)
    return {"toolUse": {"toolUseId": call.call_id, "name": call.name, "input": arguments}}


def _result(result: ToolResult) -> dict[str, Any]:
    return {
        "toolResult": {
            "toolUseId": result.call_id,
            "content": _BLOCKS.shown(part for part in result.content if _is_told(part)),
            "status": "error" if result.is_error else "success",
        }
    }


_BLOCKS: Final = Blocks(_DIALECT, text=_text, image=_image, call=_call, result=_result)


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
