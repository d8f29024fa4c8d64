"""The server's protocol class with the limits a public port needs: bytes and time of a head, slow readers.

uvicorn parses with httptools (llhttp in its strict form: two lengths, a length beside chunked, spaces before
colons and bare line feeds are refused) but puts no bound on a head; this does, before any of it is kept.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.asgi.request import ClientConnection

HEAD_BYTES_MAX: Final = 64 * 1024
HEADERS_MAX: Final = 128
TARGET_BYTES_MAX: Final = 8 * 1024
HEAD_READ_S: Final = 20.0
CLIENT_STALL_S: Final = 60.0


class HeadTooLarge(Exception):
    pass


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A head that is too large or too slow ends it; so does a client that reads nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._client = ClientConnection()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._head_timer = self.loop.call_later(HEAD_READ_S, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)
        self._client.lose()

    def pause_writing(self) -> None:
        """The client is slower than the vendor. A timer per pause costs nothing where there are none."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(CLIENT_STALL_S, self._abort)

    def resume_writing(self) -> None:
        self._stop_stall_timer()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["voucher.client"] = self._client  # type: ignore[typeddict-unknown-key]
        self._head_bytes = 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_READ_S, self._abort)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            raise HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _abort(self) -> None:
        self._head_timer = self._stall_timer = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()
