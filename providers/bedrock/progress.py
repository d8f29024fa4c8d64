"""What has been seen of one Converse stream so far: usage, ends, errors. Pure.

`messageStop` says why the answer ended, and `metadata` after it has the usage: only then all has come.
"""

from __future__ import annotations

from metering.usage import Usage
from providers.bedrock.blocks import block_bytes
from providers.bedrock.events import Event, read_event
from providers.bedrock.usage import usage_of
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.errors import VendorError


class StreamState:
    """One per stream."""

    __slots__ = ("deltas", "done", "error", "finished", "reason", "text_bytes", "upstream_id", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.error: VendorError | None = None
        self.finished = False
        self.done = False
        self.upstream_id: str | None = None  # it stands in the head
        self.reason: str | None = None
        self.deltas = 0
        self.text_bytes = 0

    def delivered_tokens(self) -> int:
        """Output tokens so far, estimated: an event is a token at least, and so are four bytes of text."""
        return max(self.deltas, self.text_bytes // ESTIMATE_BYTES_PER_TOKEN)

    def observe(self, event: bytes) -> Event | None:
        """Take in one event. -> what it says, if it says something of the answer"""
        read = read_event(event)
        if read is None or self.done or self.error is not None:
            return None
        self.error = read.error
        said = read.said
        match read.name:
            case "contentBlockStart":
                self._count(said.get("start"))
            case "contentBlockDelta":
                self._count(said.get("delta"))
            case "messageStop":
                reason = said.get("stopReason")
                self.finished = True
                self.reason = reason if type(reason) is str else None
            case "metadata":
                self.usage = usage_of(said.get("usage"))
                self.done = self.finished
        return read

    def _count(self, block: object) -> None:
        length = block_bytes(block) if type(block) is dict else 0
        if length:
            self.deltas += 1
            self.text_bytes += length
