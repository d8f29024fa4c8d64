"""A stand-in that speaks Anthropic's messages."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, Said, Wanted


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def read(body: dict[str, Any]) -> Wanted:
    wanted = Wanted(stream=body.get("stream") is True, limit=body["max_tokens"])
    wanted.system = "".join(block["text"] for block in _blocks(body.get("system")))
    for message in body["messages"]:
        for block in _blocks(message["content"]):
            match block["type"]:
                case "text" if message["role"] == "user":
                    wanted.texts.append(block["text"])
                case "image":
                    assert block["source"]["media_type"] == "image/png"
                    wanted.images += 1
                case "tool_use":
                    wanted.called.append(block["input"]["city"])
                case "tool_result":
                    wanted.results += [inner["text"] for inner in _blocks(block["content"])]
    wanted.tools = [tool["name"] for tool in body.get("tools", [])]
    shape = body.get("output_config", {}).get("format")
    wanted.schema = shape["schema"] if shape else None
    thinking = body.get("thinking", {}).get("type")
    wanted.thinks = thinking in ("enabled", "adaptive")
    wanted.stops = body.get("stop_sequences", [])
    return wanted


def _content(said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thought:
        blocks.append({"type": "thinking", "thinking": said.thought, "signature": "seal"})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    for i, (name, given) in enumerate(said.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_{i}", "name": name, "input": given})
    return blocks


def _end(said: Said) -> dict[str, Any]:
    reason = "tool_use" if said.calls else "stop_sequence" if said.by_stop else "end_turn"
    return {"stop_reason": reason, "stop_sequence": said.by_stop or None}


def usage() -> dict[str, Any]:
    return {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "vendor-model",
            "content": _content(said), **_end(said), "usage": usage()}  # fmt: skip


def events(wanted: Wanted, said: Said) -> list[bytes]:
    begun = {**answer(wanted, said), "content": [], "stop_reason": None, "stop_sequence": None,
             "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": 1}}  # fmt: skip
    out: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(_content(said)):
        deltas: list[dict[str, Any]]
        match block["type"]:
            case "text":
                deltas = [{"type": "text_delta", "text": piece} for piece in block["text"]]
                empty = {**block, "text": ""}
            case "thinking":
                deltas = [
                    {"type": "thinking_delta", "thinking": block["thinking"]},
                    {"type": "signature_delta", "signature": block["signature"]},
                ]
                empty = {**block, "thinking": "", "signature": ""}
            case _:
                text = json.dumps(block["input"], ensure_ascii=False)
                deltas = [
                    {"type": "input_json_delta", "partial_json": piece} for piece in (text[:5], text[5:])
                ]
                empty = {**block, "input": {}}
        out.append({"type": "content_block_start", "index": index, "content_block": empty})
        out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": index})
    out.append({"type": "message_delta", "delta": _end(said), "usage": {"output_tokens": OUTPUT_TOKENS}})
    out.append({"type": "message_stop"})
    return [b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in out]


def refusal() -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
