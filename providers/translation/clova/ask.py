"""Conversation -> a CLOVA Studio chat completions v3 request. Pure.

What the vendor itself refuses (thinking together with tools, a temperature above one) is the vendor's to
refuse: that differs by model and changes. Here only what its dialect has no words for.
"""

from __future__ import annotations

from typing import Any, Final

from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Tool,
    ToolChoice,
    ToolResult,
    Turn,
    inexpressible,
    only_said,
    refuse,
)
from providers.translation.turns import (
    Message,
    arguments_object,
    data_url,
    function_call,
    function_tool,
    result_text,
    system_message,
    told_by,
    user_messages,
)

_DIALECT: Final = "clova"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit: its field differs by model, and encoding knows it. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages = system_message(said)
    for turn in said.turns:
        if turn.role == "user":
            messages += user_messages(turn, result=_result, image=_image)
        else:
            messages += _assistant(turn)
    given = {
        "temperature": said.temperature,
        "topP": said.top_p,
        "topK": said.top_k,
        "seed": said.seed,
        "stop": list(said.stop) or None,
        "thinking": None if said.effort is None else {"effort": said.effort},
        "tools": [function_tool(tool, parameters=tool.parameters or None) for tool in said.tools] or None,
        "toolChoice": _tool_choice(said.tool_choice, said.tools),
        "responseFormat": None if said.shape is None else {"type": "json", "schema": said.shape.schema},
    }
    return {"messages": messages, **only_said(given)}


def _refuse_what_has_no_words(said: Conversation) -> None:
    wordless = {
        "n": said.n != 1,
        # `repetitionPenalty` is another thing: it divides where these subtract, and counts the prompt too.
        "presence_penalty": bool(said.presence_penalty),
        "frequency_penalty": bool(said.frequency_penalty),
        "seed": said.seed == 0,  # means there: a seed by chance
        "reasoning_effort": said.effort == "minimal",
        "response_format": said.shape is not None and _is_any_json(said.shape),
        "tools (strict)": any(tool.strict for tool in said.tools),
        "parallel_tool_calls": said.forbids_parallel_calls,
    }
    refuse(wordless, _DIALECT)


def _is_any_json(shape: AnswerShape) -> bool:
    """Its answers in JSON follow a schema, always."""
    return shape.schema is None


def _result(result: ToolResult) -> Message:
    return {"role": "tool", "toolCallId": result.call_id, "content": result_text(result, _DIALECT)}


def _image(image: Image) -> dict[str, Any]:
    """A picture in the body is a whole data URL, under a name of its own."""
    if image.data is None:
        return {"type": "image_url", "imageUrl": {"url": image.url}}
    return {"type": "image_url", "dataUri": {"data": data_url(image)}}


def _assistant(turn: Turn) -> list[Message]:
    told = told_by(turn)
    if told is None:
        return []
    message: Message = {"role": "assistant", "content": told.text}
    if told.calls:
        message["toolCalls"] = [function_call(call, arguments_object(call, _DIALECT)) for call in told.calls]
    return [message]


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
