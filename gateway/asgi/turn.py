"""One request and its answer on a connection: what ASGI calls `receive` and `send`.

The head of an answer waits for its first piece, so that a short answer is one write. Whether another request
may follow is the connection's business; this says only that it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog

from gateway.asgi.request import Message, Receive, Scope, Send

READ_AHEAD_BYTES_MAX: Final = 64 * 1024

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_STATUS_LINES: Final = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}".encode() for status in HTTPStatus
}
_BODILESS: Final = frozenset({204, 304})
_LEFT: Final[Message] = {"type": "http.disconnect"}
_CRASHED: Final = b"Internal Server Error"


class Connection(Protocol):
    """What a turn needs of the connection it is taken on: gateway.asgi.protocol."""

    is_write_paused: bool

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]: ...
    def write(self, data: bytes) -> None: ...
    async def until_writable(self) -> None: ...
    def read_on(self) -> None: ...
    def is_last(self, turn: Turn) -> bool: ...
    def end_turn(self, turn: Turn) -> None: ...
    def abort(self) -> None: ...


class Turn:
    __slots__ = (
        "_body",
        "_connection",
        "_head",
        "_is_bodiless",
        "_is_chunked",
        "_rest_bytes",
        "_waiter",
        "expects_continue",
        "has_begun",
        "is_ended",
        "is_lost",
        "is_whole",
        "keep_alive",
        "scope",
        "waiting_bytes",
    )

    def __init__(
        self, connection: Connection, scope: Scope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self._connection = connection
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self._body: list[bytes] = []
        self.waiting_bytes = 0
        self.is_whole = False  # the request has come to its end
        self.is_lost = False  # the client is gone
        self.has_begun = False  # the answer
        self.is_ended = False  # the answer
        self._head: bytes | None = None
        self._is_chunked = False
        self._is_bodiless = False
        self._rest_bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    async def run(self, application: Asgi) -> None:
        try:
            await application(self.scope, self.receive, self)
        except asyncio.CancelledError:
            self._connection.abort()
            raise
        except Exception as error:  # noqa: BLE001 - the last resort below the application's own
            structlog.get_logger("gateway").error("a call failed below the application", exc_info=error)
            await self._crash()
        else:
            if not self.is_ended and not self.is_lost:
                self._connection.abort()  # nobody will end this answer

    # -- the request

    def take_body(self, part: bytes) -> None:
        if not self.is_ended:
            self._body.append(part)
            self.waiting_bytes += len(part)
            self._wake()

    def take_end(self) -> None:
        self.is_whole = True
        self._wake()

    def lose(self) -> None:
        self.is_lost = True
        self._wake()

    async def receive(self) -> Message:
        if self.expects_continue and not self.has_begun and not self.is_lost:
            self.expects_continue = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while True:
            if self.is_lost or self.is_ended:
                return _LEFT
            body = self._body
            if body or (self.is_whole and self.waiting_bytes == 0):
                part = body[0] if len(body) == 1 else b"".join(body)
                body.clear()
                self.waiting_bytes = -1 if self.is_whole else 0  # below zero: the end was told
                if not self.is_whole:
                    self._connection.read_on()
                return {"type": "http.request", "body": part, "more_body": not self.is_whole}
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- the answer

    async def __call__(self, message: Message) -> None:
        """ASGI's `send`."""
        connection = self._connection
        if connection.is_write_paused and not self.is_lost:
            await connection.until_writable()
        if self.is_lost:
            return
        if not self.has_begun:
            self._begin(message)
            return
        if self.is_ended:
            raise RuntimeError("the answer has ended")
        body: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        data = self._framed(body, more=more)
        if self._head is not None:
            data, self._head = self._head + data, None
        if data:
            connection.write(data)
        if not more:
            if self._rest_bytes:
                raise RuntimeError("the answer is shorter than its length")
            self.is_ended = True
            self._body.clear()
            self._wake()
            connection.end_turn(self)

    def put(self, body: bytes) -> bool:
        """A further piece of the answer, if nothing has to be waited for. False: nothing was done."""
        if self.is_lost:
            return True  # as with `send`: nobody is told
        if self._head is not None or not self.has_begun or self.is_ended or self._connection.is_write_paused:
            return False
        if data := self._framed(body, more=True):
            self._connection.write(data)
        return True

    def _begin(self, message: Message) -> None:
        status: int = message["status"]
        headers: list[tuple[bytes, bytes]] = message.get("headers", [])
        lines = [_STATUS_LINES[status]]
        self._is_bodiless = status in _BODILESS or self.scope["method"] == "HEAD"
        self._is_chunked = not self._is_bodiless
        says_close = False
        for name, value in (*self._connection.default_headers, *headers):
            if name == b"content-length":
                self._is_chunked = False
                self._rest_bytes = 0 if self._is_bodiless else int(value)
            elif name == b"connection" and value == b"close":
                says_close, self.keep_alive = True, False
            lines.append(name + b": " + value)
        if self._is_chunked and self.scope["http_version"] == "1.0":
            self._is_chunked = self.keep_alive = False  # ended by the connection's end
            self._rest_bytes = -1
        if self._connection.is_last(self) or (self.expects_continue and not self.is_whole):
            self.keep_alive = False  # in the second case nobody knows whether the body will come
        if not self.keep_alive and not says_close:
            lines.append(b"connection: close")
        if self._is_chunked:
            lines.append(b"transfer-encoding: chunked")
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1 or b"\0" in head:
            raise RuntimeError("a header would break out of its line")
        self._head = head
        self.has_begun = True

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        if self._is_bodiless:
            return b""
        if self._is_chunked:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return framed if more else framed + b"0\r\n\r\n"
        if self._rest_bytes < 0:
            if not more:
                self._rest_bytes = 0
            return body
        self._rest_bytes -= len(body)
        if self._rest_bytes < 0:
            raise RuntimeError("the answer is longer than its length")
        return body

    async def _crash(self) -> None:
        if self.has_begun or self.is_lost:
            self._connection.abort()
            return
        headers: list[Any] = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_CRASHED))]
        await self({"type": "http.response.start", "status": 500, "headers": headers})
        await self({"type": "http.response.body", "body": _CRASHED, "more_body": False})


__all__ = ["READ_AHEAD_BYTES_MAX", "Asgi", "Connection", "Turn"]
