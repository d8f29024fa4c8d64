"""One CLOVA Studio stream on its way through: what the vendor sends -> what the client gets. Pure.

An answer names no model, so an event goes on as it came. Each is parsed: an event is short, and parsing it
costs less than the searches that could spare it.
"""

from __future__ import annotations

from typing import Final

import orjson

from metering.usage import Usage
from providers.clova.errors import error_frame
from providers.clova.events import frame, read_event
from providers.clova.progress import StreamState
from providers.clova.version import Version
from providers.dialect import Refusal
from providers.sse import COMMENT_FRAME, comment_frame

SIGNAL_FRAME: Final = frame(b"signal", b'{"data":"[DONE]"}')


class StreamFold(StreamState):
    """Vendor events in, client frames out. One per stream.

    `signal` is withheld (`done` is set) and so is an error event (`error` is set).
    """

    __slots__ = ("_signal",)

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self._signal = SIGNAL_FRAME

    def feed(self, event: bytes) -> bytes:
        read = read_event(event)
        if read is None:
            return COMMENT_FRAME if event.startswith(b":") else b""
        was_done = self.done
        if self.observe(read.name, read.data):
            return read.frame
        if self.done and not was_done:
            self._signal = read.frame
        return b""

    def owed_frames(self) -> bytes:
        return b""  # `result` always has the usage

    def graceful_end(self, usage: Usage | None) -> bytes:
        """A `result` by length; nothing where the vendor's own has gone through."""
        if self.has_result:
            return b""
        return frame(b"result", orjson.dumps(self.ended(self.reason or self.version.length, usage)))

    def terminal(self) -> bytes:
        return self._signal

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return error_frame(refusal)
