"""The simulated vendor's answers as JSON: whole, as chunks, as errors. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any, Final

from launch.demo_vendor.counting import Billed
from launch.demo_vendor.speech import Choice

FINGERPRINT: Final = "simulation"
CREATED_S: Final = 1_767_225_600  # a fixed date: two runs with one seed answer alike
DIMENSIONS: Final = 64
DIMENSIONS_MAX: Final = 4096


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def frame(value: Any) -> bytes:
    return b"data: " + encode(value) + b"\n\n"


def error(status: int, message: str, code: str) -> dict[str, Any]:
    kind = (
        "rate_limit_error" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
    )
    return {"error": {"message": f"Simulation: {message}", "type": kind, "param": None, "code": code}}


def completion(head: dict[str, Any], choices: list[Choice], usage: Billed | None) -> dict[str, Any]:
    out: dict[str, Any] = {
        **head,
        "object": "chat.completion",
        "choices": [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(choices)
        ],
    }
    if usage is not None:
        out["usage"] = usage.as_usage()
    return out


def _message(choice: Choice) -> dict[str, Any]:
    if choice.tool_name is None:
        return {"role": "assistant", "content": choice.text, "refusal": None}
    function = {"name": choice.tool_name, "arguments": choice.text}
    return {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"id": choice.tool_id, "type": "function", "function": function}],
    }


def chunk(head: dict[str, Any], index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return frame({**head, "object": "chat.completion.chunk", "choices": [choice]})


def usage_chunk(head: dict[str, Any], usage: Billed) -> bytes:
    return frame({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage.as_usage()})


def events(head: dict[str, Any], choices: list[Choice]) -> Iterator[tuple[bytes, int]]:
    """(event, tokens it brings), without usage and `[DONE]`; choices take turns, as with real vendors."""
    for index, choice in enumerate(choices):
        role: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
        if choice.tool_name is not None:
            call = {
                "index": 0,
                "id": choice.tool_id,
                "type": "function",
                "function": {"name": choice.tool_name, "arguments": ""},
            }
            role = {"role": "assistant", "content": None, "tool_calls": [call]}
        yield chunk(head, index, role), choice.name_tokens + choice.reasoning_tokens
    for position in range(max(len(choice.pieces) for choice in choices)):
        for index, choice in enumerate(choices):
            if position < len(choice.pieces):
                piece, tokens = choice.pieces[position]
                delta: dict[str, Any] = {"content": piece}
                if choice.tool_name is not None:
                    delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                yield chunk(head, index, delta), tokens
    for index, choice in enumerate(choices):
        yield chunk(head, index, {}, choice.finish_reason), 0


def embeddings(
    model: str, texts: list[str | list[int]], usage: Billed, *, dimensions: int, as_base64: bool
) -> dict[str, Any]:
    data = []
    for index, text in enumerate(texts):
        vector = _vector(repr(text), dimensions)
        given: Any = vector
        if as_base64:
            given = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": given})
    counts = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens}
    return {"object": "list", "data": data, "model": model, "usage": counts}


def _vector(text: str, dimensions: int) -> list[float]:
    """Of unit length, the same for the same text; it means nothing."""
    raw = hashlib.shake_128(text.encode()).digest(dimensions)
    numbers = [byte - 127.5 for byte in raw]
    length = sum(number * number for number in numbers) ** 0.5
    return [round(number / length, 6) for number in numbers]
