"""One streamed OpenAI response on its way through: what the vendor sends -> what the client gets. Pure.

An event leaves as it came, but for the product's name where it carries the response; the one that ends the
stream is withheld until the call is settled (`terminal`), and an error is said in the contract's words
(`failure`). Most events are a piece of a text: of those a few typed fields are decoded, which costs less than
to search them for what they must not hold, and their bytes are passed on.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.openai_responses.errors import error_event
from providers.openai_responses.naming import with_product
from providers.openai_responses.progress import StreamState, delta_of
from providers.sse import COMMENT_FRAME, comment_frame, event_data, frame

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class ResponseFold(StreamState):
    """Vendor events in, client frames out. One per stream."""

    __slots__ = ("_terminal",)

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self._terminal = b""

    def feed(self, event: bytes) -> bytes:
        """One whole event -> the bytes for the client; b"" where it gets none."""
        if self.done:
            return self._feed_after_end(event)
        start = event.find(b"\ndata: ")
        is_plain = (
            start > 0
            and event.startswith(b"event: ")
            and event.endswith(b"\n\n")
            and event.count(b"\n") == 3
            and b"\r" not in event
        )
        if is_plain:
            data = event[start + 7 : -2]
            if (delta := delta_of(data)) is not None:
                self.take_delta(delta)
                return event
            return self._feed_parsed(data, event)
        found = event_data(event)
        if found is None:
            return COMMENT_FRAME if event.startswith(b":") else b""
        data = found.replace(b"\n", b" ")  # a line end inside JSON is white space
        if (delta := delta_of(data)) is not None:
            self.take_delta(delta)
            return named_frame(delta.type, data)
        return self._feed_parsed(data, None)

    def owed_frames(self) -> bytes:
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        """What is open is said to be over; the `response.incomplete` itself is given by `terminal`."""
        if self.done:
            return b""  # the vendor's own end has come
        frames = []
        if self.sequence_number < 0:
            created = self.own_response(None, is_cut=False) | {"status": "in_progress", "output": []}
            frames.append(self._own_frame("response.created", {"response": created}))
        frames += [self._own_frame(kind, fields) for kind, fields in self.output.closing_events()]
        ended = self.own_response(usage, is_cut=True)
        self._terminal = self._own_frame("response.incomplete", {"response": ended})
        return b"".join(frames)

    def terminal(self) -> bytes:
        return self._terminal

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return named_frame("error", error_event(refusal, self.sequence_number + 1))

    def _feed_parsed(self, data: bytes, event: bytes | None) -> bytes:
        """`event` is the whole of it, if it can leave as it came."""
        before = self.error
        parsed = self.event_of(data)
        if parsed is None:
            return b""
        self.observe(parsed, len(data))
        if self.error is not before:
            return b""
        response = parsed.get("response")
        holders = (parsed, response) if type(response) is dict else (parsed,)
        renamed = with_product(data, parsed, holders, self.product_id)
        out = named_frame(parsed.get("type"), renamed) if event is None or renamed is not data else event
        if self.done:
            self._terminal, out = out, b""
        return out

    def _feed_after_end(self, event: bytes) -> bytes:
        """Some vendors send `[DONE]`. Another response begins with its own event."""
        data = event_data(event)
        if data is None or not self.begins_anew(data):
            return b""
        withheld, self._terminal = self._terminal, b""
        return withheld + self.feed(event)

    def _own_frame(self, kind: str, fields: dict[str, Any]) -> bytes:
        self.sequence_number += 1
        event = {"type": kind, "sequence_number": self.sequence_number, **fields}
        return named_frame(kind, orjson.dumps(event))


def named_frame(kind: Any, data: bytes) -> bytes:
    """An event under its name, if it is one."""
    if type(kind) is str and _NAME.fullmatch(kind) is not None:
        return b"event: " + kind.encode() + b"\n" + frame(data)
    return frame(data)
