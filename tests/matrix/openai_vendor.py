"""A stand-in that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Said, Wanted


def read(body: dict[str, Any]) -> Wanted:
    wanted = Wanted(stream=body.get("stream") is True, n=body.get("n", 1))
    for message in body["messages"]:
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        texts = [part["text"] for part in parts if part["type"] == "text"]
        wanted.images += sum(part["type"] == "image_url" for part in parts)
        match message["role"]:
            case "system" | "developer":
                wanted.system += "".join(texts)
            case "user":
                wanted.texts += texts
            case "tool":
                wanted.results += texts
        for call in message.get("tool_calls", []):
            wanted.called.append(json.loads(call["function"]["arguments"])["city"])
    wanted.tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    if body.get("response_format"):
        wanted.schema = body["response_format"]["json_schema"]["schema"]
    wanted.thinks = body.get("reasoning_effort") == "low"
    stop = body.get("stop") or []
    wanted.stops = [stop] if isinstance(stop, str) else stop
    wanted.limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return wanted


def usage(said: Said) -> dict[str, Any]:
    reasoning = REASONING_TOKENS if said.thought else 0
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def _message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.thought:
        message["reasoning_content"] = said.thought
    if said.calls:
        message["tool_calls"] = [
            {"id": f"call_{i}", "type": "function",
             "function": {"name": name, "arguments": json.dumps(given, ensure_ascii=False)}}
            for i, (name, given) in enumerate(said.calls)
        ]  # fmt: skip
    return message


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    end = "tool_calls" if said.calls else "stop"
    choices = [{"index": i, "message": _message(said), "finish_reason": end} for i in range(wanted.n)]
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "vendor-model",
            "choices": choices, "usage": usage(said)}  # fmt: skip


def events(wanted: Wanted, said: Said) -> list[bytes]:
    chunks: list[dict[str, Any]] = []

    def add(index: int, delta: dict[str, Any], end: str | None = None) -> None:
        choice = {"index": index, "delta": delta, "finish_reason": end}
        chunks.append({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                       "model": "vendor-model", "choices": [choice]})  # fmt: skip

    for index in range(wanted.n):
        add(index, {"role": "assistant", "content": ""})
        if said.thought:
            add(index, {"reasoning_content": said.thought})
        for piece in said.text:
            add(index, {"content": piece})
        for number, call in enumerate(_message(said).get("tool_calls", [])):
            arguments = call["function"]["arguments"]
            call["function"]["arguments"] = ""
            add(index, {"tool_calls": [{"index": number, **call}]})
            for piece in (arguments[:5], arguments[5:]):
                add(index, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
        add(index, {}, "tool_calls" if said.calls else "stop")
    chunks.append({**chunks[-1], "choices": [], "usage": usage(said)})
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]


def refusal() -> dict[str, Any]:
    return {
        "error": {"message": "no such thing", "type": "invalid_request_error", "param": None, "code": None}
    }
