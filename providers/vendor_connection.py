"""One connection to a vendor: HTTP/1.1 framing, time limits, back-pressure. One call at a time.

httptools parses (llhttp in its strict form: two lengths, a length beside chunked, bare line feeds are
refused); this bounds what it is fed, with providers/vendor_head.py. Nothing here knows what an answer means.

    begin(head, body) ──> status, headers ──> read_into(take) … ──> rest() for another call, or close()
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Final

import httptools

from providers.errors import (
    AnswerTooLarge,
    FirstByteTimeout,
    IdleTimeout,
    UpstreamBroken,
    UpstreamError,
)
from providers.vendor_head import HEAD_BYTES_MAX, VendorHead

_UNREAD_BYTES_MAX: Final = 64 * 1024  # beyond this the vendor waits for whoever reads
_INFLATED_PIECE_BYTES_MAX: Final = 16 * 1024 * 1024
_WRITE_PIECE_BYTES: Final = 256 * 1024  # a larger body is handed over in pieces, so that the loop breathes

Take = Callable[[bytes], bool]  # takes a piece of a body, at least a byte; False: no more for now


class VendorConnection(VendorHead, asyncio.Protocol):
    """Made once per connection and used for one call after another, while `is_reusable`."""

    __slots__ = (
        "_deadline_s",
        "_error",
        "_idle_timeout_s",
        "_is_running",
        "_is_written",
        "_loop",
        "_pieces",
        "_reading_paused",
        "_take",
        "_timer",
        "_transport",
        "_unread_bytes",
        "_waiter",
        "_write_waiter",
        "_writing_paused",
        "idle_since_s",
        "is_lost",
        "is_reusable",
        "origin",
        "owner",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: object) -> None:
        super().__init__()
        self._loop = loop
        self.origin = origin
        self.owner: Any = None  # what must be told when the connection ends
        self.idle_since_s = 0.0
        self.is_lost = False
        self.is_reusable = True
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._take: Take | None = None  # of whoever waits for the body
        self._write_waiter: asyncio.Future[None] | None = None
        self._writing_paused = False
        self._is_running = False
        self._reset()

    def _reset(self) -> None:
        self._reset_head()
        self._pieces: list[bytes] = []
        self._unread_bytes = 0
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

    async def read_into(self, take: Take) -> bool:
        """Hand over the body as it comes, until `take` wants no more: True. False: the body has ended.

        `take` is called where the network's bytes arrive, so a piece wakes nobody. Raises UpstreamError, and
        what `take` raises.
        """
        while True:
            if self._pieces and not take(self._unread()):
                return True
            if self._error is not None:
                raise self._error
            if self.is_finished:
                return False
            self._take = take
            try:
                if await self._wait():
                    return True
            finally:
                self._take = None

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
        if self._unparsed_bytes > HEAD_BYTES_MAX:
            self._break(UpstreamBroken("the vendor's answer has no end of its head"))
        elif self._take is not None:
            self._hand_over(self._take)

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

    # -- httptools, after the head

    def head_is_whole(self) -> None:
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

    def on_message_complete(self) -> None:
        if not self.has_head:
            self._forget_interim()
            return
        self.is_finished = True
        if not self._parser.should_keep_alive():
            self.is_reusable = False
        if self._reading_paused and self._transport is not None and not self.is_lost:
            self._reading_paused = False
            self._transport.resume_reading()

    # -- inside

    def _hand_over(self, take: Take) -> None:
        """What has come, to him who waits. What his `take` raises is his fault, not the vendor's."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return  # he is on his way, and finds it when he comes back
        try:
            if self._pieces and not take(self._unread()):
                self._wake(wants_no_more=True)
        except Exception as error:  # noqa: BLE001 - raised where he waits
            if not waiter.done():
                waiter.set_exception(error)
        if self.is_finished:
            self._wake()

    def _unread(self) -> bytes:
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

    async def _wait(self) -> bool:
        """-> what `_wake` was told."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _wake(self, *, wants_no_more: bool = False) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(wants_no_more)

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


__all__ = ["Take", "VendorConnection"]
