"""A stand-in that speaks CLOVA Studio's chat completions, v3."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Said, Wanted


def read(body: dict[str, Any]) -> Wanted:
    wanted = Wanted(limit=body.get("maxCompletionTokens") or body.get("maxTokens"))
    for message in body["messages"]:
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        texts = [part["text"] for part in parts if part["type"] == "text"]
        wanted.images += sum(part["type"] == "image_url" for part in parts)
        match message["role"]:
            case "system":
                wanted.system += "".join(texts)
            case "user":
                wanted.texts += texts
            case "tool":
                wanted.results += texts
        for call in message.get("toolCalls", []):
            wanted.called.append(call["function"]["arguments"]["city"])
    wanted.tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    shape = body.get("responseFormat")
    wanted.schema = shape["schema"] if shape else None
    wanted.thinks = body.get("thinking", {}).get("effort") == "low"
    wanted.stops = body.get("stop", [])
    return wanted


def _message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.thought:
        message["thinkingContent"] = said.thought
    if said.calls:
        message["toolCalls"] = [
            {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": given}}
            for i, (name, given) in enumerate(said.calls)
        ]
    return message


def _usage(said: Said) -> dict[str, Any]:
    details = {"completionTokensDetails": {"thinkingTokens": REASONING_TOKENS}} if said.thought else {}
    return {"promptTokens": INPUT_TOKENS, "completionTokens": OUTPUT_TOKENS,
            "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS, **details}  # fmt: skip


def _result(said: Said) -> dict[str, Any]:
    end = "tool_calls" if said.calls else "stop"
    return {"message": _message(said), "finishReason": end, "created": 1, "seed": 1, "usage": _usage(said)}


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    return {"status": {"code": "20000", "message": "OK"}, "result": _result(said)}


def events(wanted: Wanted, said: Said) -> list[bytes]:
    def event(name: str, data: dict[str, Any]) -> bytes:
        return f"id:1\nevent:{name}\ndata:{json.dumps(data, ensure_ascii=False)}\n\n".encode()

    def token(**message: Any) -> bytes:
        said_now = {"role": "assistant", "content": "", **message}
        return event("token", {"message": said_now, "finishReason": None, "created": 1, "usage": None})

    out = [token(thinkingContent=said.thought)] if said.thought else []
    out += [token(content=piece) for piece in said.text]
    for index, call in enumerate(_message(said).get("toolCalls", [])):
        text = json.dumps(call["function"]["arguments"], ensure_ascii=False)
        first = {**call, "index": index, "function": {"name": call["function"]["name"], "partialJson": ""}}
        out.append(token(toolCalls=[first]))
        for piece in (text[:5], text[5:]):
            out.append(token(toolCalls=[{**first, "function": {**first["function"], "partialJson": piece}}]))
    out.append(event("result", _result(said)))
    return out


def refusal() -> dict[str, Any]:
    return {"status": {"code": "40000", "message": "no such thing"}, "result": None}
