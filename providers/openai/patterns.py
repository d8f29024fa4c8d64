"""What is searched for in a stream's ordinary events, in each way that vendors spell it. Values.

Vendors write a space after the colon or none; the text stands under other names in other operations.
"""

from __future__ import annotations

from collections.abc import Sequence


class Patterns:
    """The searched spellings, with the vendor's space after the colon or without one."""

    __slots__ = (
        "finish_null",
        "finish_text",
        "first_index",
        "name",
        "parts",
        "text",
        "usage_null",
        "usage_object",
    )

    def __init__(self, colon: bytes, text_keys: Sequence[str]) -> None:
        self.usage_null = b'"usage"' + colon + b"null"
        self.usage_object = b'"usage"' + colon + b"{"
        self.finish_null = b'"finish_reason"' + colon + b"null"
        self.finish_text = b'"finish_reason"' + colon + b'"'
        self.first_index = b'"index"' + colon + b"0"
        self.name = b'"name"' + colon + b'"'
        self.parts = b'"content"' + colon + b"["
        self.text = tuple(b'"' + key.encode() + b'"' + colon + b'"' for key in text_keys)


def text_length(event: bytes, key: bytes) -> int:
    """Bytes of the first text after `key`, up to its closing quote."""
    start = event.find(key)
    if start < 0:
        return 0
    start += len(key)
    end = event.find(b'"', start)
    while end > start and event[end - 1] == 0x5C:  # a backslash: escaped, unless the backslash is itself
        backslashes = 1
        while event[end - 1 - backslashes] == 0x5C:
            backslashes += 1
        if backslashes % 2 == 0:
            break
        end = event.find(b'"', end + 1)
    return max(0, end - start)
