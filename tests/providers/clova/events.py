"""CLOVA Studio's events, cut out of a stream and read with nothing of ours."""

from __future__ import annotations

import json
from typing import Any

from providers.clova.stream import StreamFold
from providers.sse import SseSplitter
from tests.fakes.vendor_stream import in_random_reads


def events_of(reads: Any) -> list[bytes]:
    splitter = SseSplitter(1 << 20)
    events = [event for read in reads for event in splitter.feed(read)]
    rest = splitter.flush()
    return [*events, rest + b"\n\n"] if rest else events


def through(fold: StreamFold, body: bytes, seed: str = "") -> list[bytes]:
    frames = [fold.feed(event) for event in events_of(in_random_reads(body, seed))]
    return [frame for frame in frames if frame]


def said(frames: bytes) -> list[tuple[str, Any]]:
    """Read with nothing of ours: (name, data) of each event."""
    events = []
    for event in frames.decode().split("\n\n"):
        fields = dict(line.split(":", 1) for line in event.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append((fields.get("event", "").strip(), json.loads(fields["data"])))
    return events
