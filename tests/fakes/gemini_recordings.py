"""The recorded Gemini exchanges that lie beside the project, and a stream put through the dialect.

Three streams were recorded as JSON arrays, asked for without `alt=sse`. The gateway never asks that way; they
are read as the events they would have been.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from providers.dialect import Assembler, Fold
from providers.sse import SseSplitter

WIRE: Final = Path(__file__).parents[3] / "shared" / "wire" / "public"
EVENT_BYTES_MAX: Final = 1 << 22


@cache
def exchanges(*protocols: str) -> tuple[dict[str, Any], ...]:
    paths = sorted(path for protocol in protocols for path in WIRE.glob(f"{protocol}.*.json"))
    return tuple(json.loads(path.read_text("utf-8")) for path in paths)


def content() -> tuple[dict[str, Any], ...]:
    return exchanges("gemini.generate")


def streams() -> list[dict[str, Any]]:
    return [exchange for exchange in content() if exchange["streaming"]]


def answers(*protocols: str) -> list[dict[str, Any]]:
    return [e for e in exchanges(*protocols) if not e["streaming"] and e["response"]["status"] == 200]


def body_of(exchange: dict[str, Any]) -> bytes:
    body = exchange["response"]["body"] or ""
    if exchange["stream_format"] == "json-array":
        return b"".join(event_of(chunk) for chunk in json.loads(body))
    return str(body).encode()


def event_of(chunk: Any) -> bytes:
    """As the vendor frames it."""
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\r\n\r\n"


def reads_of(exchange: dict[str, Any]) -> dict[str, list[bytes]]:
    """The body in the reads it was recorded in, where that is known, and in others."""
    body = body_of(exchange)
    reads = {"whole": [body], "random": list(in_random_reads(body, exchange["id"]))}
    if lengths := exchange["response"].get("chunk_lengths"):
        assert sum(lengths) == len(body), exchange["id"]
        ends = [sum(lengths[: count + 1]) for count in range(len(lengths))]
        reads["recorded"] = [body[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    return reads


def in_random_reads(body: bytes, seed: str) -> Iterator[bytes]:
    chance = random.Random(seed)
    start = 0
    while start < len(body):
        length = chance.choice((1, 2, 3, 7, 50, 300, 5000))
        yield body[start : start + length]
        start += length


def events_in(reads: Iterable[bytes]) -> Iterator[bytes]:
    splitter = SseSplitter(EVENT_BYTES_MAX)
    for read in reads:
        yield from splitter.feed(read)
    if rest := splitter.flush():
        yield rest + b"\n\n"


def put_through(fold: Fold, reads: Iterable[bytes]) -> bytes:
    """What a client gets before the settlement."""
    return b"".join(fold.feed(event) for event in events_in(reads))


def assemble(assembler: Assembler, reads: Iterable[bytes]) -> None:
    for event in events_in(reads):
        assembler.feed(event)


def chunks_of(body: bytes) -> list[dict[str, Any]]:
    """Read with nothing of ours: lines and json."""
    chunks = []
    for line in body.decode().split("\n"):
        if line.startswith("data:"):
            try:
                chunks.append(json.loads(line[5:]))
            except ValueError:
                continue
    return chunks
