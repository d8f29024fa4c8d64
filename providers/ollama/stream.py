"""One Ollama stream as it is read: a JSON object to the line, the last one `done` with the usage. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from providers.ollama.answer import message_bytes
from providers.ollama.errors import error_of
from providers.ollama.usage import usage_of
from providers.sse import SseEventTooLarge
from providers.vendor_only import ListeningFold


class LineSplitter:
    """Cuts a byte stream into lines; empty ones are none."""

    def __init__(self, event_bytes_max: int) -> None:
        self._event_bytes_max = event_bytes_max
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        *ended, rest = chunk.split(b"\n")
        lines: list[bytes] = []
        for line in ended:
            self._keep(line)
            if whole := self.flush().strip():
                lines.append(whole)
        self._keep(rest)
        return lines

    def flush(self) -> bytes:
        """The unterminated last line at the end of the stream; b"" when there is none."""
        whole, self._pending, self._pending_bytes = b"".join(self._pending), [], 0
        return whole

    def _keep(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._pending_bytes += len(piece)
        if self._pending_bytes > self._event_bytes_max:
            raise SseEventTooLarge(f"a line of more than {self._event_bytes_max} bytes")


def read_line(event: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(event)
    except orjson.JSONDecodeError:
        return None
    return said if type(said) is dict else None


class StreamFold(ListeningFold):
    """One per stream."""

    def feed(self, event: bytes) -> bytes:
        said = read_line(event)
        if said is None:
            return b""
        self.error = error_of(said) or self.error
        self.add_text(message_bytes(said.get("message")))
        if said.get("done") is True:
            self.finished = self.done = True
            self.usage = usage_of(said) or self.usage
        return b""
