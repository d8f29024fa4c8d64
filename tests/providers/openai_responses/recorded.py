"""The recorded responses that lie beside the project, and ways of putting them through the dialect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from providers.openai_responses.assemble import Assembler
from providers.openai_responses.stream import ResponseFold
from providers.sse import SseSplitter

WIRE: Final = Path(__file__).parents[4] / "shared" / "wire" / "public"
# Reading what is kept is tested in test_responses_stored.py; counting is not offered.
PROTOCOLS: Final = ("openai.responses", "openai.responses.compact")


@cache
def exchanges() -> tuple[dict[str, Any], ...]:
    found = (json.loads(path.read_text("utf-8")) for path in sorted(WIRE.glob("openai.responses.*.json")))
    return tuple(exchange for exchange in found if exchange["protocol"] in PROTOCOLS)


def streams() -> list[dict[str, Any]]:
    return [exchange for exchange in exchanges() if exchange["streaming"]]


def answers() -> list[dict[str, Any]]:
    return [e for e in exchanges() if not e["streaming"] and 200 <= e["response"]["status"] < 300]


def body_of(exchange: dict[str, Any]) -> bytes:
    return (exchange["response"]["body"] or "").encode()


def reads_of(exchange: dict[str, Any]) -> dict[str, list[bytes]]:
    """The body in the reads it was recorded in, where that is known, and in others."""
    body = body_of(exchange)
    reads = {"whole": [body], "random": list(_in_random_reads(body, exchange["id"]))}
    if lengths := exchange["response"].get("chunk_lengths"):
        ends = [sum(lengths[: index + 1]) for index in range(len(lengths))]
        reads["recorded"] = [body[end - length : end] for end, length in zip(ends, lengths, strict=True)]
        assert b"".join(reads["recorded"]) == body, "the lengths are of another body"
    return reads


def _in_random_reads(body: bytes, seed: str) -> Iterator[bytes]:
    chance = random.Random(seed)
    start = 0
    while start < len(body):
        length = chance.choice((1, 2, 3, 7, 50, 300, 5000))
        yield body[start : start + length]
        start += length


def events_of(reads: Iterable[bytes]) -> list[bytes]:
    splitter = SseSplitter(1 << 22)
    events = [event for read in reads for event in splitter.feed(read)]
    return [*events, splitter.flush() + b"\n\n"]


def put_through(fold: ResponseFold, reads: Iterable[bytes]) -> list[bytes]:
    """The frames a client would get, each by itself, without the terminal one."""
    out = b"".join([fold.feed(event) for event in events_of(reads)])
    assert out.endswith(b"\n\n") or not out
    return [frame + b"\n\n" for frame in out.split(b"\n\n")[:-1]]


def assemble(product_id: str, reads: Iterable[bytes]) -> Assembler:
    assembler = Assembler(product_id)
    for event in events_of(reads):
        assembler.feed(event)
    return assembler


def responses_in(exchange: dict[str, Any]) -> int:
    """How many responses one stream holds: a recording of an agent has four."""
    return sum(event["type"] == "response.created" for event in parsed(body_of(exchange)))


def parsed(body: bytes) -> list[dict[str, Any]]:
    """Read with nothing of ours: lines and json."""
    events = []
    for line in body.splitlines():  # of bytes: a text would be cut at signs that are no line ends here
        if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
            try:
                events.append(json.loads(line[5:]))
            except ValueError:
                continue
    return events
