"""What has been seen of one stream so far, as far as it is alike for every dialect. Pure."""

from __future__ import annotations

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.errors import VendorError


class StreamProgress:
    """A `Listening` (providers/dialect.py). One per stream.

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

    def add_text(self, length: int) -> None:
        """Of one event."""
        if length:
            self.deltas += 1
            self.text_bytes += length
