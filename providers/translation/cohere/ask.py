"""Conversation -> a Cohere chat request of its second version. Pure.

What the vendor itself refuses (a penalty above one, thinking with a model that has none) is the vendor's to
refuse: that differs by model and changes. Here only what its dialect has no words for.
"""

from __future__ import annotations

from typing import Any, Final

from providers.translation.neutral import (
    EFFORT_TOKENS,
    Conversation,
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
    function_call,
    function_tool,
    image_url,
    result_text,
    system_message,
    told_by,
    user_messages,
)

_DIALECT: Final = "cohere"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}  # the vendor wants parameters always


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit, which encoding sets. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages = system_message(said)
    for turn in said.turns:
        if turn.role == "user":
            messages += user_messages(turn, result=_result, image=image_url)
        else:
            messages += _assistant(turn)
    given = {
        "temperature": said.temperature,
        "p": said.top_p,
        "k": said.top_k,
        "seed": said.seed,
        "presence_penalty": said.presence_penalty,
        "frequency_penalty": said.frequency_penalty,
        "stop_sequences": list(said.stop) or None,
        "thinking": None if said.effort is None else _thinking(EFFORT_TOKENS[said.effort]),
        "tools": [function_tool(tool, parameters=tool.parameters or _NO_PARAMETERS) for tool in said.tools]
        or None,
        "strict_tools": True if any(tool.strict for tool in said.tools) else None,
        "tool_choice": _tool_choice(said.tool_choice, said.tools),
        "response_format": None if said.shape is None else _shape(said.shape.schema),
    }
    return {"messages": messages, **only_said(given)}


def _refuse_what_has_no_words(said: Conversation) -> None:
    strict = {tool.strict is True for tool in said.tools}
    wordless = {
        "n": said.n != 1,
        "tools (strict)": len(strict) > 1,  # it is said of all tools at once
        "parallel_tool_calls": said.forbids_parallel_calls,
    }
    refuse(wordless, _DIALECT)


def _result(result: ToolResult) -> Message:
    return {"role": "tool", "tool_call_id": result.call_id, "content": result_text(result, _DIALECT)}


def _assistant(turn: Turn) -> list[Message]:
    """What a model said before it called tools is its plan."""
    told = told_by(turn)
    if told is None:
        return []
    if not told.calls:
        return [{"role": "assistant", "content": told.text}]
    plan = {"tool_plan": told.text} if told.text else {}
    calls = [function_call(call, call.arguments) for call in told.calls]
    return [{"role": "assistant", "tool_calls": calls, **plan}]


def _thinking(budget_tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "token_budget": budget_tokens} if budget_tokens else {"type": "disabled"}


def _shape(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "json_object"} if schema is None else {"type": "json_object", "json_schema": schema}


def _tool_choice(choice: ToolChoice | None, tools: tuple[Tool, ...]) -> str | None:
    """It can be made to call just any tool, and not to call a certain one, unless there is only that."""
    if choice is None or choice.mode == "auto" or (choice.mode == "none" and not tools):
        return None
    if choice.mode == "none":
        return "NONE"
    if choice.mode == "tool" and [tool.name for tool in tools] != [choice.name]:
        raise inexpressible("tool_choice", _DIALECT)
    return "REQUIRED"
