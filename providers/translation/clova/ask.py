"""Conversation -> a CLOVA Studio chat completions v3 request. Pure.

What the vendor itself refuses (thinking together with tools, a temperature above one) is the vendor's to
refuse: that differs by model and changes. Here only what its dialect has no words for.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    inexpressible,
    result_text,
)

_DIALECT: Final = "clova"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit: its field differs by model, and encoding knows it. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages: list[dict[str, Any]] = []
    if said.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in said.system)})
    for turn in said.turns:
        messages += _assistant(turn) if turn.role == "assistant" else _user(turn)
    given = {
        "temperature": said.temperature,
        "topP": said.top_p,
        "topK": said.top_k,
        "seed": said.seed,
        "stop": list(said.stop) or None,
        "thinking": None if said.effort is None else {"effort": said.effort},
        "tools": [_tool(tool) for tool in said.tools] or None,
        "toolChoice": _tool_choice(said.tool_choice, said.tools),
        "responseFormat": None if said.shape is None else {"type": "json", "schema": said.shape.schema},
    }
    return {"messages": messages, **{name: value for name, value in given.items() if value is not None}}


def _refuse_what_has_no_words(said: Conversation) -> None:
    choice = said.tool_choice
    wordless = {
        "n": said.n != 1,
        # `repetitionPenalty` is another thing: it divides where these subtract, and counts the prompt too.
        "presence_penalty": bool(said.presence_penalty),
        "frequency_penalty": bool(said.frequency_penalty),
        "seed": said.seed == 0,  # means there: a seed by chance
        "reasoning_effort": said.effort == "minimal",
        "response_format": said.shape is not None and _is_any_json(said.shape),
        "tools (strict)": any(tool.strict for tool in said.tools),
        "parallel_tool_calls": (
            choice is not None and choice.at_most_one and choice.mode != "none" and bool(said.tools)
        ),
    }
    for param, is_said in wordless.items():
        if is_said:
            raise inexpressible(param, _DIALECT)


def _is_any_json(shape: AnswerShape) -> bool:
    """Its answers in JSON follow a schema, always."""
    return shape.schema is None


def _user(turn: Turn) -> list[dict[str, Any]]:
    """Each tool result is a message of its own, and comes before what else the user says."""
    messages: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            said = result_text(part, _DIALECT)
            messages.append({"role": "tool", "toolCallId": part.call_id, "content": said})
        elif isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            content.append(_image(part))
    if len(content) == 1 and content[0]["type"] == "text":
        messages.append({"role": "user", "content": content[0]["text"]})
    elif content:
        messages.append({"role": "user", "content": content})
    return messages


def _image(image: Image) -> dict[str, Any]:
    """A picture in the body is a whole data URL, under a name of its own."""
    if image.data is None:
        return {"type": "image_url", "imageUrl": {"url": image.url}}
    return {"type": "image_url", "dataUri": {"data": f"data:{image.media_type};base64,{image.data}"}}


def _assistant(turn: Turn) -> list[dict[str, Any]]:
    """What a model thought is not told again: no other vendor has a use for it."""
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    if not text and not calls and all(isinstance(part, Thinking) for part in turn.parts):
        return []
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["toolCalls"] = calls
    return [message]


def _call(call: ToolCall) -> dict[str, Any]:
    """Arguments are an object there, not a text. A text cut in the middle has none."""
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        arguments = None
    if type(arguments) is not dict:
        raise inexpressible("messages (arguments of a tool call that are no JSON object)", _DIALECT)
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None, tools: tuple[Tool, ...]) -> Any:
    """It can be made to call one certain tool, and not to call just any, unless there is only one."""
    if choice is None:
        return None
    if choice.mode in ("auto", "none"):
        return choice.mode if tools else None
    name = choice.name
    if choice.mode == "any":
        if len(tools) != 1:
            raise inexpressible("tool_choice", _DIALECT)
        name = tools[0].name
    return {"type": "function", "function": {"name": name}}
