"""The head of a request while it arrives: its parts, its bounds, and what would give it two meanings."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

import httptools

from gateway.asgi.refusals import BadHead
from gateway.asgi.request import ClientConnection, Scope

HEAD_BYTES_MAX: Final = 64 * 1024
HEADERS_MAX: Final = 128
TARGET_BYTES_MAX: Final = 8 * 1024

_MEANT_FOR_US: Final = frozenset({b"expect", b"host", b"transfer-encoding"})


class ArrivingHead:
    """The parser's callbacks for a head. The connection is one itself: a call needs no object more."""

    def __init__(self) -> None:
        self._client = ClientConnection()
        self._peer: tuple[str, int] | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        self._expects_continue = False
        self._head_bytes = 0
        self._unread_bytes = 0  # since the parser last told us something

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > TARGET_BYTES_MAX:
            raise BadHead("target")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unread_bytes = 0
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX or len(self._headers) >= HEADERS_MAX:
            raise BadHead("head")
        name = name.lower()
        if name in _MEANT_FOR_US:
            if name == b"host":
                self._hosts += 1
            else:
                self._heed(name, value)
        self._headers.append((name, value))

    def _heed(self, name: bytes, value: bytes) -> None:
        if name == b"expect":
            self._expects_continue |= value.lower() == b"100-continue"
        elif value.lower() != b"chunked":
            # Another coding within chunked is well-formed, only not ours; without chunked nothing has an end.
            is_chunked_last = value.lower().rpartition(b",")[2].strip() == b"chunked"
            raise BadHead("coding" if is_chunked_last else "unclear")

    def _scope(self, method: str, version: str) -> Scope:
        url = self._url
        query = b""
        if url.startswith(b"/") and b"?" not in url and b"#" not in url:
            raw_path = url
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": method,
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "root_path": "",
            "query_string": query,
            "headers": self._headers,
            "client": self._peer,
            "voucher.client": self._client,
        }
