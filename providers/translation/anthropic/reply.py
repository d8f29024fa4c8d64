"""A whole message <-> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.anthropic.usage import usage_to_anthropic
from providers.facts import RequestFacts
from providers.json_depth import written_if_shallow
from providers.translation.neutral import (
    A_PICTURE,
    Choice,
    Ending,
    Image,
    Reply,
    Said,
    Text,
    Thinking,
    ToolCall,
    ending_by,
    left_out,
)

ENDINGS: Final[dict[str, Ending]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filtered",
}
STOP_REASONS: Final[dict[Ending, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filtered": "refusal",
}


def own_id(facts: RequestFacts | None) -> str:
    """Of an answer whose vendor gives it none."""
    return f"msg_{(facts and facts.op) or 'translated'}"


def understand(body: dict[str, Any]) -> Reply:
    """What the vendor's own tools did stays untold: their blocks are of this dialect alone."""
    reply_id, content = body.get("id"), body.get("content")
    parts: list[Said] = []
    for block in content if type(content) is list else []:
        match block:
            case {"type": "text", "text": str(text)} if text:
                parts.append(Text(text))
            case {
                "type": "thinking",
                "thinking": str(thought),
            }:  # only the seal, where thoughts are kept back
                signature = block.get("signature")
                parts.append(Thinking(thought, signature if type(signature) is str else None))
            case {"type": "tool_use"}:
                call_id, name = block.get("id"), block.get("name")
                parts.append(ToolCall(str(call_id or ""), str(name or ""), arguments_of(block.get("input"))))
    return Reply(
        choices=(Choice(tuple(parts), ending_by(ENDINGS, body.get("stop_reason"))),),
        reply_id=reply_id if type(reply_id) is str else None,
    )


def arguments_of(said: Any) -> str:
    """JSON text of the input of a tool."""
    return (written_if_shallow({} if said is None else said) or b"{}").decode()


def say(reply: Reply, product_id: str, facts: RequestFacts | None = None) -> dict[str, Any]:
    """The dialect has one choice."""
    choice = reply.choices[0] if reply.choices else Choice((), "stop")
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    return {
        "id": reply.reply_id or own_id(facts),
        "type": "message",
        "role": "assistant",
        "model": product_id,
        "content": [_block(part) for part in choice.parts],
        "stop_reason": stop_reason(choice.ending, calls=calls),
        "stop_sequence": None,
        "usage": usage_said(reply.usage),
    }


def stop_reason(ending: Ending, *, calls: bool) -> str:
    """Some vendors say of an answer with calls that it simply ended; callers here wait for the word."""
    return "tool_use" if calls and ending == "stop" else STOP_REASONS[ending]


def usage_said(usage: Usage | None) -> dict[str, Any]:
    """Its two counts are in every message: of an unknown number they say null."""
    return {"input_tokens": None, "output_tokens": None} if usage is None else usage_to_anthropic(usage)


def _block(part: Said) -> dict[str, Any]:
    if isinstance(part, Image):
        part = left_out(A_PICTURE)  # its answers have none
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
    return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": _input(part.arguments)}


def _input(arguments: str) -> Any:
    """As the vendor wrote it; where that is no JSON object (cut in the middle), as in the dialect itself."""
    try:
        said = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {}
    return orjson.Fragment(arguments) if type(said) is dict else {}
