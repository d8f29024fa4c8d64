"""Calls that go on at a vendor after their answer: followed to their end, and charged once, when they end.

The gateway that made such a call keeps its hold open and asks the vendor now and then, whether anybody else
asks or not. What it needs for the end stands in the books too: where a gateway stops or dies, its holds are
ended as any others (released or at their checkpoint), and another gateway follows on. It tells the end under
the same name, and the books correct what they have: a call has one charge, however many have followed it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from gateway.background_end import Followed, tokens_of
from gateway.directory import Directory
from gateway.exchange import Exchange
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from gateway.problems import Problem
from gateway.stored_vendor import StoredVendor, holder_of
from metering.event import UsageEvent
from metering.meter import Meter
from metering.wish import Held, MeterUnavailable
from providers.dialect import Answer
from providers.dialects import STORED

_log = logging.getLogger(__name__)

FOLLOWED_MAX: Final = 10_000
MISSING_MAX: Final = 5  # so often a vendor has to say that it knows no such thing
RETRY_S: Final = 1.0
_REFUSED: Final = frozenset({"id_not_found", "upstream_rejected"})


class FollowPace(msgspec.Struct, frozen=True):
    first_s: float = 1.0  # between the answer and the first question
    most_s: float = 30.0
    growth: float = 1.5
    life_s: float = 6 * 3600.0  # then it is cancelled
    unheard_s: float = 600.0  # the same of a stream that broke off: perhaps the vendor has stopped too
    farewell_s: float = 300.0  # and then it is over, whatever the vendor says
    claim_every_s: float = 5.0


class Asks(Protocol):
    """How the end of another kind of call is found."""

    @property
    def pace(self) -> FollowPace: ...

    async def ask(self, followed: Followed, thing: StoredThing, *, cancels: bool) -> Answer:
        """Raises Problem."""


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
        self._meter = meter
        self._things = things
        self._vendor = vendor
        self._directory = directory
        self._now_ms = now_ms
        self._pace = pace
        self._others = others  # by the kind of their things
        self._following: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[str, asyncio.Event] = {}
        self._given_up: set[str] = set()
        self._claiming: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        return len(self._following) < FOLLOWED_MAX

    # -- life

    def start(self) -> None:
        """Follow also what others left behind."""
        self._claiming = asyncio.get_running_loop().create_task(self._claim_forever(), name="background")

    async def close(self) -> None:
        """What still goes on is handed on: the calls are not cancelled."""
        tasks = [*self._following.values(), *([self._claiming] if self._claiming is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        try:
            await self._things.hand_on(self._meter.gateway_id)
        except BooksUnavailable:
            pass  # they see it when this gateway is silent

    # -- one call

    def follow(self, exchange: Exchange, thing: StoredThing, delivered: int) -> Followed:
        """From now on its hold is ours to end. `delivered`: tokens the client has got so far."""
        followed = Followed.of(exchange, begun_ms=self._now_ms(), delivered=delivered)
        self._begin(followed, thing, exchange.held)
        return followed

    def look(self, op: str) -> None:
        """Somebody was told that it is over: ask now."""
        if (event := self._looks.get(op)) is not None:
            event.set()

    def give_up(self, op: str) -> None:
        """Its id was told to nobody: cancel it, and charge what the vendor reports."""
        self._given_up.add(op)
        self.look(op)

    async def ends_soon(self, op: str, *, wait_s: float) -> bool:
        """Whether its end is written down, after a moment's wait; False where another gateway follows it."""
        task = self._following.get(op)
        if task is None:
            return False
        self.look(op)
        await asyncio.wait([task], timeout=wait_s)
        return task.done()

    # -- inside

    def _begin(self, followed: Followed, thing: StoredThing, held: Held | None) -> None:
        op = followed.meta.op
        self._looks[op] = asyncio.Event()
        task = asyncio.get_running_loop().create_task(
            self._survive(followed, thing, held), name=f"background-{op}"
        )
        self._following[op] = task

        def over(_: asyncio.Task[None]) -> None:
            self._following.pop(op, None)
            self._looks.pop(op, None)
            self._given_up.discard(op)

        task.add_done_callback(over)

    async def _survive(self, followed: Followed, thing: StoredThing, held: Held | None) -> None:
        """A fault of ours must not leave money held for good."""
        if held is not None:
            await self._checkpoint(followed, held)
        while True:
            try:
                event = await self._watch(followed, thing)
                await self._tell(event, held)
                await self._finish(followed.meta.op)
            except Exception:  # noqa: BLE001 - as said above
                _log.exception("background_failed op=%s", followed.meta.op)
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

    async def _watch(self, followed: Followed, thing: StoredThing) -> UsageEvent:
        """Until it is over -> how."""
        pace = self._pace if (other := self._others.get(thing.kind)) is None else other.pace
        pause_s, missing, is_cancelled = pace.first_s, 0, False
        while True:
            await self._pause(followed.meta.op, pause_s)
            pause_s = min(pause_s * pace.growth, pace.most_s)
            age_s = (self._now_ms() - followed.begun_ms) / 1000
            life_s = pace.life_s if followed.background else pace.unheard_s
            is_too_old = age_s > life_s
            cancels = not is_cancelled and (is_too_old or followed.meta.op in self._given_up)
            try:
                answer = await self._ask(followed, thing, cancels=cancels)
            except Problem as problem:
                is_cancelled = is_cancelled or cancels
                missing = missing + 1 if problem.code in _REFUSED else 0
            else:
                missing, is_cancelled = 0, is_cancelled or cancels
                if not answer.is_running:
                    return followed.end(answer, now_ms=self._now_ms())
            if missing >= MISSING_MAX or age_s > life_s + pace.farewell_s:
                return followed.end(None, now_ms=self._now_ms())

    async def _pause(self, op: str, seconds: float) -> None:
        look = self._looks[op]
        try:
            await asyncio.wait_for(look.wait(), seconds)
        except TimeoutError:
            pass  # nobody had to say that it is time
        look.clear()

    async def _ask(self, followed: Followed, thing: StoredThing, *, cancels: bool) -> Answer:
        if (other := self._others.get(thing.kind)) is not None:
            return await other.ask(followed, thing, cancels=cancels)
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

    async def _tell(self, event: UsageEvent, held: Held | None) -> None:
        """Until it is written down."""
        while True:
            if held is None:
                if self._meter.deliver(event):
                    return
            else:
                try:
                    await self._meter.settle(held, event, tokens=tokens_of(event))
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

    async def _claim_forever(self) -> None:
        while True:
            await asyncio.sleep(self._pace.claim_every_s)
            try:
                await self._claim()
            except BooksUnavailable:
                pass  # the next time
            except Exception:  # noqa: BLE001 - what one row does must not end this for good
                _log.exception("background_not_claimed")

    async def _claim(self) -> None:
        if not self.has_room:
            return
        for thing, call in await self._things.claim(self._meter.gateway_id):
            if thing.op in self._following:
                continue
            try:
                followed = Followed.from_text(call)
            except ValueError:
                _log.error("background_unreadable op=%s", thing.op)
                continue
            self._begin(followed, thing, None)
