"""Responses that begin where no hold stands: cancelled, not heard, and in the books with what they cost.

A vendor may begin one that nobody asked for in the moment in which the next hold is being made, or two at
once. To wait for money then would make the session deaf while the response runs, so it is ended at the vendor
at once. What it made until then is billed: it is recorded under a hold of nothing, which takes what is free
and leaves the rest uncollected, as any count above its hold does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.problems import Problem
from gateway.realtime_ends import End
from gateway.realtime_money import Money, ResponseExchange
from metering.usage import Usage
from metering.wish import MeterUnavailable
from providers.errors import UpstreamBroken
from providers.openai_realtime.delivered import Formats, Said

_log = logging.getLogger(__name__)

UNHELD_MAX: Final = 8  # at one time; a vendor that begins more of its own is not to be trusted
KNOWN_MAX: Final = 64  # whose events are not passed on
RECORD_S: Final = 20.0  # for how long a place in the books is asked for
_PAUSE_S: Final = 0.5


class _Unheld(msgspec.Struct):
    name: str
    said: Said
    heard: tuple[int, int]  # tokens of text and of sound that it may have read
    began_s: float
    ended: asyncio.Event
    task: asyncio.Task[None] | None = None
    usage: Usage | None = None
    end_reason: str = "completed"
    error: str | None = None


class UnheldResponses:
    def __init__(
        self,
        money: Money,
        *,
        cancel: Callable[[str], Awaitable[None]],
        changed: Callable[[], None],
        record_s: float = RECORD_S,
    ) -> None:
        self._record_s = record_s
        self._money = money
        self._cancel = cancel
        self._changed = changed
        self._running: dict[str, _Unheld] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: deque[str] = deque(maxlen=KNOWN_MAX)
        self.is_gone = False
        self.formats = Formats()

    def __len__(self) -> int:
        """Of which the vendor has not told the end."""
        return len(self._running)

    def is_known(self, name: str | None) -> bool:
        """Is it one of these, or was it?"""
        return name is not None and (name in self._running or name in self._known)

    def is_running(self, name: str) -> bool:
        return name in self._running

    def begin(self, name: str, heard: tuple[int, int], *, is_over: bool) -> None:
        """`is_over`: the vendor told its beginning with its end. Raises UpstreamBroken."""
        if len(self._tasks) >= UNHELD_MAX:
            raise UpstreamBroken("the vendor begins responses that nobody asked for")
        one = _Unheld(name, Said(), heard, time.perf_counter(), asyncio.Event())
        self._running[name] = one
        if name:  # of those without a name nobody knows which is which
            self._known.append(name)
        task = asyncio.get_running_loop().create_task(self._see_through(one, is_over), name="realtime-unheld")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def note(self, name: str, kind: str, delta: str) -> None:
        self._running[name].said.note(kind, delta)

    def finish(self, name: str, usage: Usage | None, end_reason: str, error: str | None) -> None:
        """The vendor has told its end; the books hear of it in their own time."""
        one = self._running.pop(name)
        one.usage, one.end_reason, one.error = usage, end_reason, error
        one.ended.set()
        self._changed()

    async def settle_rest(self, end: End) -> None:
        """Nobody will tell their usage any more. Waits until all of them are in the books."""
        for name in list(self._running):
            self.finish(name, None, end.end_reason, end.error)
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- inside

    async def _see_through(self, one: _Unheld, is_over: bool) -> None:
        if not is_over:
            await self._cancel(one.name)
        try:
            exchange = await self._place_in_the_books()
            exchange.began_s, exchange.upstream_id = one.began_s, one.name or None
            exchange.heard_text_tokens, exchange.heard_audio_tokens = one.heard
            await one.ended.wait()
            exchange.client_gone = self.is_gone
            await self._settle(one, exchange)
        except (Problem, MeterUnavailable) as refused:
            _log.error("a response that ran without a hold is not in the books: %s", refused)
            code = refused.code if isinstance(refused, Problem) else "meter_unavailable"
            self._money.tell_unbooked(code=code, began_s=one.began_s)
        finally:
            self._changed()

    async def _place_in_the_books(self) -> ResponseExchange:
        """Raises Problem."""
        deadline_s = time.monotonic() + self._record_s
        while True:
            try:
                return await self._money.hold_nothing()
            except Problem:
                if time.monotonic() > deadline_s:
                    raise
            await asyncio.sleep(_PAUSE_S)

    async def _settle(self, one: _Unheld, exchange: ResponseExchange) -> None:
        usage = one.usage
        if usage is None and one.error is not None and one.said.is_nothing:
            await self._money.release(exchange, one.end_reason, one.error)
            return
        if usage is None:
            text, audio = one.said.tokens(self.formats)
            exchange.said_audio_tokens = audio
            usage = exchange.delivered_usage(text + audio)
        await self._money.settle(
            exchange, usage, estimated=one.usage is None, end_reason=one.end_reason, error=one.error
        )


__all__ = ["UnheldResponses"]
