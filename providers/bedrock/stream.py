"""One Converse stream as it is read: usage, ends, errors, and how much was said. Pure.

`messageStop` has the reason, `metadata` behind it the usage. The id stands in the head.
"""

from __future__ import annotations

from providers.bedrock.blocks import block_bytes
from providers.bedrock.events import read_event
from providers.bedrock.usage import usage_told
from providers.vendor_only import ListeningFold


class StreamFold(ListeningFold):
    """One per stream."""

    def feed(self, event: bytes) -> bytes:
        read = read_event(event)
        if read is None or self.done or self.error is not None:
            return b""
        self.error = read.error
        match read.name:
            case "contentBlockStart":
                self._count(read.said.get("start"))
            case "contentBlockDelta":
                self._count(read.said.get("delta"))
            case "messageStop":
                self.finished = True
            case "metadata":
                self.usage = usage_told(read.said)
                self.done = self.finished
        return b""

    def _count(self, block: object) -> None:
        self.add_text(block_bytes(block) if type(block) is dict else 0)
