"""A stand-in that speaks Gemini's generateContent."""

from __future__ import annotations

import json
from typing import Any

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Said, Wanted


def read(body: dict[str, Any]) -> Wanted:
    config = body.get("generationConfig", {})
    wanted = Wanted(limit=config.get("maxOutputTokens"), n=config.get("candidateCount", 1))
    system = body.get("systemInstruction", {})
    wanted.system = "".join(part["text"] for part in system.get("parts", []))
    for content in body["contents"]:
        for part in content["parts"]:
            if "text" in part and content.get("role", "user") == "user":
                wanted.texts.append(part["text"])
            elif "inlineData" in part:
                wanted.images += 1
            elif "functionCall" in part:
                wanted.called.append(part["functionCall"]["args"]["city"])
            elif "functionResponse" in part:
                wanted.results += [str(value) for value in part["functionResponse"]["response"].values()]
    for tool in body.get("tools", []):
        wanted.tools += [declared["name"] for declared in tool["functionDeclarations"]]
    wanted.schema = config.get("responseJsonSchema") or config.get("responseSchema")
    wanted.thinks = bool(config.get("thinkingConfig"))
    wanted.stops = config.get("stopSequences", [])
    return wanted


def _parts(said: Said) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if said.thought:
        parts.append({"text": said.thought, "thought": True})
    if said.text:
        parts.append({"text": said.text})
    parts += [{"functionCall": {"name": name, "args": given}} for name, given in said.calls]
    return parts


def _usage(said: Said) -> dict[str, Any]:
    thoughts = REASONING_TOKENS if said.thought else 0
    counts = {"promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": OUTPUT_TOKENS - thoughts,
              "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS}  # fmt: skip
    return {**counts, "thoughtsTokenCount": thoughts} if thoughts else counts


def _whole(said: Said, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    return {"candidates": candidates, "usageMetadata": _usage(said), "modelVersion": "vendor-model",
            "responseId": "r1"}  # fmt: skip


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    content = {"role": "model", "parts": _parts(said)}
    return _whole(said, [{"index": i, "content": content, "finishReason": "STOP"} for i in range(wanted.n)])


def events(wanted: Wanted, said: Said) -> list[bytes]:
    chunks = []
    for index in range(wanted.n):
        pieces = [{"text": piece} for piece in said.text] if said.text else []
        thoughts = [part for part in _parts(said) if part.get("thought")]
        calls = [part for part in _parts(said) if "functionCall" in part]
        for part in [*thoughts, *pieces, *calls]:
            content = {"role": "model", "parts": [part]}
            chunks.append(_whole(said, [{"index": index, "content": content}]))
        last = {"index": index, "content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}
        chunks.append(_whole(said, [last]))
    return [b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks]


def refusal() -> dict[str, Any]:
    return {"error": {"code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT"}}
