"""A vendor's stream put through the dialect as the relay does it, without a socket."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from providers.dialect import Assembler, Fold
from providers.sse import SseSplitter

EVENT_BYTES_MAX = 1 << 22
A = TypeVar("A", bound=Assembler)


def in_lengths(body: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for length in lengths:
        yield body[start : start + length]
        start += length
    assert start == len(body), "the lengths are of another body"


def in_random_reads(body: bytes, seed: str) -> Iterator[bytes]:
    chance = random.Random(seed)
    start = 0
    while start < len(body):
        length = chance.choice((1, 2, 3, 7, 50, 300, 5000))
        yield body[start : start + length]
        start += length


def put_through(fold: Fold, reads: Iterable[bytes]) -> list[bytes]:
    """The frames a client would get, each by itself."""
    splitter = SseSplitter(EVENT_BYTES_MAX)
    frames = [fold.feed(event) for read in reads for event in splitter.feed(read)]
    if rest := splitter.flush():
        frames.append(fold.feed(rest + b"\n\n"))
    return [frame for frame in frames if frame]


def assemble(assembler: A, reads: Iterable[bytes]) -> A:
    splitter = SseSplitter(EVENT_BYTES_MAX)
    for read in reads:
        for event in splitter.feed(read):
            assembler.feed(event)
    assembler.feed(splitter.flush() + b"\n\n")
    return assembler


def chunks_of(body: bytes) -> list[dict[str, Any]]:
    """Read with nothing of ours: lines and json."""
    chunks = []
    for line in body.decode().splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            try:
                chunks.append(json.loads(line[5:]))
            except ValueError:
                continue
    return chunks
