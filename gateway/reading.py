"""A vendor's stream, read to its end or to the end of the money.

An ordinary piece is split, understood and sent where the network's bytes arrive: nothing is awaited, nobody
woken. What has to be waited for ends that for a moment: a client that is slow or gets the head of its answer
first, a checkpoint, more money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.ports import BooksUnavailable
from gateway.slices import HoldLost, Slices
from providers.dialect import Splitter
from providers.errors import IdleTimeout, UpstreamError
from providers.progress import Listening
from providers.sse import SseEventTooLarge
from providers.upstream import UpstreamAnswer

STOPPING: Final = "gateway_lost"
LAST_BYTES_S: Final = 0.05

PassOn = Callable[[list[bytes]], bool]  # events, to the client; False: `flush` has to be waited for


class Reading:
    """One per stream. The events go through `fold` in `pass_on`, which is the relay's."""

    __slots__ = (
        "_answer",
        "_events",
        "_flush",
        "_fold",
        "_has_ended",
        "_has_passed",
        "_pass_on",
        "_slices",
        "_splitter",
    )

    def __init__(
        self,
        answer: UpstreamAnswer,
        fold: Listening,
        slices: Slices,
        *,
        splitter: Splitter,
        pass_on: PassOn,
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._answer = answer
        self._fold = fold
        self._slices = slices
        self._splitter = splitter
        self._pass_on = pass_on
        self._flush = flush
        self._events: list[bytes] = []  # they have come, and are not paid yet
        self._has_passed = True
        self._has_ended = False  # the vendor's body

    async def run(self) -> tuple[bool, str | None]:
        """-> (cut by us, code of a failure)"""
        answer, fold = self._answer, self._fold
        try:
            is_cut = await self._read()
        except UpstreamError as error:
            return False, None if fold.finished or fold.usage is not None else code_of(error)
        except SseEventTooLarge:
            answer.close()
            return False, "upstream_error"
        except (asyncio.CancelledError, HoldLost, BooksUnavailable):
            # This process is stopping and its patience is over, or it slept and was taken for dead, or what
            # the vendor keeps could not be bound: what was delivered is settled and said.
            answer.close()
            return False, STOPPING
        if self._has_ended:
            answer.release()
        elif fold.done and not is_cut:
            await self._finish()
        else:
            answer.close()
        return is_cut, None

    async def _read(self) -> bool:
        """Until the stream is over. True: the money is."""
        fold, slices = self._fold, self._slices
        while await self._answer.read_into(self._take):
            while True:
                if not self._has_passed:
                    await self._flush()
                if self._is_over():
                    # Some vendors say what it cost behind the end: what came with it is heard.
                    self._pass_on(self._events)
                    return False
                delivered = fold.delivered_tokens()
                if slices.is_due(delivered) and not await slices.advance(delivered):
                    return True
                if not self._events:
                    break
                self._pass_some()
        self._has_ended = True
        if rest := self._splitter.flush():
            self._events = [rest + b"\n\n"]
            self._pass_some()
            if not self._has_passed:
                await self._flush()
        return False

    def _take(self, piece: bytes) -> bool:
        """Called from the network. -> whether nothing has to be waited for."""
        self._events = self._splitter.feed(piece)
        self._pass_some()
        is_stopped = self._events or not self._has_passed or self._is_over()
        return not (is_stopped or self._slices.is_due(self._fold.delivered_tokens()))

    def _pass_some(self) -> None:
        events, self._events = self._events, []
        if len(events) > 1:
            some = self._slices.portion(events, self._fold.delivered_tokens())
            events, self._events = events[:some], events[some:]
        self._has_passed = self._pass_on(events)

    def _is_over(self) -> bool:
        return self._fold.done or self._fold.error is not None

    async def _finish(self) -> None:
        """After `[DONE]` only the end of the body follows; read it, so that the connection can be kept."""
        try:
            async with asyncio.timeout(LAST_BYTES_S):
                await self._answer.read_into(_nothing_more)
            self._answer.release()
        except (TimeoutError, UpstreamError):
            self._answer.close()


def code_of(error: UpstreamError) -> str:
    return "upstream_timeout" if isinstance(error, IdleTimeout) else "upstream_error"


def _nothing_more(piece: bytes) -> bool:
    return False
