"""One connection to a vendor: HTTP/1.1 framing, time limits, back-pressure. One call at a time.

httptools parses (llhttp in its strict form: two lengths, a length beside chunked, bare line feeds are
refused); this bounds what it is fed. Nothing here knows what an answer means.

    begin(head, body) ──> status, headers ──> next_piece() … ──> rest() for another call, or close()
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, Final

import httptools

from providers.errors import (
    AnswerTooLarge,
    FirstByteTimeout,
    IdleTimeout,
    UpstreamBroken,
    UpstreamError,
)

# Of a vendor's headers only these mean something to us or to the caller.
KEPT_HEADERS: Final = frozenset({b"content-type", b"retry-after", b"x-request-id", b"request-id"})
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
_HEAD_BYTES_MAX: Final = 64 * 1024
_INTERIM_MAX: Final = 8
_UNREAD_BYTES_MAX: Final = 64 * 1024  # beyond this the vendor waits for whoever reads
_INFLATED_PIECE_BYTES_MAX: Final = 16 * 1024 * 1024
_WRITE_PIECE_BYTES: Final = 256 * 1024  # a larger body is handed over in pieces, so that the loop breathes


class VendorConnection(asyncio.Protocol):
    """Made once per connection and used for one call after another, while `is_reusable`."""

    __slots__ = (
        "_deadline_s",
        "_error",
        "_framing",
        "_head_bytes",
        "_idle_timeout_s",
        "_inflater",
        "_interims",
        "_is_running",
        "_is_written",
        "_loop",
        "_parser",
        "_pieces",
        "_reading_paused",
        "_timer",
        "_transport",
        "_unparsed_bytes",
        "_unread_bytes",
        "_waiter",
        "_write_waiter",
        "_writing_paused",
        "has_head",
        "headers",
        "idle_since_s",
        "is_finished",
        "is_lost",
        "is_reusable",
        "origin",
        "owner",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: object) -> None:
        self._loop = loop
        self.origin = origin
        self.owner: Any = None  # what must be told when the connection ends
        self.idle_since_s = 0.0
        self.is_lost = False
        self.is_reusable = True
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._write_waiter: asyncio.Future[None] | None = None
        self._writing_paused = False
        self._is_running = False
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_finished = False
        self._framing: dict[bytes, bytes] = {}
        self._interims = 0
        self._head_bytes = 0
        self._inflater: Any = None
        self._pieces: list[bytes] = []
        self._unread_bytes = 0
        self._unparsed_bytes = 0
        self._reading_paused = False
        self._is_written = False
        self._error: UpstreamError | None = None
        self._deadline_s = 0.0
        self._idle_timeout_s = 0.0

    # -- one call

    async def begin(
        self, head: bytes, body: bytes, *, first_byte_timeout_s: float, idle_timeout_s: float
    ) -> None:
        """Send the call and wait for the head of its answer; raises UpstreamError, and is then closed."""
        if self.is_lost:
            raise UpstreamBroken("the connection to the vendor had ended")
        self._reset()
        self._is_running = True
        self._idle_timeout_s = idle_timeout_s
        self._set_deadline(first_byte_timeout_s)
        assert self._transport is not None
        if len(body) <= _WRITE_PIECE_BYTES:
            self._transport.write(head + body)
            self._is_written = True
        else:
            self._transport.write(head)
            await self._write_in_pieces(body, first_byte_timeout_s)
        while not self.has_head:
            await self._wait()
        self._set_deadline(idle_timeout_s)
        if self._error is not None:
            raise self._error

    async def next_piece(self) -> bytes:
        """What has come of the body since the last time, at least a byte; b"" at its end."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.is_finished:
                return b""
            await self._wait()
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread_bytes = 0
        if self._reading_paused:
            self._reading_paused = False
            self._deadline_s = self._loop.time() + self._idle_timeout_s
            if self._transport is not None and not self.is_lost:
                self._transport.resume_reading()
        return piece

    @property
    def announced_bytes(self) -> int | None:
        """The length of the body as the head announced it, if it did and the body is not packed."""
        if self._inflater is not None or b"content-length" not in self._framing:
            return None
        return int(self._framing[b"content-length"])

    def rest(self) -> bool:
        """The call is over. True: the connection may be used for another."""
        self._is_running = False
        return self.is_finished and self._is_written and self.is_reusable and not self.is_lost

    def close(self) -> None:
        """Ends the connection; whoever waits for its answer is told that it is broken."""
        self._fail(UpstreamBroken("the connection to the vendor was given up"))
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if not self._is_running or self.is_finished:
            self.close()  # words nobody asked for: this connection is out of step
            return
        self._unparsed_bytes += len(data)
        if self.has_head:
            self._deadline_s = self._loop.time() + self._idle_timeout_s
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, zlib.error) as error:
            self._break(UpstreamBroken(f"the vendor's answer is no HTTP we understand: {_cause(error)}"))
            return
        if self._unparsed_bytes > _HEAD_BYTES_MAX:
            self._break(UpstreamBroken("the vendor's answer has no end of its head"))

    def eof_received(self) -> bool:
        return False  # the transport closes itself, and connection_lost says how it ended

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.is_reusable = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_running and not self.is_finished:
            if exc is None and self._error is None and self.has_head and self._ends_with_connection():
                self.is_finished = True
                self._wake()
            else:
                where = "in its answer" if self.has_head else "before it answered"
                self._fail(UpstreamBroken(f"the connection to the vendor was lost {where}"))
        self._wake_writer()
        if self.owner is not None:
            self.owner.forget(self)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake_writer()

    # -- httptools

    def on_message_begin(self) -> None:
        if self.is_finished:
            raise ValueError("a second answer to one call")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > _HEAD_BYTES_MAX:
            raise ValueError("a head without end")
        if self.has_head:
            return  # a trailer
        name = name.lower()
        if name in KEPT_HEADERS:
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
        self._wake()
        self._wake_writer()  # an answer before the whole request: the rest need not be sent

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        if self._error is not None:
            return
        if self._inflater is not None:
            body = self._inflater.decompress(body, _INFLATED_PIECE_BYTES_MAX)
            if self._inflater.unconsumed_tail:
                self._break(AnswerTooLarge("the vendor's packed answer is too large when unpacked"))
                return
            if not body:
                return
        self._pieces.append(body)
        self._unread_bytes += len(body)
        if self._unread_bytes > _UNREAD_BYTES_MAX and not self._reading_paused:
            self._reading_paused = True
            assert self._transport is not None
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if not self.has_head:  # of an interim answer
            self.headers.clear()
            self._framing.clear()
            return
        self.is_finished = True
        if not self._parser.should_keep_alive():
            self.is_reusable = False
        if self._reading_paused and self._transport is not None and not self.is_lost:
            self._reading_paused = False
            self._transport.resume_reading()
        self._wake()

    # -- inside

    async def _write_in_pieces(self, body: bytes, timeout_s: float) -> None:
        view = memoryview(body)
        for start in range(0, len(body), _WRITE_PIECE_BYTES):
            if self.has_head or self._error is not None:
                return  # the vendor has answered without waiting for the rest
            assert self._transport is not None
            self._transport.write(view[start : start + _WRITE_PIECE_BYTES])
            if self._writing_paused:
                self._write_waiter = self._loop.create_future()
                try:
                    await self._write_waiter
                finally:
                    self._write_waiter = None
            self._deadline_s = self._loop.time() + timeout_s
        self._is_written = True

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _wake_writer(self) -> None:
        if self._write_waiter is not None and not self._write_waiter.done():
            self._write_waiter.set_result(None)

    def _fail(self, error: UpstreamError) -> None:
        if self._error is None and not self.is_finished:
            self._error = error
            self._wake()
            self._wake_writer()

    def _break(self, error: UpstreamError) -> None:
        self._fail(error)
        self.close()

    def _ends_with_connection(self) -> bool:
        return b"content-length" not in self._framing and b"transfer-encoding" not in self._framing

    def _set_deadline(self, seconds: float) -> None:
        """One timer per connection, set again only when it rings: most calls end long before."""
        self._deadline_s = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if not self._is_running or self.is_finished:
            return
        now_s = self._loop.time()
        if self._reading_paused:  # it is the reader who is slow
            self._deadline_s = now_s + self._idle_timeout_s
        if now_s < self._deadline_s:
            self._timer = self._loop.call_at(self._deadline_s, self._on_time)
        elif self.has_head:
            self._break(IdleTimeout("the vendor stopped sending in the middle of its answer"))
        else:
            self._break(FirstByteTimeout("the vendor did not begin to answer in time"))


def _cause(error: Exception) -> str:
    """The parser wraps what its callbacks raise; the class says enough, the text may quote the vendor."""
    inner = error.__context__
    return type(inner if inner is not None else error).__name__


__all__ = ["KEPT_HEADERS", "VendorConnection"]
