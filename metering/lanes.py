"""What one gateway knows of the lanes it uses: their epochs, its holds in them, and what it may still borrow.

The treasury is asked rarely and once for all who want the same: when a lane is new here, when the purse lost
or changed its epoch, when a voucher runs low. A former epoch is left as soon as nothing of ours is on its
way in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from metering.event import LeftNotice, OpenHold
from metering.purse import Purse, PurseUnavailable
from metering.treasury import EpochReplaced, LendOutcome, NothingFree, Treasury, TreasuryUnavailable
from metering.unposted import Unposted
from metering.wish import Held, MeterUnavailable, Refused

Answer = TypeVar("Answer")

NOTHING_FREE_S: Final = 0.3  # for how long the treasury's "nothing" is believed
TREASURY_S: Final = 5.0
TOP_UP_PAUSE_S: Final = 1.0


@dataclass(slots=True)
class Lane:
    number: int
    n: int = 0  # 0: not known yet
    reserving: Counter[int] = field(default_factory=Counter)  # by epoch: asked, not answered
    holds: dict[str, Held] = field(default_factory=dict)
    entering: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def running(self) -> int:
        """Calls that hold money here, or are about to."""
        return len(self.holds) + self.reserving.total()


class Lanes:
    def __init__(self, *, purse: Purse, treasury: Treasury, unposted: Unposted, gateway_id: str) -> None:
        self._purse = purse
        self._treasury = treasury
        self._unposted = unposted
        self._gateway_id = gateway_id
        self._lanes: dict[int, Lane] = {}
        self._lending: dict[tuple[str, int], tuple[float, asyncio.Task[LendOutcome]]] = {}  # since when
        self._topping_up: set[asyncio.Task[None]] = set()
        self._nothing: dict[str, tuple[int, float, NothingFree]] = {}  # epoch, when, what
        self._loop = asyncio.get_running_loop()

    def __getitem__(self, number: int) -> Lane:
        lane = self._lanes.get(number)
        if lane is None:
            lane = self._lanes[number] = Lane(number)
        return lane

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    # -- epochs

    async def enter(self, lane: Lane) -> int:
        """The lane's epoch, learnt at its first use. Raises MeterUnavailable."""
        async with lane.entering:
            if not lane.n:
                lane.n = await _asked(self._treasury.current_epoch(lane.number))
            return lane.n

    async def renew(self, lane: Lane, stale_n: int) -> None:
        """The purse lost epoch `stale_n`. Raises MeterUnavailable."""
        async with lane.entering:
            if lane.n <= stale_n:
                lane.n = max(lane.n, await _asked(self._treasury.renew_epoch(lane.number, stale_n)))

    async def follow(self, lane: Lane, *, ours: int, theirs: int) -> None:
        """The purse holds another epoch. A later one is followed; an earlier one is the books' affair."""
        if theirs > ours:
            lane.n = max(lane.n, theirs)
        else:
            await self.renew(lane, ours)

    async def leave(self, number: int, n: int) -> None:
        """Our last word on epoch n: all events of it the books may lack, all holds still open."""
        lane = self[number]
        if lane.n and lane.n <= n:
            lane.n = max(lane.n, await self._treasury.current_epoch(number))
            if lane.n <= n:
                return
        if lane.reserving[n]:
            return  # the next poll asks again
        notice = LeftNotice(
            gateway_id=self._gateway_id,
            lane=number,
            n=n,
            events=self._unposted.of_epoch(number, n),
            open_holds=tuple(
                OpenHold(held.ref.op, held.voucher.voucher_id, held.granted_micro)
                for held in lane.holds.values()
                if held.ref.n == n
            ),
        )
        op = f"left:{self._gateway_id}:{number}:{n}"
        await self._purse.note(lane=number, kind="left", op=op, n=n, event=notice.to_bytes())

    # -- loans

    async def lend(self, lane: Lane, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        """Ask the treasury, once for all who ask at the same time; a recent "nothing" is believed."""
        if (nothing := self._recent_nothing(voucher_id, n, NOTHING_FREE_S)) is not None:
            return nothing
        if (voucher_id, n) not in self._lending:
            asking = self._treasury.lend(lane=lane.number, n=n, voucher_id=voucher_id, need_micro=need_micro)
            task = self._loop.create_task(asking, name=f"lend-{voucher_id}")
            self._lending[voucher_id, n] = self._loop.time(), task
            task.add_done_callback(lambda _: self._lending.pop((voucher_id, n), None))
        asked_s, task = self._lending[voucher_id, n]
        outcome = await _asked(asyncio.shield(task))
        if isinstance(outcome, NothingFree):
            if self._loop.time() - asked_s > NOTHING_FREE_S:
                # Slow books said what was so when they were asked: a grant may have been raised since.
                return NothingFree(pending=True, free_micro=outcome.free_micro)
            self._nothing[voucher_id] = (n, self._loop.time(), outcome)
        elif isinstance(outcome, EpochReplaced):
            lane.n = max(lane.n, outcome.n)
        return outcome

    def nothing_since_s(self, voucher_id: str, n: int) -> float | None:
        """When the books last said that nothing is free."""
        known_n, since_s, _ = self._nothing.get(voucher_id, (0, 0.0, None))
        return since_s if known_n == n else None

    def top_up(self, lane: Lane, n: int, voucher_id: str) -> None:
        """Less than half of the loan is left: ask for more, beside the calls."""
        if (voucher_id, n) in self._lending or self._recent_nothing(voucher_id, n, TOP_UP_PAUSE_S):
            return
        task = self._loop.create_task(_quiet(self.lend(lane, n, voucher_id, 0)), name=f"top-up-{voucher_id}")
        self._topping_up.add(task)
        task.add_done_callback(self._topping_up.discard)

    def _recent_nothing(self, voucher_id: str, n: int, recent_s: float) -> NothingFree | None:
        """Only of the same epoch: what a former one was lent may still come back."""
        known_n, since_s, nothing = self._nothing.get(voucher_id, (0, 0.0, None))
        return nothing if known_n == n and self._loop.time() - since_s < recent_s else None


async def _asked(asking: Awaitable[Answer]) -> Answer:
    """The treasury's answer, or MeterUnavailable: a database that hangs is as good as away."""
    try:
        async with asyncio.timeout(TREASURY_S):
            return await asking
    except TimeoutError:
        raise MeterUnavailable("the books do not answer") from None
    except (TreasuryUnavailable, PurseUnavailable) as error:
        raise MeterUnavailable(str(error)) from error


async def _quiet(asking: Coroutine[Any, Any, LendOutcome]) -> None:
    try:
        await asking
    except Refused:
        pass  # the next call asks again
