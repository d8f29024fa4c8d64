"""One call that goes on at a vendor, watched until it is over: the vendor is asked, less and less often.

What it says is read as its operation reads an answer. Nobody's questions crowd out anybody else's: a company
has a few of them at once, and all together a few more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from gateway.background_end import Followed
from gateway.directory import Directory
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from gateway.problems import Problem
from gateway.stored_vendor import StoredVendor, holder_of
from metering.event import UsageEvent
from metering.wish import Held
from providers.dialect import Answer
from providers.dialects import STORED

MISSING_MIN: Final = 5  # so often at least a vendor has to say that it knows no such thing
ASKED_AT_ONCE_MAX: Final = 64
ASKED_AT_ONCE_OF_COMPANY_MAX: Final = 8
_REFUSED: Final = frozenset({"id_not_found", "upstream_rejected"})


class FollowPace(msgspec.Struct, frozen=True):
    first_s: float = 1.0  # between the answer and the first question
    most_s: float = 30.0
    growth: float = 1.5
    life_s: float = 6 * 3600.0  # then it is cancelled
    unheard_s: float = 600.0  # the same of a stream that broke off: perhaps the vendor has stopped too
    farewell_s: float = 300.0  # and then it is over, whatever the vendor says
    missing_s: float = 120.0  # so long a vendor may not know it: some are slow to list what they took
    claim_every_s: float = 5.0
    of_company_max: int = 1_000  # followed at once
    ends_every_s: float = 1.0  # what ended before the eyes of another gateway


class Following:
    """One call that this process follows."""

    __slots__ = ("_look", "delivered", "followed", "held", "is_cancelled", "is_given_up", "task", "thing")

    def __init__(self, followed: Followed, thing: StoredThing, held: Held | None) -> None:
        self.followed = followed
        self.thing = thing
        self.held = held  # None: the gateway that made it is gone, and its hold with it
        self.delivered = followed.delivered  # output tokens that a client has got, as far as is known here
        self.is_given_up = False
        self.is_cancelled = False
        self.task: asyncio.Task[None] | None = None
        self._look = asyncio.Event()

    def look(self) -> None:
        """Ask now."""
        self._look.set()

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._look.wait(), seconds)
        except TimeoutError:
            pass  # nobody had to say that it is time
        self._look.clear()


class Asks(Protocol):
    """How the end of another kind of call is found."""

    @property
    def pace(self) -> FollowPace: ...

    async def ask(self, following: Following, *, cancels: bool) -> Answer:
        """What becomes known of it meanwhile is noted in `following`. Raises Problem."""


class Watch:
    def __init__(
        self,
        *,
        things: StoredThings,
        vendor: StoredVendor,
        directory: Directory,
        now_ms: Callable[[], int],
        pace: FollowPace,
        others: Mapping[str, Asks],
    ) -> None:
        self._others = others
        self._things = things
        self._vendor = vendor
        self._directory = directory
        self._now_ms = now_ms
        self._pace = pace
        self._turns = _Turns()

    async def until_over(self, following: Following) -> UsageEvent:
        """-> how it ended."""
        followed, other = following.followed, self._others.get(following.thing.kind)
        pace = self._pace if other is None else other.pace
        life_s = pace.life_s if followed.background else pace.unheard_s
        pause_s, missing, missing_since_ms = pace.first_s, 0, 0
        while True:
            await following.pause(pause_s)
            pause_s = min(pause_s * pace.growth, pace.most_s)
            age_s = (self._now_ms() - followed.begun_ms) / 1000
            try:
                answer = await self._learn(following, is_too_old=age_s > life_s)
            except Problem as problem:
                missing = missing + 1 if problem.code in _REFUSED else 0
            else:
                missing = 0
                if not answer.is_running:
                    return await self._end(following, answer)
            now_ms = self._now_ms()
            if missing <= 1:
                missing_since_ms = now_ms
            is_lost = missing >= MISSING_MIN and now_ms - missing_since_ms >= pace.missing_s * 1000
            if is_lost or age_s > life_s + pace.farewell_s:
                return await self._end(following, None)

    async def _learn(self, following: Following, *, is_too_old: bool) -> Answer:
        """What the vendor says of it now. Raises Problem."""
        if not following.is_cancelled and (is_too_old or following.is_given_up):
            try:
                answer = await self._ask(following, cancels=True)
            except Problem:
                pass  # what has become of it is read, and it is cancelled the next time
            else:
                following.is_cancelled = True
                return answer
        return await self._ask(following, cancels=False)

    async def _ask(self, following: Following, *, cancels: bool) -> Answer:
        thing, other = following.thing, self._others.get(following.thing.kind)
        async with self._turns.of(thing.company_id):
            if other is not None:
                return await other.ask(following, cancels=cancels)
            return await self._ask_vendor(thing, cancels=cancels)

    async def _ask_vendor(self, thing: StoredThing, *, cancels: bool) -> Answer:
        target = holder_of(thing, self._directory)
        if target is None:
            raise Problem("upstream_error")  # perhaps not known here yet
        kind = STORED[thing.kind]
        return await self._vendor.ask(
            target,
            kind,
            kind.cancel_path(thing.vendor_id) if cancels else kind.read_path(thing.vendor_id),
            method="POST" if cancels else "GET",
            product_id=thing.product_id,
            request_id=thing.op,
        )

    async def _end(self, following: Following, answer: Answer | None) -> UsageEvent:
        followed = following.followed
        if answer is None or answer.usage is None:  # then it counts what clients were seen to get
            delivered = max(following.delivered, await self._noted(followed.meta.op))
            followed = msgspec.structs.replace(followed, delivered=delivered)
        return followed.end(answer, now_ms=self._now_ms())

    async def _noted(self, op: str) -> int:
        try:
            return await self._things.delivered(op)
        except BooksUnavailable:
            return 0


class _Turns:
    """Who may ask a vendor now."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(ASKED_AT_ONCE_MAX)
        self._of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, company_id: str) -> AsyncIterator[None]:
        own = self._of.get(company_id)
        if own is None:  # it lives as long as anybody waits for it
            own = self._of[company_id] = asyncio.Semaphore(ASKED_AT_ONCE_OF_COMPANY_MAX)
        async with own, self._all:
            yield
