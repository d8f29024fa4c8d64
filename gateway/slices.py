"""How far the hold of a running call reaches, and what is done when its output comes near the end of it.

Every call that streams notes checkpoints, so that a killed process loses little. If its hold covers only
a part of its ceiling, it asks for more before it needs it, again and again. When nothing more is to be had
and the hold is all but used it waits, while the vendor is not read, and only then is it ended, gracefully.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from gateway.exchange import Exchange
from metering.meter import Meter
from metering.purse import Extended, ExtendShort, Gone
from metering.wish import MeterUnavailable

MARGIN_TOKENS: Final = 32  # more is asked for so far ahead of the end of the hold,
LAST_TOKENS: Final = 8  # and waited for where only so much of it is left
STEP_TOKENS: Final = 256
RETRY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    checkpoint_s: float
    checkpoint_tokens: int
    wait_for_funds_s: float


class HoldLost(Exception):
    """The sweeper took this process for dead and ended the hold at its checkpoint."""


class Slices:
    """One per running stream."""

    __slots__ = (
        "_checkpoint_due_s",
        "_checkpoint_due_tokens",
        "_exchange",
        "_is_lost",
        "_loop",
        "_meter",
        "_noting",
        "_pace",
        "_refused",
        "due_tokens",
        "reach_tokens",
    )

    def __init__(self, exchange: Exchange, meter: Meter, pace: Pace) -> None:
        self._exchange = exchange
        self._meter = meter
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._noting: asyncio.Task[None] | None = None
        self._checkpoint_due_s = self._loop.time() + pace.checkpoint_s
        self._checkpoint_due_tokens = pace.checkpoint_tokens
        self._refused = False
        self._is_lost = False
        self.reach_tokens = 0  # output tokens the hold pays for
        self.due_tokens = 0  # at this count `advance` has something to do
        self._measure(0)

    def is_due(self, output_tokens: int) -> bool:
        return output_tokens >= self.due_tokens or self._loop.time() >= self._checkpoint_due_s

    async def advance(self, output_tokens: int) -> bool:
        """Note the checkpoint, raise the hold where it is needed. False: the balance has ended.

        Raises HoldLost where this process slept so long that the hold was ended without it.
        """
        exchange = self._exchange
        if self._is_lost:
            raise HoldLost
        if self._meter.was_asleep and not await self._meter.still_ours(exchange.held):
            raise HoldLost
        sliced = exchange.is_sliced and not self._refused
        if sliced and output_tokens + MARGIN_TOKENS >= self.reach_tokens:
            pressed = output_tokens + LAST_TOKENS >= self.reach_tokens
            self._refused = await self._raise_hold(output_tokens, patient=pressed) is False
        elif self._noting is None or self._noting.done():
            self._noting = self._loop.create_task(self._note(output_tokens), name="checkpoint")
        self._checkpoint_due_s = self._loop.time() + self._pace.checkpoint_s
        self._checkpoint_due_tokens = output_tokens + self._pace.checkpoint_tokens
        self._measure(output_tokens)
        return not exchange.is_sliced or output_tokens < self.reach_tokens

    def _measure(self, output_tokens: int) -> None:
        exchange = self._exchange
        self.reach_tokens = exchange.output_tokens_payable()
        self.due_tokens = self._checkpoint_due_tokens
        if exchange.is_sliced:
            ahead = self.reach_tokens
            if not self._refused:
                again = min(output_tokens + LAST_TOKENS, self.reach_tokens - LAST_TOKENS)
                ahead = max(self.reach_tokens - MARGIN_TOKENS, again)
            self.due_tokens = min(self.due_tokens, max(1, ahead))

    async def _note(self, output_tokens: int) -> None:
        exchange = self._exchange
        try:
            outcome = await self._meter.extend(
                exchange.held,
                want_micro=0,
                least_micro=0,
                floor_micro=exchange.floor_micro(output_tokens),
                floor_output_tokens=output_tokens,
            )
        except MeterUnavailable:
            return  # the next checkpoint is two seconds away
        if isinstance(outcome, Gone) and not await self._meter.still_ours(exchange.held):
            # The lease was missed and is ours again: only the hold itself can still tell.
            self._is_lost = True
            self._checkpoint_due_s = self._loop.time()

    async def _raise_hold(self, output_tokens: int, *, patient: bool) -> bool | None:
        """Whether the hold was raised. None: not now, and there is still some of it left."""
        exchange = self._exchange
        ceiling_micro = exchange.ceiling.want_micro
        want_micro = min(ceiling_micro, exchange.needed_micro(2 * output_tokens + STEP_TOKENS))
        least_micro = min(ceiling_micro, exchange.needed_micro(output_tokens + MARGIN_TOKENS + 1))
        deadline_s = self._loop.time() + self._pace.wait_for_funds_s
        while True:
            try:
                outcome = await self._meter.extend(
                    exchange.held,
                    want_micro=want_micro,
                    least_micro=min(least_micro, want_micro),
                    floor_micro=exchange.floor_micro(output_tokens),
                    floor_output_tokens=output_tokens,
                )
                if isinstance(outcome, Extended):
                    return True
                if isinstance(outcome, Gone) and not await self._meter.still_ours(exchange.held):
                    raise HoldLost
                if not isinstance(outcome, ExtendShort):
                    return False  # a limit of the key, or an epoch that ended: the hold stays as it is
                need_micro = want_micro - exchange.held.granted_micro - outcome.available_micro
                if await self._meter.lend_more(exchange.held, max(1, need_micro)):
                    continue
                # Nothing whole is left: take the rest, if there is any, and live on it.
                if outcome.available_micro > 0 and outcome.held_micro <= exchange.held.granted_micro:
                    least_micro = exchange.held.granted_micro + 1
                    want_micro = exchange.held.granted_micro + outcome.available_micro
                    continue
                if outcome.available_micro == 0 and outcome.held_micro <= exchange.held.granted_micro:
                    return False
            except MeterUnavailable:
                pass  # unreachable for a moment is no refusal
            if not patient:
                return None
            if self._loop.time() >= deadline_s:
                return False
            await asyncio.sleep(RETRY_S)
