"""How far the hold of a running call reaches, and what is done when its output comes near the end of it.

Every call that streams notes checkpoints, so that a killed process loses little. If its hold covers only
a part of its ceiling, it asks for more before it needs it, again and again. When nothing more is to be had
and the hold is all but used it waits, while the vendor is not read, for as long as other calls still move
(metering/pressed.py), and only then is it ended, gracefully.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.exchange import Exchange
from metering.meter import Meter
from metering.purse import Extended, ExtendShort, Gone
from metering.wish import MeterUnavailable
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN

MARGIN_TOKENS: Final = 32  # more is asked for so far ahead of the end of the hold,
LAST_TOKENS: Final = 8  # and waited for where only so much of it is left
LEFT_TOKENS: Final = 64  # who is not the first asks only where so much is there for everybody
STEP_TOKENS: Final = 256
EVENT_TOKENS: Final = 2  # no more than that in one event of an ordinary size, most of the time
EVENT_BYTES: Final = 400
EARLY_TOKENS: Final = 16  # a checkpoint is due so far ahead: what makes it due is with the client already
RETRY_S: Final = 0.05
LENDS_MAX: Final = 4  # at one time: others may take what is lent as fast as it comes
PAUSE_S: Final = 0.2  # for those who are not the first: the money is not for them yet


@dataclass(frozen=True, slots=True)
class Pace:
    checkpoint_s: float
    checkpoint_tokens: int
    wait_for_funds_s: float


class HoldLost(Exception):
    """The sweeper took this process for dead and ended the hold; or nobody would know of what follows."""


class Slices:
    """One per running stream."""

    __slots__ = (
        "_checkpoint_due_s",
        "_checkpoint_due_tokens",
        "_exchange",
        "_is_lost",
        "_loop",
        "_meter",
        "_money",
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
        self._noting: asyncio.Task[bool] | None = None
        self._checkpoint_due_s = self._loop.time() + pace.checkpoint_s
        self._checkpoint_due_tokens = self._next_checkpoint(0)
        self._refused = False
        self._is_lost = False
        self._money: tuple[int, int] | None = None  # available and held, as the voucher was last seen short
        self.reach_tokens = 0  # output tokens the hold pays for
        self.due_tokens = 0  # at this count `advance` has something to do
        self._measure(0)

    def is_due(self, output_tokens: int) -> bool:
        return output_tokens >= self.due_tokens or self._loop.time() >= self._checkpoint_due_s

    def portion(self, events: list[bytes], output_tokens: int) -> int:
        """How many of the events that arrived at once may pass before `is_due` is asked; one at least.

        A process that gets little time finds whole answers in its buffer: the hold pays a part of one,
        and were the process killed behind it, no checkpoint would tell of it.
        """
        left_tokens = self.due_tokens - output_tokens
        for count, event in enumerate(events):
            is_long = len(event) > EVENT_BYTES
            left_tokens -= len(event) // ESTIMATE_BYTES_PER_TOKEN if is_long else EVENT_TOKENS
            if left_tokens < 0:
                return max(1, count)
        return len(events)

    async def advance(self, output_tokens: int) -> bool:
        """Note the checkpoint, raise the hold where it is needed. False: the balance has ended.

        Raises HoldLost where this process slept so long that the hold was ended without it, and where
        neither the disk nor the purse takes the checkpoint: unmetered work is never served.
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
        if not self._write(output_tokens):
            await self._insist(output_tokens)
        self._checkpoint_due_s = self._loop.time() + self._pace.checkpoint_s
        self._checkpoint_due_tokens = self._next_checkpoint(output_tokens)
        self._measure(output_tokens)
        return not exchange.is_sliced or output_tokens < self.reach_tokens

    def _next_checkpoint(self, output_tokens: int) -> int:
        return output_tokens + max(1, self._pace.checkpoint_tokens - EARLY_TOKENS)

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

    def _write(self, output_tokens: int) -> bool:
        return self._meter.write_floor(partial(self._exchange.checkpoint, output_tokens))

    async def _insist(self, output_tokens: int) -> None:
        """The disk has no place for the checkpoint: the purse must have it before another byte is relayed."""
        until_s = self._loop.time() + self._pace.wait_for_funds_s
        while not await self._note(output_tokens) and not self._write(output_tokens):
            if self._is_lost or self._exchange.client_gone or self._loop.time() >= until_s:
                raise HoldLost
            await asyncio.sleep(RETRY_S)

    async def _note(self, output_tokens: int) -> bool:
        """Whether the purse has the checkpoint."""
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
            return False  # the next checkpoint is two seconds away
        if isinstance(outcome, Gone) and not await self._meter.still_ours(exchange.held):
            # The lease was missed and is ours again: only the hold itself can still tell.
            self._is_lost = True
            self._checkpoint_due_s = self._loop.time()
        return not isinstance(outcome, Gone)

    async def _raise_hold(self, output_tokens: int, *, patient: bool) -> bool | None:
        """Whether the hold was raised. None: not now, and there is still some of it left."""
        raised = await self._ask(output_tokens)
        if raised is not None or not patient:
            return raised
        held, pressed, since_s = self._exchange.held, self._meter.pressed, self._loop.time()
        with pressed.waiting(held):
            while raised is None and not self._gives_up(since_s):
                await asyncio.sleep(RETRY_S if pressed.is_first(held) else PAUSE_S)
                raised = await self._ask(output_tokens)
        return bool(raised)

    def _gives_up(self, since_s: float) -> bool:
        now_s = self._loop.time()
        if self._exchange.client_gone:
            return True
        if self._money is None:  # the purse is away: it will be back, or this process has to end
            return now_s - since_s >= self._pace.wait_for_funds_s
        return self._meter.pressed.gives_up(
            self._exchange.held, money=self._money, since_s=since_s, now_s=now_s
        )

    def _wish(self, output_tokens: int) -> tuple[int, int]:
        """(want, least) as totals of the hold. Who is not the first leaves a step for everybody who runs."""
        exchange = self._exchange
        ceiling_micro, needed_micro = exchange.ceiling.want_micro, exchange.needed_micro
        least_micro = min(ceiling_micro, needed_micro(output_tokens + MARGIN_TOKENS + 1))
        exchange.held.needed_micro = max(exchange.held.needed_micro, least_micro)
        if not self._meter.pressed.is_first(exchange.held):
            step_micro = needed_micro(self.reach_tokens + LEFT_TOKENS)
            least_micro = min(ceiling_micro, max(least_micro, step_micro))
        want_micro = min(ceiling_micro, needed_micro(2 * output_tokens + STEP_TOKENS))
        return max(want_micro, least_micro), least_micro

    async def _ask(self, output_tokens: int) -> bool | None:
        """Once. True: raised; False: it never will be; None: perhaps later."""
        held, self._money = self._exchange.held, None
        want_micro, least_micro = self._wish(output_tokens)
        try:
            for _ in range(LENDS_MAX):
                outcome = await self._meter.extend(
                    held,
                    want_micro=want_micro,
                    least_micro=least_micro,
                    floor_micro=self._exchange.floor_micro(output_tokens),
                    floor_output_tokens=output_tokens,
                )
                if isinstance(outcome, Extended):
                    return True
                if isinstance(outcome, Gone) and not await self._meter.still_ours(held):
                    raise HoldLost
                if not isinstance(outcome, ExtendShort):
                    return False  # a limit of the key, or an epoch that ended: the hold stays as it is
                available_micro, held_micro = self._money = outcome.available_micro, outcome.held_micro
                if await self._meter.lend_more(held, want_micro - held.granted_micro):
                    continue
                if held_micro > held.granted_micro:
                    return None  # others hold some of it, and will end
                if available_micro == 0:
                    return False
                # Nothing whole is left: take the rest and live on it.
                least_micro, want_micro = held.granted_micro + 1, held.granted_micro + available_micro
        except MeterUnavailable:
            pass  # unreachable for a moment is no refusal
        return None
