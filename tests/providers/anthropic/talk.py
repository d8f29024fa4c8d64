"""Conversations of our own making, in Anthropic's events: they run where no recording is."""

from __future__ import annotations

import json
from typing import Any, Final


def event_of(said: dict[str, Any]) -> bytes:
    """As the vendor writes it."""
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"event: {said['type']}\ndata: {text}\n\n".encode()


def stream_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(map(event_of, events))


def start(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {
        "model": "claude-x-20260101",
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1} if usage is None else usage,
    }
    return {"type": "message_start", "message": message}


def begin(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **said}}


def end(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def finish(reason: str, usage: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    said = {"stop_reason": reason, "stop_sequence": None, **more}
    return {
        "type": "message_delta",
        "delta": said,
        "usage": {"output_tokens": 7} if usage is None else usage,
    }


STOP: Final[dict[str, Any]] = {"type": "message_stop"}
PING: Final[dict[str, Any]] = {"type": "ping"}

TALK: Final[list[dict[str, Any]]] = [
    start(),
    PING,
    begin(0, {"type": "thinking", "thinking": "", "signature": ""}),
    delta(0, "thinking_delta", thinking="생각 "),
    delta(0, "thinking_delta", thinking='of "it"'),
    delta(0, "signature_delta", signature="c2ln"),
    end(0),
    begin(1, {"type": "text", "text": ""}),
    delta(1, "text_delta", text="안녕, "),
    delta(1, "text_delta", text="hello\n"),
    end(1),
    finish("end_turn"),
    STOP,
]
TOOL_CALL: Final[list[dict[str, Any]]] = [
    start(),
    begin(0, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}),
    delta(0, "input_json_delta", partial_json=""),
    delta(0, "input_json_delta", partial_json='{"city": "서'),
    delta(0, "input_json_delta", partial_json='울", "days": 2}'),
    end(0),
    finish("tool_use"),
    STOP,
]
