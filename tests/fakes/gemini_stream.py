"""Chunks of a Gemini stream as a vendor makes them, put through a fold and read as a client reads them."""

from __future__ import annotations

import json
from typing import Any

from providers.gemini.stream import StreamFold
from tests.fakes.gemini_recordings import event_of


def chunk(*texts: str | None, finish: Any = None, index: int | None = None, **usage: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text} for text in texts]}}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    made: dict[str, Any] = {"candidates": [candidate], "modelVersion": "v-1", "responseId": "r1"}
    if usage:
        made["usageMetadata"] = {f"{name}TokenCount": count for name, count in usage.items()}
    return made


def fed(fold: StreamFold, *chunks: dict[str, Any]) -> bytes:
    return b"".join(fold.feed(event_of(one)) for one in chunks)


def parsed(frames: bytes) -> list[dict[str, Any]]:
    """As events or as an array."""
    if frames.startswith(b"["):
        listed: list[dict[str, Any]] = json.loads(frames)
        return listed
    assert all(frame.startswith(b"data: ") for frame in frames.split(b"\n\n")[:-1])
    return [json.loads(frame[6:]) for frame in frames.split(b"\n\n") if frame]


def named(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "modelVersion": "p"} for one in chunks]


def said(*chunks: dict[str, Any]) -> tuple[str, str, list[Any]]:
    """(what was thought, what was said, all other parts in their order)"""
    thought = spoken = ""
    others = []
    for chunk in chunks:
        for candidate in chunk.get("candidates") or []:
            for part in candidate.get("content", {}).get("parts") or []:
                if part.keys() - {"text", "thought"}:
                    others.append(part)
                elif part.get("thought"):
                    thought += part["text"]
                else:
                    spoken += part["text"]
    return thought, spoken, others


def finish_of(chunks: list[dict[str, Any]]) -> Any:
    reasons = [c["finishReason"] for chunk in chunks for c in chunk["candidates"] if "finishReason" in c]
    return reasons[-1] if reasons else None
