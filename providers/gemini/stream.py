"""One Gemini stream on its way through: the vendor's events -> the client's frames, and the cost. Pure.

The vendor is always asked for server-sent events; the client may want one JSON array. Every chunk carries
the model and the usage so far, so every chunk is parsed: they are few and large.

There is no terminal event. What a client takes for the end is the chunk with the finish reason, so that one
and whatever follows are withheld until the call is settled. With several candidates it is the chunk in which
the last open one ends.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.gemini.errors import error_of, refusal_body
from providers.gemini.framing import Framing
from providers.gemini.product import with_product
from providers.gemini.progress import StreamState, candidates_of, is_finish
from providers.gemini.usage import usage_to_gemini
from providers.json_depth import written_if_shallow
from providers.sse import event_data

# A vendor that goes on for longer after it has ended is not kept for: its chunks pass, but for the latest.
WITHHELD_BYTES_MAX: Final = 4 << 20


class StreamFold(StreamState):
    """Vendor events in, client frames out. One per stream; not for two streams at once."""

    __slots__ = ("_framing", "_withheld", "_withheld_bytes")

    def __init__(self, product_id: str, as_array: bool = False) -> None:
        super().__init__(product_id)
        self._framing = Framing(as_array)
        self._withheld: list[bytes] = []
        self._withheld_bytes = 0

    def feed(self, event: bytes) -> bytes:
        """One whole event -> the bytes for the client; b"" where it gets none."""
        data = data_of(event)
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            return b""  # a comment, or cut in the middle: no SDK could read it either
        if type(chunk) is not dict:
            self.error = error_of(chunk) or self.error
            return b""
        before = self.error
        self.observe(chunk)
        if self.error is not before:
            return b""
        out = with_product(data.replace(b"\r", b" ").replace(b"\n", b" "), chunk, self.product_id)
        if out is None:
            return b""
        if self.has_ended or self._withheld:
            return self._withhold(out)
        return self._framing.write(out)

    def owed_frames(self) -> bytes:
        """Nothing: usage comes with every chunk."""
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        """What was withheld and a chunk for each candidate still open: all of them end by length."""
        counted = self.raw_usage if usage is None else usage_to_gemini(usage)
        chunks = [self._ended_by_length(data, counted) for data in self._withheld]
        still_open = set() if self.has_ended else (self.seen or {0}) - self.ended
        for index in sorted(still_open):
            content = {"role": "model", "parts": [{"text": ""}]}
            candidate = {"content": content, "finishReason": "MAX_TOKENS", "index": index}
            chunks.append(self._own_chunk([candidate], counted))
        self._withheld = []
        return b"".join(self._framing.write(chunk) for chunk in chunks)

    def terminal(self) -> bytes:
        """What was withheld, and what closes the array."""
        withheld, self._withheld = self._withheld, []
        return b"".join(self._framing.write(data) for data in withheld) + self._framing.close()

    def comment(self, text: bytes) -> bytes:
        """None can stand here: neither Google's SDK nor an array takes one."""
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        """The error as a chunk of its own: the official SDK raises on it."""
        self._withheld = []
        return self._framing.write(refusal_body(refusal)) + self._framing.close()

    def _withhold(self, data: bytes) -> bytes:
        self._withheld.append(data)
        self._withheld_bytes += len(data)
        if self._withheld_bytes <= WITHHELD_BYTES_MAX:
            return b""
        *passing, latest = self._withheld
        self._withheld, self._withheld_bytes = [latest], len(latest)
        return b"".join(self._framing.write(data) for data in passing)

    def _ended_by_length(self, data: bytes, counted: dict[str, Any] | None) -> bytes:
        """A withheld chunk, where the money ended with it: its text is paid, its ending is not."""
        chunk = orjson.loads(data)
        for _, candidate in candidates_of(chunk):
            if is_finish(candidate.get("finishReason")):
                candidate["finishReason"] = "MAX_TOKENS"
                candidate.pop("finishMessage", None)
        if counted is not None:
            chunk["usageMetadata"] = counted
        return written_if_shallow(chunk) or data

    def _own_chunk(self, candidates: list[dict[str, Any]], counted: dict[str, Any] | None) -> bytes:
        chunk: dict[str, Any] = {"candidates": candidates}
        if counted is not None:
            chunk["usageMetadata"] = counted
        chunk["modelVersion"] = self.product_id
        if self.upstream_id is not None:
            chunk["responseId"] = self.upstream_id
        return orjson.dumps(chunk)


def data_of(event: bytes) -> bytes:
    """An event's data. An error in mid-stream may come bare: as JSON without a word of SSE around it."""
    data = event_data(event)
    if data is None and event.lstrip()[:1] in (b"{", b"["):
        return event.strip()
    return data or b""
