"""The running responses of a realtime session: each on its hold, noted while it runs, settled at its end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.realtime_ends import End
from gateway.realtime_holds import Holds
from gateway.realtime_money import Money, ResponseExchange
from gateway.realtime_unheld import UnheldResponses
from gateway.slices import Pace, Slices
from metering.wish import MeterUnavailable
from providers.openai_realtime.delivered import Formats, Heard, Said
from providers.openai_realtime.vendor_events import VendorEvent

ENDED_KEPT: Final = 64  # ids of responses that have ended: one is not charged twice


class _Response(msgspec.Struct):
    exchange: ResponseExchange
    slices: Slices
    said: Said


class Responses:
    def __init__(
        self, money: Money, holds: Holds, pace: Pace, *, cancel: Callable[[str], Awaitable[None]]
    ) -> None:
        self._money = money
        self._holds = holds
        self._pace = pace
        self._running: dict[str, _Response] = {}
        self._ended: deque[str] = deque(maxlen=ENDED_KEPT)
        self._is_gone = False
        self.heard = Heard()
        self.formats = Formats()
        self.changed = asyncio.Event()  # one has begun or ended, or none will any more
        self.unheld = UnheldResponses(money, cancel=cancel, changed=self._unheld_changed)
        self.unheld.formats = self.formats

    def __len__(self) -> int:
        return len(self._running) + len(self.unheld)

    def names(self) -> list[str]:
        """Of those that may run: others are cancelled already."""
        return list(self._running)

    def begin(self, event: VendorEvent, *, is_over: bool = False) -> bool:
        """One has begun: the hold that waited is its own. False: none did. Raises UpstreamBroken."""
        name = event.response_id or ""
        if name in self._running or name in self._ended:
            return True
        if self.unheld.is_known(name):
            return False
        exchange = self._holds.take()
        if exchange is None:
            self.unheld.begin(name, self.heard.tokens(self.formats), is_over=is_over)
            return False
        self._money.begin(exchange)
        exchange.began_s = time.perf_counter()
        exchange.upstream_id = event.response_id
        exchange.client_gone = self._is_gone
        exchange.heard_text_tokens, exchange.heard_audio_tokens = self.heard.tokens(self.formats)
        self._running[name] = _Response(exchange, Slices(exchange, self._money.meter, self._pace), Said())
        self.changed.set()
        return True

    def is_unannounced(self, event: VendorEvent) -> bool:
        """A piece of one whose beginning was never told: it is one all the same, and has to be paid."""
        name = event.response_id
        if name is None or event.delta is None or name in self._running:
            return False
        return name not in self._ended and not self.unheld.is_known(name)

    async def count(self, name: str, kind: str, delta: str) -> None:
        """A piece was delivered. Raises HoldLost."""
        if self.unheld.is_running(name):
            self.unheld.note(name, kind, delta)
        response = self._running.get(name)
        if response is None:
            return
        response.said.note(kind, delta)
        text, audio = response.said.tokens(self.formats)
        response.exchange.said_audio_tokens = audio
        if response.slices.is_due(text + audio):
            await response.slices.advance(text + audio)

    async def finish(self, event: VendorEvent) -> None:
        """One has ended: it is settled. Raises MeterUnavailable, and UpstreamBroken as `begin` does."""
        name = event.response_id or ""
        if name in self._ended:
            return
        end_reason, error = ("upstream_error", "upstream_error") if event.has_failed else ("completed", None)
        if name not in self._running and not self.begin(event, is_over=True):  # its beginning was never told
            if self.unheld.is_running(name):
                self.unheld.finish(name, event.usage, end_reason, error)
                self._turn(event)
            return
        response = self._running[name]
        try:
            usage = event.usage
            if usage is None:
                await self._estimate(response, end_reason, error)
            else:
                await self._money.settle(
                    response.exchange, usage, estimated=False, end_reason=end_reason, error=error
                )
                self._turn(event)
        finally:
            self._forget(name)
        self._holds.fill()

    def mark_gone(self) -> None:
        """The client has left: those that run, and those that begin now, have nobody to hear them."""
        self._is_gone = self.unheld.is_gone = True
        for response in self._running.values():
            response.exchange.client_gone = True

    async def settle_rest(self, end: End) -> None:
        """Nobody will tell their usage any more."""
        for name, response in list(self._running.items()):
            self._forget(name)
            try:
                await self._estimate(response, end.end_reason, end.error)
            except MeterUnavailable:
                pass  # its last checkpoint is with the purse and the journal: that is charged
        await self.unheld.settle_rest(end)

    async def _estimate(self, response: _Response, end_reason: str, error: str | None) -> None:
        exchange, said = response.exchange, response.said
        if error is not None and said.is_nothing:
            await self._money.release(exchange, end_reason, error)
            return
        usage = exchange.delivered_usage(sum(said.tokens(self.formats)))
        await self._money.settle(exchange, usage, estimated=True, end_reason=end_reason, error=error)

    def _unheld_changed(self) -> None:
        self.changed.set()
        self._holds.fill()

    def _turn(self, event: VendorEvent) -> None:
        usage = event.usage
        if usage is not None and not event.is_aside:
            self.heard.turn(usage)

    def _forget(self, name: str) -> None:
        if name:  # of those without a name nobody knows which is which
            self._ended.append(name)
        del self._running[name]
        self.changed.set()


__all__ = ["Responses"]
