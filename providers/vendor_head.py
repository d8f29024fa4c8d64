"""The head of a vendor's answer as it arrives: bounded, and only what means something is kept."""

from __future__ import annotations

import zlib
from typing import Any, Final

import httptools

HEAD_BYTES_MAX: Final = 64 * 1024
# Of a vendor's headers only these mean something to us or to the caller.
KEPT: Final = frozenset(
    {
        b"content-type",
        b"retry-after",
        b"x-request-id",
        b"request-id",
        b"x-amzn-requestid",
        b"x-amzn-errortype",
        b"x-debug-trace-id",
    }
)
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
_INTERIM_MAX: Final = 8


class VendorHead:
    """The connection's other half: httptools' calls until the body. What they raise breaks the answer."""

    __slots__ = (
        "_framing",
        "_head_bytes",
        "_inflater",
        "_interims",
        "_parser",
        "_unparsed_bytes",
        "has_head",
        "headers",
        "is_finished",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    def _reset_head(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_finished = False  # the whole answer
        self._framing: dict[bytes, bytes] = {}
        self._interims = 0
        self._head_bytes = 0
        self._unparsed_bytes = 0  # since the parser last told us something
        self._inflater: Any = None

    @property
    def announced_bytes(self) -> int | None:
        """The length of the body as the head announced it, if it did and the body is not packed."""
        if self._inflater is not None or b"content-length" not in self._framing:
            return None
        return int(self._framing[b"content-length"])

    def head_is_whole(self) -> None:
        raise NotImplementedError

    # -- httptools

    def on_message_begin(self) -> None:
        if self.is_finished:
            raise ValueError("a second answer to one call")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX:
            raise ValueError("a head without end")
        if self.has_head:
            return  # a trailer
        name = name.lower()
        if name in KEPT:
            self.headers.setdefault(name.decode(), value.decode("latin-1"))
        elif name in _FRAMING:
            self._framing[name] = value.strip()

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer: its end is told like that of any other
            self._interims += 1
            if self._interims > _INTERIM_MAX:
                raise ValueError("too many interim answers")
            return
        self.status = status
        self._unparsed_bytes = 0
        packing = self._framing.get(b"content-encoding", b"identity").lower()
        if packing in (b"gzip", b"x-gzip", b"deflate"):
            self._inflater = zlib.decompressobj(wbits=47)
        elif packing != b"identity":
            raise ValueError("a content encoding that was not asked for")
        self.has_head = True
        self.head_is_whole()

    # -- inside

    def _forget_interim(self) -> None:
        self.headers.clear()
        self._framing.clear()

    def _ends_with_connection(self) -> bool:
        return b"content-length" not in self._framing and b"transfer-encoding" not in self._framing


__all__ = ["HEAD_BYTES_MAX", "VendorHead"]
