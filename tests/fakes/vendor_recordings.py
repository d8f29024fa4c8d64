"""The recorded exchanges that lie beside the project, where they do, and ways of reading them."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fakes.vendor_stream import in_lengths, in_random_reads

WIRE: Final = Path(__file__).parents[3] / "shared" / "wire" / "public"
OPENAI: Final = ("openai.chat", "openai.embeddings")


@cache
def exchanges(*protocols: str) -> tuple[dict[str, Any], ...]:
    """Of these protocols; without one, the OpenAI dialect's."""
    paths = sorted(path for protocol in protocols or OPENAI for path in WIRE.glob(f"{protocol}.*.json"))
    return tuple(json.loads(path.read_text("utf-8")) for path in paths)


def streams(*protocols: str) -> list[dict[str, Any]]:
    return [exchange for exchange in exchanges(*protocols) if exchange["streaming"]]


def answers(*protocols: str) -> list[dict[str, Any]]:
    return [e for e in exchanges(*protocols) if not e["streaming"] and 200 <= e["response"]["status"] < 300]


def body_of(exchange: dict[str, Any]) -> bytes:
    response = exchange["response"]
    if response["body"] is None and response.get("body_base64"):
        return base64.b64decode(response["body_base64"])
    return (response["body"] or "").encode()


def reads_of(exchange: dict[str, Any]) -> dict[str, list[bytes]]:
    """The body in the reads it was recorded in, where that is known, and in others."""
    body = body_of(exchange)
    reads = {"whole": [body], "random": list(in_random_reads(body, exchange["id"]))}
    if exchange["response"].get("chunk_lengths"):
        reads["recorded"] = list(in_lengths(body, exchange["response"]["chunk_lengths"]))
    return reads
