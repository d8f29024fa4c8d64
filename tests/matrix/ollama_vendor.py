"""A stand-in that speaks Ollama's own chat: one JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, Said, Wanted


def read(body: dict[str, Any]) -> Wanted:
    options = body.get("options", {})
    wanted = Wanted(stream=body["stream"], limit=options.get("num_predict"))
    for message in body["messages"]:
        wanted.images += len(message.get("images", []))
        match message["role"]:
            case "system":
                wanted.system += message["content"]
            case "user":
                wanted.texts.append(message["content"])
            case "tool":
                wanted.results.append(message["content"])
        for call in message.get("tool_calls", []):
            wanted.called.append(call["function"]["arguments"]["city"])
    wanted.tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    wanted.schema = body.get("format")
    wanted.thinks = body.get("think") == "low"
    wanted.stops = options.get("stop", [])
    return wanted


def _line(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "", **message}
    return {
        "model": "vendor-model",
        "created_at": "2026-01-01T00:00:00Z",
        "message": said,
        "done": False,
        **more,
    }


def _end() -> dict[str, Any]:
    counts = {"prompt_eval_count": INPUT_TOKENS, "eval_count": OUTPUT_TOKENS}
    return {"done": True, "done_reason": "stop", **counts}


def _calls(said: Said) -> list[dict[str, Any]]:
    return [{"function": {"name": name, "arguments": given}} for name, given in said.calls]


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"content": said.text}
    if said.thought:
        message["thinking"] = said.thought
    if said.calls:
        message["tool_calls"] = _calls(said)
    return _line(message, **_end())


def events(wanted: Wanted, said: Said) -> list[bytes]:
    lines = [_line({"thinking": said.thought})] if said.thought else []
    lines += [_line({"content": piece}) for piece in said.text]
    lines += [_line({"tool_calls": [call]}) for call in _calls(said)]
    lines.append(_line({}, **_end()))
    return [json.dumps(line).encode() + b"\n" for line in lines]


def refusal() -> dict[str, Any]:
    return {"error": "no such thing"}
