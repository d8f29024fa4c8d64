"""Turns of a conversation on their way into a vendor's messages: what several dialects have alike. Pure.

There are two manners. Where a message is a list of blocks (Anthropic, Bedrock, Gemini) roles alternate, and
calls and results are blocks among others: `alternating`, `Blocks`. Where it is a text with things beside it
(OpenAI, Cohere, CLOVA Studio, Ollama) each result is a message of its own, and calls stand beside what the
assistant says: `system_message`, `user_messages`, `told_by`.

What a model thought is told again in neither: no other vendor has a use for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from providers.translation.neutral import (
    Conversation,
    Image,
    Part,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
    only_said,
)

Block = dict[str, Any]
Message = dict[str, Any]


def arguments_object(call: ToolCall, dialect: str) -> dict[str, Any]:
    """For a dialect in which arguments are an object, not a text. A text cut in the middle has none."""
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if type(arguments) is not dict:
        raise inexpressible("messages (arguments of a tool call that are no JSON object)", dialect)
    return arguments


def refuse_to_go_on(last_role: str, dialect: str) -> None:
    """For a vendor that would go on where the assistant stopped: elsewhere the answer is a new one."""
    if last_role == "assistant":
        raise inexpressible("messages (the last one is the assistant's)", dialect)


# -- a message as a list of blocks


def says_something(part: Part) -> bool:
    """Vendors take no empty text, and no thoughts but their own under their seal."""
    if isinstance(part, Text):
        return bool(part.text)
    return not isinstance(part, Thinking)


def alternating(
    turns: Iterable[Turn], dialect: str, *, is_told: Callable[[Part], bool] = says_something
) -> list[tuple[Role, list[Part]]]:
    """What neighbouring turns of one role say is one message; the last one is the user's."""
    merged: list[tuple[Role, list[Part]]] = []
    for turn in turns:
        parts = [part for part in turn.parts if is_told(part)]
        if parts and merged and merged[-1][0] == turn.role:
            merged[-1][1].extend(parts)
        elif parts:
            merged.append((turn.role, parts))
    if not merged:
        raise inexpressible("messages (none but the system's)", dialect)
    refuse_to_go_on(merged[-1][0], dialect)
    return merged


@dataclass(frozen=True)
class Blocks:
    """How a dialect writes each kind of part."""

    dialect: str
    text: Callable[[Text], Block]
    image: Callable[[Image], Block]
    call: Callable[[ToolCall], Block]
    result: Callable[[ToolResult], Block]

    def of(self, role: Role, parts: list[Part]) -> list[Block]:
        return self.user(parts) if role == "user" else self.assistant(parts)

    def user(self, parts: list[Part]) -> list[Block]:
        """The results of tools come before what else the user says."""
        results = [self.result(part) for part in parts if isinstance(part, ToolResult)]
        return results + self.shown(part for part in parts if not isinstance(part, ToolResult))

    def assistant(self, parts: list[Part]) -> list[Block]:
        blocks = []
        for part in parts:
            if isinstance(part, Text):
                blocks.append(self.text(part))
            elif isinstance(part, ToolCall):
                blocks.append(self.call(part))
            else:
                raise inexpressible("messages (a picture or a result of the assistant's)", self.dialect)
        return blocks

    def shown(self, parts: Iterable[Part]) -> list[Block]:
        """By the user, or in the result of a tool."""
        blocks = []
        for part in parts:
            if isinstance(part, Text):
                blocks.append(self.text(part))
            elif isinstance(part, Image):
                blocks.append(self.image(part))
            else:
                raise inexpressible("messages (a tool call of the user's)", self.dialect)
        return blocks


# -- a message as a text with things beside it


def system_message(said: Conversation) -> list[Message]:
    if not said.system:
        return []
    return [{"role": "system", "content": "\n\n".join(text.text for text in said.system)}]


def user_messages(
    turn: Turn, *, result: Callable[[ToolResult], Message], image: Callable[[Image], Block]
) -> list[Message]:
    """Each tool result is a message of its own, and comes before what else the user says."""
    messages: list[Message] = []
    content: list[Block] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            messages.append(result(part))
        elif isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            content.append(image(part))
    if len(content) == 1 and content[0]["type"] == "text":
        messages.append({"role": "user", "content": content[0]["text"]})
    elif content:
        messages.append({"role": "user", "content": content})
    return messages


def image_url(image: Image) -> Block:
    url = image.url if image.data is None else data_url(image)
    return {"type": "image_url", "image_url": {"url": url}}


def data_url(image: Image) -> str:
    return f"data:{image.media_type};base64,{image.data}"


def result_text(result: ToolResult, dialect: str) -> str:
    """For a dialect that has text alone for it, and no mark for a tool that failed: at least that is said."""
    texts = []
    for part in result.content:
        if isinstance(part, Image):
            raise inexpressible("messages (a picture in a tool result)", dialect)
        texts.append(part.text)
    return "\n".join(texts) or ("error" if result.is_error else "")


class Told(NamedTuple):
    text: str
    calls: list[ToolCall]


def told_by(turn: Turn) -> Told | None:
    """What the assistant says in a turn. None: nothing, it only thought."""
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    if not text and not calls and all(isinstance(part, Thinking) for part in turn.parts):
        return None
    return Told(text, calls)


def function_call(call: ToolCall, arguments: Any) -> dict[str, Any]:
    """`arguments` as the dialect has them: the text, or an object."""
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def function_tool(tool: Tool, **more: Any) -> Block:
    """`more` of the function, as the dialect has it."""
    function = only_said({"name": tool.name, "description": tool.description, **more})
    return {"type": "function", "function": function}
