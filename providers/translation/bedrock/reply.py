"""A whole Converse answer -> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.json_depth import written_if_shallow
from providers.translation.neutral import (
    A_PICTURE,
    A_SOUND,
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
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "filtered",
    "guardrail_intervened": "filtered",
}


def understand(body: dict[str, Any]) -> Reply:
    """Its id stands in the head. What the vendor's own tools did stays untold."""
    output = body.get("output")
    message = output.get("message") if type(output) is dict else None
    content = message.get("content") if type(message) is dict else None
    parts: list[Said] = []
    for block in content if type(content) is list else []:
        if type(block) is dict:
            parts += _parts(block)
    return Reply(choices=(Choice(tuple(parts), ending_by(ENDINGS, body.get("stopReason"))),))


def is_callers(call: dict[str, Any]) -> bool:
    """Tools of the vendor's own are called by the vendor."""
    return call.get("type") != "server_tool_use"


def arguments_of(said: Any) -> str:
    """JSON text of the input of a tool."""
    if type(said) is str:
        return said or "{}"
    return (written_if_shallow({} if said is None else said) or b"{}").decode()


def picture(form: Any, data: Any) -> Image | Text:
    """`data` in base64; of one in its own storage there is none."""
    known = type(form) is str and form.isascii() and form.isalnum()
    return Image(f"image/{form}", data) if known and type(data) is str and data else left_out(A_PICTURE)


def _parts(block: dict[str, Any]) -> list[Said]:
    match block:
        case {"text": str(text)} if text:
            return [Text(text)]
        case {"reasoningContent": {"reasoningText": {"text": str(thought)} as said}}:
            signature = said.get("signature")
            return [Thinking(thought, signature if type(signature) is str else None)]
        case {"toolUse": {"toolUseId": str(call_id), "name": str(name)} as call} if is_callers(call):
            return [ToolCall(call_id, name, arguments_of(call.get("input")))]
        case {"image": dict(image)}:
            source = image.get("source")
            return [picture(image.get("format"), source.get("bytes") if type(source) is dict else None)]
        case {"video": dict()} | {"audio": dict()}:
            return [left_out(A_SOUND)]
        case {"citationsContent": {"content": list(cited)}}:  # what it says, without where it found it
            return [
                Text(inner["text"])
                for inner in cited
                if type(inner) is dict and type(inner.get("text")) is str and inner["text"]
            ]
    return []
