"""The server's protocol class with the limits a public port needs: bytes and time of a head, slow readers.

uvicorn parses with httptools (llhttp in its strict form: two lengths, a length beside chunked, spaces before
colons and bare line feeds are refused) but puts no bound on a head; this does. The parser keeps a line until
it has its end, so bytes that lead to nothing are counted as they come, not when a line is whole.
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
BODY_READ_S: Final = 65.0  # the request's own limit ends first and answers, once a part of the body has come
CLIENT_STALL_S: Final = 60.0


class HeadTooLarge(Exception):
    pass


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A head that is too large or too slow ends it; so does a client that reads nothing."""

    head_read_s = HEAD_READ_S
    body_read_s = BODY_READ_S
    client_stall_s = CLIENT_STALL_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._unread_bytes = 0  # since the parser last told us something
        self._is_arriving = False  # a message has begun and is not whole
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._client = ClientConnection()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._head_timer = self.loop.call_later(self.head_read_s, self._abort)

    def data_received(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        is_running = self.cycle is not None and not self.cycle.response_complete
        if self._unread_bytes > HEAD_BYTES_MAX:
            if is_running:
                self._abort()  # a 400 would stand in the midst of another answer
            else:
                self.send_400_response("Invalid HTTP request received.")
        elif self._is_arriving:
            if self._head_timer is None and self._body_timer is None:
                self._body_timer = self.loop.call_later(self.body_read_s, self._abort)
        elif not is_running and self._head_timer is None:
            # Empty lines before a head: the server has just stopped its own timer for an idle connection.
            self._head_timer = self.loop.call_later(self.head_read_s, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_body_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)
        self._client.lose()

    def pause_writing(self) -> None:
        """The client is slower than the vendor. A timer per pause costs nothing where there are none."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.client_stall_s, self._abort)

    def resume_writing(self) -> None:
        self._stop_stall_timer()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unread_bytes = 0
        self._is_arriving = True
        self.scope["voucher.client"] = self._client  # type: ignore[typeddict-unknown-key]
        self._head_bytes = 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_read_s, self._abort)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            raise HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unread_bytes = 0
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._unread_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_body_timer()
        self._unread_bytes = 0
        self._is_arriving = False
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _abort(self) -> None:
        self._head_timer = self._body_timer = self._stall_timer = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()
