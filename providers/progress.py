"""What has been seen of one stream so far, as far as it is alike for every dialect. Pure."""

from __future__ import annotations

from typing import Protocol

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.errors import VendorError


class Listening(Protocol):
    """What has been seen of one stream so far, by whoever reads it."""

    @property
    def usage(self) -> Usage | None:
        """The vendor's own count. None: not yet, or never."""

    @property
    def error(self) -> VendorError | None:
        """Inside the stream: it ends there."""

    @property
    def finished(self) -> bool:
        """The vendor has said why the answer ended."""

    @property
    def done(self) -> bool:
        """The terminal event has come: nothing follows."""

    @property
    def upstream_id(self) -> str | None: ...

    @property
    def container_id(self) -> str | None:
        """As an Answer's; None where what the caller gets does not tell it."""

    def delivered_tokens(self) -> int:
        """Output tokens so far, estimated: an event is a token at least, and so are four bytes of text."""

    def told_input(self) -> Usage | None:
        """What the vendor has counted of the input, ahead of its count of the whole. No output is in it."""


class StreamProgress:
    """A `Listening`. One per stream.

    `deltas` and `text_bytes` feed the estimate where a vendor reports no usage, and the checkpoints of long
    streams: nothing that is charged at the vendor's own count.
    """

    __slots__ = ("container_id", "deltas", "done", "error", "finished", "text_bytes", "upstream_id", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.error: VendorError | None = None
        self.finished = False
        self.done = False
        self.upstream_id: str | None = None
        self.container_id: str | None = None
        self.deltas = 0
        self.text_bytes = 0

    def delivered_tokens(self) -> int:
        """Output tokens so far, estimated: an event is a token at least, and so are four bytes of text."""
        return max(self.deltas, self.text_bytes // ESTIMATE_BYTES_PER_TOKEN)

    def told_input(self) -> Usage | None:
        """Where a stream ends without `usage`, this much of it is no estimate. Most vendors tell it last."""
        return None

    def add_text(self, length: int) -> None:
        """Of one event."""
        if length:
            self.deltas += 1
            self.text_bytes += length
