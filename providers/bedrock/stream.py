"""One Converse stream, listened to. Nobody calls us in this dialect, so a fold of it says nothing. Pure."""

from __future__ import annotations

from metering.usage import Usage
from providers.bedrock.progress import StreamState
from providers.dialect import Refusal


class StreamFold(StreamState):
    """Translation speaks for it, in the caller's dialect."""

    __slots__ = ()

    def feed(self, event: bytes) -> bytes:
        self.observe(event)
        return b""

    def owed_frames(self) -> bytes:
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        return b""

    def terminal(self) -> bytes:
        return b""

    def comment(self, text: bytes) -> bytes:
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        return b""
