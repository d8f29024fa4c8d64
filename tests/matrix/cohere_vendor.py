"""A stand-in that speaks Cohere's chat, second version."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, Said, Wanted


def read(body: dict[str, Any]) -> Wanted:
    wanted = Wanted(stream=body.get("stream") is True, limit=body.get("max_tokens"))
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
        for call in message.get("tool_calls", []):
            wanted.called.append(json.loads(call["function"]["arguments"])["city"])
    wanted.tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    wanted.schema = body.get("response_format", {}).get("json_schema")
    wanted.thinks = body.get("thinking", {}).get("type") == "enabled"
    wanted.stops = body.get("stop_sequences", [])
    return wanted


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(given, ensure_ascii=False)},
        }
        for i, (name, given) in enumerate(said.calls)
    ]


def _content(said: Said) -> list[dict[str, Any]]:
    thought = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
    return thought + ([{"type": "text", "text": said.text}] if said.text else [])


def _end(said: Said) -> dict[str, Any]:
    reason = "TOOL_CALL" if said.calls else "STOP_SEQUENCE" if said.by_stop else "COMPLETE"
    counts = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    return {"finish_reason": reason, "usage": {"billed_units": counts, "tokens": counts}}


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _content(said)}
    if said.calls:
        message["tool_calls"] = _calls(said)
    return {"id": "c1", "message": message, **_end(said)}


def events(wanted: Wanted, said: Said) -> list[bytes]:
    out: list[dict[str, Any]] = [
        {"id": "c1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
    ]

    def add(kind: str, index: int, **message: Any) -> None:
        out.append({"type": kind, "index": index, "delta": {"message": message}})

    for index, block in enumerate(_content(said)):
        field = block["type"]
        add("content-start", index, content={"type": field, field: ""})
        for piece in block[field]:
            add("content-delta", index, content={field: piece})
        out.append({"type": "content-end", "index": index})
    for index, call in enumerate(_calls(said)):
        text = call["function"]["arguments"]
        empty = {**call, "function": {**call["function"], "arguments": ""}}
        add("tool-call-start", index, tool_calls=empty)
        for piece in (text[:5], text[5:]):
            add("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        out.append({"type": "tool-call-end", "index": index})
    out.append({"type": "message-end", "delta": _end(said)})
    frames = [b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in out]
    return [*frames, b"data: [DONE]\n\n"]


def refusal() -> dict[str, Any]:
    return {"id": "c1", "message": "no such thing"}
