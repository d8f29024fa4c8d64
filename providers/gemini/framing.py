"""How chunks are framed for a Gemini client: as server-sent events or as the elements of one array. Pure.

Neither has a terminal event: the end of the body ends the stream, and an array needs its bracket.
"""

from __future__ import annotations

from providers.sse import frame


class Framing:
    """One per stream: an array has to know whether something was written before."""

    __slots__ = ("_as_array", "_begun")

    def __init__(self, as_array: bool) -> None:
        self._as_array = as_array
        self._begun = False

    def write(self, chunk: bytes) -> bytes:
        """`chunk` is one JSON object without line ends."""
        if not self._as_array:
            return frame(chunk)
        opening = b",\r\n" if self._begun else b"["
        self._begun = True
        return opening + chunk

    def close(self) -> bytes:
        if not self._as_array:
            return b""
        return b"]" if self._begun else b"[]"
