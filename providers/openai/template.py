"""What stands around the text of a stream's ordinary events, which is the same in most of them. Pure.

Some vendors pad each event to a random length, so that who watches the wire cannot tell words by their size.
That padding may differ as well.
"""

from __future__ import annotations

import re
from typing import Final

_PADDING: Final = re.compile(rb'"obfuscation"\s*:\s*"([^"\\\r\n]*)"')


class Template:
    """Learnt from one event whose meaning is known; then a few comparisons tell of another."""

    __slots__ = ("_middle", "_out_prefix", "_prefix", "_prefix_bytes", "_tail", "_tail_bytes")

    def __init__(self) -> None:
        self._prefix = self._middle = self._tail = b"\0"  # no event fits
        self._out_prefix = b""
        self._prefix_bytes = self._tail_bytes = 1

    def learn(self, prefix: bytes, suffix: bytes, out_prefix: bytes) -> bool:
        """An event was `prefix`, text, `suffix`. False: known; its text alone was out of the ordinary."""
        middle, tail = b"", suffix
        if (padding := _PADDING.search(suffix)) is not None:
            middle, tail = suffix[: padding.start(1)], suffix[padding.end(1) :]
        if (prefix, middle, tail) == (self._prefix, self._middle, self._tail):
            return False
        self._prefix, self._middle, self._tail, self._out_prefix = prefix, middle, tail, out_prefix
        self._prefix_bytes, self._tail_bytes = len(prefix), len(tail)
        return True

    def text_of(self, event: bytes) -> bytes:
        """The text of an event that fits; b"" of any other."""
        if not (event.startswith(self._prefix) and event.endswith(self._tail)):
            return b""
        text = event[self._prefix_bytes : -self._tail_bytes]
        if b"\\" in text or b"\n" in text or b"\r" in text:
            return b""  # something in it means something else than itself
        if self._middle:
            text, found, padding = text.partition(self._middle)
            if not found or b'"' in padding:
                return b""
        return b"" if b'"' in text else text

    def out(self, event: bytes) -> bytes:
        """An event that fits, as the client gets it."""
        return self._out_prefix + event[self._prefix_bytes :]
