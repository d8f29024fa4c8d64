"""Holds that wait for a response: one stands while a session is open, and one for each that was asked for.

A vendor begins a response by itself when it hears a pause, so a hold made when a response begins would come
too late. While none stands, whatever may begin one is not passed on (`until_payable`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.problems import Problem
from gateway.realtime_money import ResponseExchange

# Of the key, not of the money: they pass by themselves.
_PASSING: Final = frozenset({"rate_limited", "too_many_concurrent"})
_PAUSE_S_MAX: Final = 60.0


class Holds:
    def __init__(
        self,
        first: ResponseExchange,
        *,
        hold: Callable[[], Awaitable[ResponseExchange]],
        when_short: Callable[[Problem], None],
    ) -> None:
        self._spare: deque[ResponseExchange] = deque([first])
        self._asked: dict[str, None] = {}  # our names of requests, the eldest first
        self._hold = hold
        self._when_short = when_short
        self._filling: asyncio.Task[None] | None = None
        self._is_wanted_again = asyncio.Event()
        self._is_closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._spare)

    @property
    def asked(self) -> int:
        return len(self._asked)

    def ask(self, name: str) -> None:
        """A request for a response is passed on."""
        self._asked[name] = None
        self.fill()

    def answered(self, name: str | None) -> bool:
        """The vendor refused the request of this name. False: none that is waited for."""
        if name is None or name not in self._asked:
            return False
        del self._asked[name]
        self._changed.set()  # who waits for a hold of its own may have one now
        return True

    def take(self) -> ResponseExchange | None:
        """A response has begun, by a request or by itself."""
        if self._asked:
            del self._asked[next(iter(self._asked))]
        taken = self._spare.popleft() if self._spare else None
        self.fill()
        return taken

    def fill(self) -> None:
        """Hold what is wanted, beside all else. Called when more is wanted, and when money came free."""
        if self._is_closed:
            return
        self._is_wanted_again.set()
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._fill(), name="realtime-hold")

    async def until_payable(self) -> None:
        """Until one response more can begin, and is paid."""
        while len(self._spare) <= len(self._asked):
            self._changed.clear()
            await self._changed.wait()

    def outdated(self, is_current: Callable[[ResponseExchange], bool]) -> ResponseExchange | None:
        """One to be given back: its price or its voucher is no longer the right one.

        Not where a response was asked for that may begin at any time: it was payable as it was asked for.
        """
        if len(self._spare) <= len(self._asked):
            return None
        for exchange in self._spare:
            if not is_current(exchange):
                self._spare.remove(exchange)
                self.fill()
                return exchange
        return None

    async def close(self) -> list[ResponseExchange]:
        """No more are made. -> those that are left."""
        self._is_closed = True
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        left, self._spare = list(self._spare), deque()
        return left

    async def _fill(self) -> None:
        while len(self._spare) <= len(self._asked):
            self._is_wanted_again.clear()
            try:
                self._spare.append(await self._hold())
            except Problem as problem:
                if problem.code in _PASSING:
                    await self._pause(problem.retry_after_s or 1)
                elif not self._is_wanted_again.is_set():  # else money has come free since it was refused
                    self._when_short(problem)
                    return
            except Exception:
                self._when_short(Problem("internal_error"))
                raise
            else:
                self._changed.set()

    async def _pause(self, pause_s: float) -> None:
        """Until then, or until a response has ended: that may have been what the limit was reached by."""
        try:
            async with asyncio.timeout(min(pause_s, _PAUSE_S_MAX)):
                await self._is_wanted_again.wait()
        except TimeoutError:
            pass


__all__ = ["Holds"]
