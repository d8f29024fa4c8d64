"""Calls that go on at a vendor after their answer: followed to their end, and charged once, when they end.

The gateway that made such a call keeps its hold open and asks the vendor now and then (`background_watch`),
whether anybody else asks or not. What it needs for the end stands in the books too, from the moment the id is
known, also while the call's own stream is still read: where a gateway stops or dies, its holds are ended as
any others (released or at their checkpoint), and another gateway follows on. It tells the end under the same
name, and the books correct what they have: a call has one charge, however many have followed it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.background_end import Followed, tokens_of
from gateway.background_watch import Asks as Asks
from gateway.background_watch import Following, Watch
from gateway.background_watch import FollowPace as FollowPace
from gateway.directory import Directory
from gateway.exchange import Exchange
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from gateway.stored_vendor import StoredVendor
from metering.event import UsageEvent
from metering.meter import Meter
from metering.wish import Held, MeterUnavailable

_log = logging.getLogger(__name__)

FOLLOWED_MAX: Final = 10_000
RETRY_S: Final = 1.0
LOOK_S: Final = 0.25  # between two looks into the books for an end that another gateway tells


class Background:
    def __init__(
        self,
        *,
        meter: Meter,
        things: StoredThings,
        vendor: StoredVendor,
        directory: Directory,
        now_ms: Callable[[], int],
        pace: FollowPace,
        others: Mapping[str, Asks] = MappingProxyType({}),
    ) -> None:
        """`others`: kinds of things whose calls end in ways of their own."""
        self._meter = meter
        self._things = things
        self._now_ms = now_ms
        self._pace = pace
        self._watch = Watch(
            things=things, vendor=vendor, directory=directory, now_ms=now_ms, pace=pace, others=others
        )
        self._following: dict[str, Following] = {}
        self._of_company = Counter[str]()
        self._attached: set[str] = set()  # their own streams are read here
        self._ending: dict[str, asyncio.Task[None]] = {}  # charged; their rows still have to go
        self._chores: list[asyncio.Task[None]] = []
        self._is_claim_in_doubt = False

    @property
    def has_room(self) -> bool:
        return len(self._following) < FOLLOWED_MAX

    def has_room_for(self, company_id: str) -> bool:
        return self.has_room and self._of_company[company_id] < self._pace.of_company_max

    # -- life

    def start(self) -> None:
        """Follow also what others left behind."""
        self._chores = [
            self._every(self._pace.claim_every_s, self._claim),
            self._every(self._pace.ends_every_s, self._take_ends),
        ]

    async def close(self) -> None:
        """What still goes on is handed on: the calls are not cancelled."""
        followed = [one.task for one in self._following.values() if one.task is not None]
        tasks = [*followed, *self._ending.values(), *self._chores]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        try:
            await self._things.hand_on(self._meter.gateway_id)
        except BooksUnavailable:
            pass  # they see it when this gateway is silent

    # -- one call

    def describe(self, exchange: Exchange, delivered: int = 0) -> Followed:
        """What its end is booked by. `delivered`: tokens the client has got so far."""
        return Followed.of(exchange, begun_ms=self._now_ms(), delivered=delivered)

    def follow(self, exchange: Exchange, thing: StoredThing, delivered: int) -> Followed:
        """From now on its hold is ours to end."""
        followed = self.describe(exchange, delivered)
        self.begin(followed, thing, exchange.held)
        return followed

    def begin(self, followed: Followed, thing: StoredThing, held: Held | None) -> None:
        """`held` None: nobody has its hold any more. Who is followed already may still bring its hold."""
        op = followed.meta.op
        self._attached.discard(op)
        known = self._following.get(op)
        if known is not None:
            known.held = known.held or held
            known.delivered = max(known.delivered, followed.delivered)
            return
        self._start_following(Following(followed, thing, held))

    def attach(self, op: str) -> None:
        """Its row is written, and its own stream is read here: nobody has to follow it."""
        self._attached.add(op)

    def detach(self, op: str, *, is_settled: bool) -> None:
        """Its own stream is over. Settled: its row goes. Else whoever comes after this gateway follows it."""
        if op not in self._attached:
            return
        self._attached.discard(op)
        if is_settled:
            task = self._ending[op] = asyncio.get_running_loop().create_task(
                self._finish(op), name=f"ending-{op}"
            )
            task.add_done_callback(lambda _: self._ending.pop(op, None))

    def look(self, op: str) -> None:
        """Somebody was told that it is over: ask now."""
        if (following := self._following.get(op)) is not None:
            following.look()

    def give_up(self, op: str) -> None:
        """Its id was told to nobody: cancel it, and charge what the vendor reports."""
        if (following := self._following.get(op)) is not None:
            following.is_given_up = True
            following.look()

    async def seen_over(self, op: str) -> None:
        """As `look`, whichever gateway follows it."""
        self.look(op)
        if not self.is_here(op):
            try:
                await self._things.note_end(op)
            except BooksUnavailable:
                pass  # it is asked in its time

    async def note_delivered(self, op: str, tokens: int) -> None:
        """A client has read so much of it: it counts where the vendor counts nothing."""
        if (following := self._following.get(op)) is not None:
            following.delivered = max(following.delivered, tokens)
        try:
            await self._things.note_delivered(op, tokens)
        except BooksUnavailable:
            pass  # the next one says more

    async def ends_soon(self, op: str, *, wait_s: float) -> bool:
        """Whether its end is written down, after a moment's wait; False where another gateway follows it."""
        following = self._following.get(op)
        task = self._ending.get(op) if following is None else following.task
        if task is None:
            return False
        self.look(op)
        await asyncio.wait([task], timeout=wait_s)
        return task.done()

    def is_here(self, op: str) -> bool:
        """Whether this gateway follows it, or reads its own stream."""
        return op in self._following or op in self._attached or op in self._ending

    async def is_told(self, thing: StoredThing, *, wait_s: float) -> bool:
        """Somebody saw its end: whether that is written down, after a moment's wait."""
        if self.is_here(thing.op):
            return await self.ends_soon(thing.op, wait_s=wait_s)
        try:
            await self._things.note_end(thing.op)
            async with asyncio.timeout(wait_s):
                while True:
                    found = await self._things.find(thing.company_id, thing.kind, thing.vendor_id)
                    if found is None or not found[1]:
                        return True
                    await asyncio.sleep(LOOK_S)
        except (TimeoutError, BooksUnavailable):
            return False

    # -- inside

    def _start_following(self, following: Following) -> None:
        op, company_id = following.followed.meta.op, following.thing.company_id
        self._following[op] = following
        self._of_company[company_id] += 1
        task = asyncio.get_running_loop().create_task(self._survive(following), name=f"background-{op}")
        following.task = task

        def over(_: asyncio.Task[None]) -> None:
            del self._following[op]
            self._of_company[company_id] -= 1
            if not self._of_company[company_id]:
                del self._of_company[company_id]

        task.add_done_callback(over)

    async def _survive(self, following: Following) -> None:
        """A fault of ours must not leave money held for good."""
        if following.held is not None:
            await self._checkpoint(following.followed, following.held)
        while True:
            try:
                event = await self._watch.until_over(following)
                await self._tell(event, following)
                await self._finish(event.op)
                if following.held is not None:  # brought meanwhile
                    await self._tell(event, following)
            except Exception:  # noqa: BLE001 - as said above
                _log.exception("background_failed op=%s", following.followed.meta.op)
                await asyncio.sleep(self._pace.most_s)
            else:
                _log.info(
                    "background_ended op=%s end_reason=%s charge_micro=%s estimated=%s",
                    event.op,
                    event.end_reason,
                    event.charge_micro,
                    event.estimated,
                )
                return

    async def _checkpoint(self, followed: Followed, held: Held) -> None:
        try:
            await self._meter.extend(
                held,
                want_micro=0,
                least_micro=0,
                floor_micro=followed.floor_micro(held.granted_micro),
                floor_output_tokens=followed.delivered,
            )
        except MeterUnavailable:
            pass  # then it ends at what was noted before, should nobody follow on

    async def _tell(self, event: UsageEvent, following: Following) -> None:
        """Until it is written down."""
        while True:
            held = following.held
            if held is None:
                if self._meter.deliver(_of_another(event)):
                    return
            else:
                try:
                    await self._meter.settle(held, event, tokens=tokens_of(event))
                    following.held = None
                    return
                except MeterUnavailable:
                    pass
            await asyncio.sleep(RETRY_S)

    async def _finish(self, op: str) -> None:
        while True:
            try:
                await self._things.finish(op)
                return
            except BooksUnavailable:
                await asyncio.sleep(RETRY_S)

    def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def forever() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await chore()
                except BooksUnavailable:
                    pass  # the next time
                except Exception:  # noqa: BLE001 - what one row does must not end this for good
                    _log.exception("background_chore_failed")

        return asyncio.get_running_loop().create_task(forever(), name="background")

    async def _take_ends(self) -> None:
        if self._following:
            for op in await self._things.take_ends(self._meter.gateway_id):
                self.look(op)

    async def _claim(self) -> None:
        if not self.has_room:
            return
        gateway_id, but = self._meter.gateway_id, None
        if self._is_claim_in_doubt:
            but = [*self._following, *self._attached, *self._ending]
        self._is_claim_in_doubt = True  # until it is answered: else nobody would follow what it has taken
        claimed = await self._things.claim(gateway_id, but=but)
        self._is_claim_in_doubt = False
        for thing, call in claimed:
            if self.is_here(thing.op):
                continue
            try:
                followed = Followed.from_text(call)
            except ValueError:
                _log.error("background_unreadable op=%s", thing.op)
                continue
            if but is None or followed.meta.gateway_id != gateway_id:  # of our own the end is told elsewhere
                self.begin(followed, thing, None)


def _of_another(event: UsageEvent) -> UsageEvent:
    """Its gateway's hold was ended at a checkpoint: where ours is an estimate too, the higher one counts."""
    return msgspec.structs.replace(event, is_floor=event.estimated)
