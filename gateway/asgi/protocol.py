"""The public port: HTTP/1.1 connections of strangers, with the limits they need. uvicorn's server runs it.

httptools parses (llhttp in its strict form: two lengths, a length beside chunked, spaces before colons and
bare line feeds are refused) but puts no bound on a head; this does. The parser keeps a line until it has its
end, so bytes that lead to nothing are counted as they come, not when a line is whole.

What a client sends wrongly behind a request that is being answered does not spoil that answer: it is
finished, and the connection ends with it.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Any, Final

import httptools

from gateway.asgi.head import HEAD_BYTES_MAX, ArrivingHead
from gateway.asgi.refusals import BadHead, refusal
from gateway.asgi.request import Scope
from gateway.asgi.turn import READ_AHEAD_BYTES_MAX, Asgi, Turn
from gateway.asgi.websocket_turn import WebSocketTurn, accept_key, is_asked_for

HEAD_READ_S: Final = 20.0
BODY_READ_S: Final = 65.0  # the request's own limit ends first and answers, once a part of the body has come
CLIENT_STALL_S: Final = 60.0
LINGER_BYTES_MAX: Final = 64 * 1024 * 1024
LINGER_SILENCE_S: Final = 2.0
LINGER_S: Final = 30.0


class LimitedProtocol(ArrivingHead, asyncio.Protocol):
    """One connection. A head that is too large or too slow ends it; so does a client that reads nothing."""

    head_read_s = HEAD_READ_S
    body_read_s = BODY_READ_S
    client_stall_s = CLIENT_STALL_S
    linger_silence_s = LINGER_SILENCE_S
    linger_s = LINGER_S

    def __init__(
        self,
        *,
        config: Any,
        server_state: Any,
        app_state: Any,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__()
        self._loop = _loop or asyncio.get_running_loop()
        self._application: Asgi = config.loaded_app
        self._keep_alive_s: float = config.timeout_keep_alive
        self._server = server_state
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._is_head_due = True
        self._incoming: Turn | None = None  # its head has come, its end has not
        # What is being answered, and what waits for that.
        self._running: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._socket: WebSocketTurn | None = None  # all bytes are its own from now on
        self._is_deaf = False  # nothing more is understood of what this client sends
        self._linger_bytes = 0  # how much may still be dropped of what an answered client goes on sending
        self._linger_until_s = math.inf
        self._is_leaving = False  # the server wants to end
        self._is_reading_paused = False
        self.is_write_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._deadline_s = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self._peer = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
        self._server.connections.add(self)
        self._set_deadline(self.head_read_s)

    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.feed(data)
            return
        if self._is_deaf:
            if self._linger_bytes:
                self._drop(len(data))
            return
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._is_deaf = True  # the request is answered in HTTP; what follows it is none
            if isinstance(self._running, WebSocketTurn):
                self._running.take_early(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            reason = error.__context__  # what a callback of ours raised
            self._refuse(reason.why if isinstance(reason, BadHead) else "unclear")
        else:
            if self._unread_bytes > HEAD_BYTES_MAX:
                self._refuse("head" if self._incoming is None else "unclear")
            elif self._running is None and self._incoming is None and not self._is_head_due:
                self._is_head_due = True  # empty lines before a head are its beginning
                self._set_deadline(self.head_read_s)

    def eof_received(self) -> bool:
        """The client will send no more. -> whether the connection stays open, for an answer.

        Whether it only shut its sending side or is gone cannot be told before something is written and comes
        back. So it counts as gone at once where that matters (`Request.has_left`, and a stream's listener):
        most are, and a vendor must not work for long for nobody. But an answer is sent to whoever may be
        there: command-line tools say in this way that their request is whole.
        """
        running = self._running
        is_socket = isinstance(running, WebSocketTurn)  # those say an end in their own way
        if running is None or is_socket or self._incoming is not None or self._client.listener is not None:
            return False
        last = self._waiting[-1] if self._waiting else running
        last.keep_alive = False
        self._client.lose()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        for timer in (self._timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._stall_timer = None
        self._deadline_s = math.inf
        for turn in (self._running, self._incoming, *self._waiting):
            if turn is not None:
                turn.lose()
        self._waiting.clear()
        self._set_writable()
        self._client.lose()

    def pause_writing(self) -> None:
        """The client is slower than the vendor. A timer per pause costs nothing where there are none."""
        self.is_write_paused = True
        if self._stall_timer is None:
            self._stall_timer = self._loop.call_later(self.client_stall_s, self.abort)

    def resume_writing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        self.is_write_paused = False
        self._set_writable()

    def shutdown(self) -> None:
        """The server ends: what is being answered may end, nothing new begins."""
        self._is_leaving = True
        if self._socket is not None:
            self._socket.leave()
        elif self._running is None and not self._waiting:
            self._transport.close()

    # -- httptools

    def on_message_begin(self) -> None:
        self._unread_bytes = self._head_bytes = self._hosts = 0
        self._url = b""
        self._headers = []
        self._expects_continue = False
        if not self._is_head_due:
            self._is_head_due = True
            self._set_deadline(self.head_read_s)

    def on_headers_complete(self) -> None:
        self._unread_bytes = 0
        parser = self._parser
        version = parser.get_http_version()
        if self._hosts != 1 and version != "1.0":
            raise BadHead("host")  # whom it is for would be anybody's guess
        scope = self._scope(parser.get_method().decode("ascii"), version)
        turn: Turn
        if version != "1.0" and parser.should_upgrade() and is_asked_for(self._headers):
            turn = self._socket_turn(scope)
        else:
            keep_alive = version != "1.0" and parser.should_keep_alive()
            turn = Turn(self, scope, keep_alive=keep_alive, expects_continue=self._expects_continue)
        self._incoming = turn
        self._is_head_due = False
        self._set_deadline(self.body_read_s)
        if self._running is None:
            self._start(turn)
        else:
            self._waiting.append(turn)
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        turn = self._incoming
        if turn is not None:
            turn.take_body(body)
            if turn.waiting_bytes > READ_AHEAD_BYTES_MAX:
                self._pause_reading()

    def on_message_complete(self) -> None:
        self._unread_bytes = 0
        turn, self._incoming = self._incoming, None
        if turn is None:
            return
        turn.take_end()
        if self._running is None:  # answered before it was whole
            self._set_deadline(self._keep_alive_s)
        else:
            self._deadline_s = math.inf

    # -- what a turn asks of us

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = self._server.default_headers
        return headers

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def until_writable(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()
        await asyncio.shield(self._writable)

    def read_on(self) -> None:
        if self._is_reading_paused and not self._waiting and not self._transport.is_closing():
            self._is_reading_paused = False
            self._transport.resume_reading()

    def read_no_more(self) -> None:
        self._pause_reading()

    def give_to(self, turn: WebSocketTurn) -> None:
        """The handshake is accepted: no HTTP follows on this connection."""
        self._socket = turn
        self._deadline_s = math.inf
        if self._is_leaving:
            turn.leave()

    def is_last(self, turn: Turn) -> bool:
        return (self._is_leaving or self._is_deaf) and not self._waiting

    def end_turn(self, turn: Turn) -> None:
        """Its answer is written. The next one begins, or the connection waits for one, or ends."""
        self._running = self._socket = None
        self._server.total_requests += 1
        if self._transport.is_closing():
            return
        if not turn.keep_alive or (self._is_leaving and not self._waiting):
            self._part(is_client_done=turn.is_whole and not self._is_deaf)
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._incoming is None and not self._is_head_due:
            self._set_deadline(self._keep_alive_s)
        self.read_on()

    def abort(self) -> None:
        if not self._transport.is_closing():
            self._transport.abort()

    # -- inside

    def _socket_turn(self, scope: Scope) -> WebSocketTurn:
        if self._running is not None:
            raise BadHead("unclear")  # behind a request that is still being answered
        key = accept_key(scope["method"], self._headers)
        scope.update({"type": "websocket", "extensions": {"websocket.http.response": {}}})
        return WebSocketTurn(self, scope, accept_key=key)

    def _start(self, turn: Turn) -> None:
        self._running = turn
        task = self._loop.create_task(turn.run(self._application))
        tasks: set[asyncio.Task[None]] = self._server.tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _refuse(self, why: str) -> None:
        """What came cannot be understood in one way: say so, unless an answer is on its way."""
        self._is_deaf = True
        incoming, self._incoming = self._incoming, None
        if incoming is not None and incoming in self._waiting:
            self._waiting.remove(incoming)
        running = self._running
        if incoming is not None and incoming.has_begun:
            self.abort()  # answered before it was whole, and the rest is no request
        elif running is None or running is incoming:
            if running is not None:
                running.lose()
                self._running = None
            if not self._transport.is_closing():
                self._transport.write(refusal(why, self._headers))
                self._part(is_client_done=False)
        else:
            last = self._waiting[-1] if self._waiting else running
            last.keep_alive = False
            self._deadline_s = math.inf

    def _part(self, *, is_client_done: bool) -> None:
        """The last answer is written. A connection closed with input unread is reset, and the reset can
        overtake the answer: whoever may still be sending is told the end, and heard out for a while."""
        if is_client_done or self._client.lost:
            self._transport.close()
            return
        self._is_deaf = True
        self._linger_bytes = LINGER_BYTES_MAX
        self._linger_until_s = self._loop.time() + self.linger_s
        self._set_deadline(self.linger_silence_s)
        self._waiting.clear()
        self.read_on()
        try:
            self._transport.write_eof()
        except OSError:
            self.abort()  # the client is not there any more

    def _drop(self, size_bytes: int) -> None:
        self._linger_bytes -= size_bytes
        left_s = self._linger_until_s - self._loop.time()
        if self._linger_bytes <= 0 or left_s <= 0:
            self._transport.close()
        else:
            self._set_deadline(min(self.linger_silence_s, left_s))

    def _pause_reading(self) -> None:
        if not self._is_reading_paused and not self._transport.is_closing():
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _set_writable(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    def _set_deadline(self, seconds: float) -> None:
        """One timer per connection, set again only when it rings: most requests are whole long before."""
        self._deadline_s = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline_s:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._deadline_s == math.inf or self._transport.is_closing():
            return
        if self._loop.time() < self._deadline_s:
            self._timer = self._loop.call_at(self._deadline_s, self._on_time)
        elif self._running is not None and self._running is not self._incoming:
            self._refuse("unclear")  # a second request that does not come; the first one's answer may end
        elif self._linger_bytes:
            self._transport.close()
        else:
            self.abort()
