"""Conversation -> a Cohere chat request of its second version. Pure.

What the vendor itself refuses (a penalty above one, thinking with a model that has none) is the vendor's to
refuse: that differs by model and changes. Here only what its dialect has no words for.
"""

from __future__ import annotations

from typing import Any, Final

from providers.translation.neutral import (
    EFFORT_TOKENS,
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

_DIALECT: Final = "cohere"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool failed is told by its result's text, or by a word where it has none.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict", "tool_result.is_error"})


def ask(said: Conversation) -> dict[str, Any]:
    """Without an output limit, which encoding sets. Raises BadRequest."""
    _refuse_what_has_no_words(said)
    messages: list[dict[str, Any]] = []
    if said.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in said.system)})
    for turn in said.turns:
        messages += _assistant(turn) if turn.role == "assistant" else _user(turn)
    given = {
        "temperature": said.temperature,
        "p": said.top_p,
        "k": said.top_k,
        "seed": said.seed,
        "presence_penalty": said.presence_penalty,
        "frequency_penalty": said.frequency_penalty,
        "stop_sequences": list(said.stop) or None,
        "thinking": None if said.effort is None else _thinking(EFFORT_TOKENS[said.effort]),
        "tools": [_tool(tool) for tool in said.tools] or None,
        "strict_tools": True if any(tool.strict for tool in said.tools) else None,
        "tool_choice": _tool_choice(said.tool_choice, said.tools),
        "response_format": None if said.shape is None else _shape(said.shape.schema),
    }
    return {"messages": messages, **{name: value for name, value in given.items() if value is not None}}


def _refuse_what_has_no_words(said: Conversation) -> None:
    choice = said.tool_choice
    strict = {tool.strict is True for tool in said.tools}
    wordless = {
        "n": said.n != 1,
        "tools (strict)": len(strict) > 1,  # it is said of all tools at once
        "parallel_tool_calls": (
            choice is not None and choice.at_most_one and choice.mode != "none" and bool(said.tools)
        ),
    }
    for param, is_said in wordless.items():
        if is_said:
            raise inexpressible(param, _DIALECT)


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
    """What a model thought is not told again: no other vendor has a use for it. What it said before it called
    tools is its plan."""
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
    if calls:
        plan = {"tool_plan": text} if text else {}
        return [{"role": "assistant", "tool_calls": calls, **plan}]
    if not text and all(isinstance(part, Thinking) for part in turn.parts):
        return []
    return [{"role": "assistant", "content": text}]


def _thinking(budget_tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "token_budget": budget_tokens} if budget_tokens else {"type": "disabled"}


def _shape(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "json_object"} if schema is None else {"type": "json_object", "json_schema": schema}


def _tool(tool: Tool) -> dict[str, Any]:
    """The vendor wants parameters always."""
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None, tools: tuple[Tool, ...]) -> str | None:
    """It can be made to call just any tool, and not to call a certain one, unless there is only that."""
    if choice is None or choice.mode == "auto" or (choice.mode == "none" and not tools):
        return None
    if choice.mode == "none":
        return "NONE"
    if choice.mode == "tool" and [tool.name for tool in tools] != [choice.name]:
        raise inexpressible("tool_choice", _DIALECT)
    return "REQUIRED"
