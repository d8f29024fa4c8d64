"""AWS's binary event stream (application/vnd.amazon.eventstream): messages cut out, checked and read. Pure.

    4 bytes   length of the whole message
    4 bytes   length of its headers
    4 bytes   CRC-32 of these eight
    headers   each: length of the name (1), name, type of the value (1), the value
    payload
    4 bytes   CRC-32 of everything before

A length is believed only after its check. Where a message is damaged nobody can tell where the next one
begins: it and all that follows is `DAMAGED`, one event that no reader takes for a message.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_SMALLEST_BYTES: Final = _PRELUDE.size + _CRC.size
DAMAGED: Final = b"\0"

_TEXT: Final = 7
_BYTES: Final = 6
# Of the types without a length of their own: true, false, byte, short, int, long, timestamp, UUID.
_FIXED_BYTES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Message(NamedTuple):
    headers: dict[str, str]  # those that are texts
    payload: bytes


class MessageSplitter:
    """Cuts a byte stream into whole messages, each checked."""

    __slots__ = ("_is_damaged", "_message_bytes_max", "_pending")

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        self._pending = bytearray()
        self._is_damaged = False

    def feed(self, chunk: bytes) -> list[bytes]:
        if self._is_damaged:
            return []
        pending = self._pending
        pending += chunk
        messages: list[bytes] = []
        start = 0
        while len(pending) - start >= _PRELUDE.size:
            length = self._length(pending, start)
            if length and len(pending) - start < length:
                break
            message = bytes(pending[start : start + length])
            if not length or not _is_sound(message):
                self._is_damaged = True
                pending.clear()
                return [*messages, DAMAGED]
            messages.append(message)
            start += length
        del pending[:start]
        return messages

    def flush(self) -> bytes:
        """Nothing: a message that was cut cannot be checked."""
        self._pending.clear()
        return b""

    def _length(self, pending: bytearray, start: int) -> int:
        """Of the message that begins there; 0 where that cannot be believed, or is more than we keep."""
        length, headers_length, check = _PRELUDE.unpack_from(pending, start)
        is_sound = (
            zlib.crc32(pending[start : start + 8]) == check
            and headers_length + _SMALLEST_BYTES <= length <= self._message_bytes_max
        )
        return int(length) if is_sound else 0


def _is_sound(message: bytes) -> bool:
    check: int = _CRC.unpack_from(message, len(message) - _CRC.size)[0]
    return zlib.crc32(memoryview(message)[: -_CRC.size]) == check


def read_message(message: bytes) -> Message | None:
    """One whole message as it was cut; None for what is none, or has headers that cannot be read."""
    if len(message) < _SMALLEST_BYTES:
        return None
    headers_end = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    payload = message[headers_end : -_CRC.size]
    try:
        return Message(_headers(message[_PRELUDE.size : headers_end]), payload)
    except (IndexError, KeyError, UnicodeDecodeError, ValueError):
        return None


def _headers(raw: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    while at < len(raw):
        name_end = at + 1 + raw[at]
        name, kind = raw[at + 1 : name_end].decode(), raw[name_end]
        at = name_end + 1
        length = _FIXED_BYTES.get(kind)
        if length is None:
            if kind not in (_TEXT, _BYTES):
                raise ValueError("a header of an unknown type")
            length = raw[at] << 8 | raw[at + 1]
            at += 2
        if at + length > len(raw):
            raise ValueError("a header beyond the headers")
        if kind == _TEXT:
            headers[name] = raw[at : at + length].decode()
        at += length
    return headers
