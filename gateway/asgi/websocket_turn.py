"""A WebSocket on a connection, as ASGI has it: asked for in HTTP, refused in HTTP, or taken and spoken.

The `websockets` package reads and writes the frames (its part without I/O); this says what is let in. Text
only, no compression, and bounds on what one message, its fragments and what waits may take. A client that
sends faster than its messages are read, or than the rate allows, is read no further until there is room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from gateway.asgi.refusals import BadHead
from gateway.asgi.request import Message, Scope
from gateway.asgi.turn import Connection, Turn

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
FRAGMENTS_MAX: Final = 1024  # of one message
WAITING_BYTES_MAX: Final = 1024 * 1024
WAITING_MAX: Final = 256  # messages
MESSAGES_PER_S: Final = 500
MESSAGES_AT_ONCE: Final = 1000
IDLE_CONTROLS_MAX: Final = 100  # pings and pongs without a message between them
UNREAD_PINGS_MAX: Final = 100  # of a client that does not read what it gets: each would be answered

_NOT_TEXT: Final = 1003
_NOT_UTF8: Final = 1007
_POLICY: Final = 1008
_LOST: Final = 1006
_LEAVING: Final = 1012
_REFUSED_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})


class WebSocketConnection(Connection, Protocol):
    """What such a turn needs beyond any other: gateway.asgi.protocol."""

    def read_no_more(self) -> None: ...
    def give_to(self, turn: WebSocketTurn) -> None: ...


def is_asked_for(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"upgrade" and b"websocket" in value.lower() for name, value in headers)


def accept_key(method: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The proof that the handshake was understood. Raises BadHead for one that is not plain."""
    if method != "GET" or any(name in _REFUSED_BODY for name, _ in headers):
        raise BadHead("handshake")
    said = Headers()
    for name, value in headers:
        said[name.decode("latin-1")] = value.decode("latin-1")
    try:
        key, _, _ = ServerProtocol().process_request(Handshake("/", said))
    except (InvalidHandshake, ValueError):
        raise BadHead("handshake") from None
    return key.encode("ascii")


class WebSocketTurn(Turn):
    """Until `websocket.accept` it is a request like any other, and may be answered like one."""

    __slots__ = (
        "_accept_key",
        "_controls",
        "_early",
        "_end",
        "_fragments",
        "_is_leaving",
        "_is_told",
        "_messages",
        "_parts",
        "_rate_at_s",
        "_rate_left",
        "_socket",
        "_unread_pings",
        "_wire",
    )

    def __init__(self, connection: WebSocketConnection, scope: Scope, *, accept_key: bytes) -> None:
        super().__init__(connection, scope, keep_alive=False, expects_continue=False)
        self._socket = connection
        self._accept_key = accept_key
        self._wire: ServerProtocol | None = None
        self._early = b""  # what came behind the head
        self._is_told = False  # of the beginning
        self._messages: deque[str] = deque()
        self._parts: list[bytes] = []  # of the message that is coming
        self._fragments = 0
        self._controls = 0
        self._unread_pings = 0
        self._is_leaving = False
        self._end: tuple[int, str] | None = None
        self._rate_left = float(MESSAGES_AT_ONCE)
        self._rate_at_s = asyncio.get_running_loop().time()

    # -- ASGI

    async def receive(self) -> Message:
        if not self._is_told:
            self._is_told = True
            return {"type": "websocket.connect"}
        while True:
            if self._messages:
                await self._keep_to_the_rate()
                text = self._messages.popleft()
                self.waiting_bytes -= len(text)
                if self.waiting_bytes <= WAITING_BYTES_MAX and len(self._messages) < WAITING_MAX:
                    self._socket.read_on()
                return {"type": "websocket.receive", "text": text}
            if self._end is not None:
                return {"type": "websocket.disconnect", "code": self._end[0], "reason": self._end[1]}
            if self.is_lost or self.is_ended:
                return {"type": "websocket.disconnect", "code": _LOST, "reason": ""}
            if self._is_leaving:
                return {"type": "websocket.disconnect", "code": _LEAVING, "reason": ""}
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def __call__(self, message: Message) -> None:
        kind: str = message["type"]
        if kind.startswith("websocket.http.response."):
            await super().__call__({**message, "type": kind.removeprefix("websocket.")})
            return
        if self._socket.is_write_paused and not self.is_lost:
            await self._socket.until_writable()
        if self.is_lost or self.is_ended:
            return
        if kind == "websocket.accept":
            self._accept(message.get("subprotocol"), message.get("headers", ()))
            return
        assert self._wire is not None, "a web socket is accepted before it is spoken on"
        if kind == "websocket.send":
            self._wire.send_text(message["text"].encode())
            self._flush()
        elif kind == "websocket.close":
            self._wire.send_close(message.get("code", 1000), message.get("reason") or "")
            self._flush()
            self._finish()

    # -- what the connection tells

    def take_early(self, data: bytes) -> None:
        """A client should wait for the answer to its handshake; what it does not wait with is kept."""
        self._early += data
        self._socket.read_no_more()

    def feed(self, data: bytes) -> None:
        wire = self._wire
        if wire is None or self.is_ended:
            return
        wire.receive_data(data)
        for event in wire.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.PING and not self._may_answer():
                self._connection.abort()  # no word of ours would reach it
                return
            if isinstance(event, Frame) and (refused := self._take(event)) is not None:
                wire.fail(*refused)
                break
        self._flush()
        if wire.state is not State.OPEN and not self.is_ended:
            said = wire.close_rcvd or wire.close_sent
            self._end = (_LOST, "") if said is None else (int(said.code), said.reason)
            self._finish()

    def leave(self) -> None:
        """The server wants to end: the application is told so, and may still speak."""
        self._is_leaving = True
        self._wake()

    # -- inside

    def _accept(self, subprotocol: str | None, headers: Sequence[tuple[bytes, bytes]]) -> None:
        lines = [
            f"HTTP/1.1 101 {HTTPStatus.SWITCHING_PROTOCOLS.phrase}".encode(),
            b"upgrade: websocket",
            b"connection: upgrade",
            b"sec-websocket-accept: " + self._accept_key,
        ]
        if subprotocol is not None:
            lines.append(b"sec-websocket-protocol: " + subprotocol.encode("ascii"))
        lines += [name + b": " + value for name, value in (*self._connection.default_headers, *headers)]
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1 or b"\0" in head:
            raise RuntimeError("a header would break out of its line")
        self._wire = ServerProtocol(state=State.OPEN, max_size=MESSAGE_BYTES_MAX)
        self.has_begun = True
        self._connection.write(head)
        self._socket.give_to(self)
        early, self._early = self._early, b""
        if early:
            self.feed(early)
        self._socket.read_on()

    def _may_answer(self) -> bool:
        """A pong waits for no one: they would heap up."""
        self._unread_pings = self._unread_pings + 1 if self._socket.is_write_paused else 0
        return self._unread_pings <= UNREAD_PINGS_MAX

    def _take(self, frame: Frame) -> tuple[int, str] | None:
        """Why the connection has to end (code, reason), or None."""
        opcode = frame.opcode
        if opcode in (Opcode.PING, Opcode.PONG):
            self._controls += 1
            if self._controls > IDLE_CONTROLS_MAX:
                return _POLICY, "too many control frames"
        elif opcode is Opcode.BINARY:
            return _NOT_TEXT, "text only"
        elif opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            self._fragments += 1
            if self._fragments > FRAGMENTS_MAX:
                return _POLICY, "too many fragments"
            if frame.fin:
                return self._take_message()
        return None

    def _take_message(self) -> tuple[int, str] | None:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._fragments = self._controls = 0
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return _NOT_UTF8, "not UTF-8"
        self._messages.append(text)
        self.waiting_bytes += len(text)
        if self.waiting_bytes > WAITING_BYTES_MAX or len(self._messages) >= WAITING_MAX:
            self._socket.read_no_more()
        self._wake()
        return None

    async def _keep_to_the_rate(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._rate_left += (now_s - self._rate_at_s) * MESSAGES_PER_S
        self._rate_left = min(self._rate_left, MESSAGES_AT_ONCE)
        self._rate_at_s = now_s
        self._rate_left -= 1
        if self._rate_left < 0:
            await asyncio.sleep(-self._rate_left / MESSAGES_PER_S)

    def _flush(self) -> None:
        assert self._wire is not None, "nothing is written before it was accepted"
        data: list[Any] = [part for part in self._wire.data_to_send() if part != SEND_EOF]
        if data and not self.is_lost:
            self._connection.write(b"".join(data))

    def _finish(self) -> None:
        """Nothing more is said on either side; the connection ends."""
        self.is_ended = True
        self._wake()
        self._connection.end_turn(self)


__all__ = ["WebSocketConnection", "WebSocketTurn", "accept_key", "is_asked_for"]
