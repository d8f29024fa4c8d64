"""One realtime session: events pass both ways, and every response in it is paid.

Three tasks: what the client says, what the vendor says, and a look at the clock and the caller's rights. The
first of them that sees an end says which (`realtime_ends`); then running responses are ended, settled and
told, what was held for none is given back, and only then the client hears the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec
import orjson

from gateway import realtime_ends as ends
from gateway.asgi.websocket import SocketEnded, WebSocket
from gateway.problems import Problem
from gateway.realtime_ends import End
from gateway.realtime_holds import Holds
from gateway.realtime_money import Money, ResponseExchange
from gateway.realtime_names import VendorNames, new_event_id
from gateway.realtime_responses import Responses
from gateway.slices import HoldLost, Pace
from metering.wish import MeterUnavailable
from providers.errors import UpstreamError
from providers.facts import BadRequest
from providers.openai_realtime import vendor_events as vendors
from providers.openai_realtime.client_events import BadEvent, ClientEvent, limiting, read_client_event
from providers.openai_realtime.vendor_events import VendorEvent
from providers.vendor_sockets import VendorSocket

_UNHELD_EN: Final = (
    "A response began before money for it was set aside, and was cancelled; what it cost is charged."
)
_UNHELD_KO: Final = "금액이 확보되기 전에 시작된 응답을 취소했습니다. 그때까지의 비용은 차감됩니다."
RESPONSES_MAX: Final = 8  # at one time: one of the conversation, the others beside it


class SessionLimits(msgspec.Struct, frozen=True):
    pace: Pace
    life_s: float = 3600.0
    idle_s: float = 600.0  # without a word from either side
    look_s: float = 1.0  # at the clock and the caller's rights


class Session:
    def __init__(
        self,
        *,
        client: WebSocket,
        vendor: VendorSocket,
        money: Money,
        first: ResponseExchange,
        limits: SessionLimits,
        language: str | None,
        is_beta: bool = False,
    ) -> None:
        self._client = client
        self._vendor = vendor
        self._money = money
        self._limits = limits
        self._language = language
        self._product = money.admitted.product
        self._holds = Holds(first, hold=money.hold, when_short=self._is_short)
        self._responses = Responses(money, self._holds, limits.pace, cancel=self._cancel)
        self._names = VendorNames()
        self._is_beta = is_beta
        self._is_limit_due = True  # the vendor has not answered the limit that we set
        self._is_deaf = False  # the vendor says nothing more
        self._fault: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._began_s = self._word_s = self._loop.time()
        self._ended: asyncio.Future[End] = self._loop.create_future()

    async def run(self, accept: Callable[[], Awaitable[None]]) -> End:
        """Until it has ended; what it cost is with the meter then."""
        tasks: list[asyncio.Task[None]] = []
        end = ends.STOPPED
        try:
            await accept()
            tasks = [self._begin_task(work()) for work in (self._from_client, self._look, self._from_vendor)]
            end = await self._ended
            await _stop(tasks[:2])
            await self._wind_down(end)
        finally:
            await _stop(tasks)
            await self._settle_rest(end)
            await self._vendor.close()
        await self._tell(end)
        if self._fault is not None:
            raise self._fault
        return end

    # -- the client

    async def _from_client(self) -> None:
        limit = self._product.max_output_tokens
        await self._vendor.send(limiting(self._names.limit, limit, is_beta=self._is_beta))
        while True:
            try:
                text = await self._client.receive()
            except SocketEnded as ended:
                self._say(ends.STOPPING if ended.is_leaving else ends.CLIENT_GONE)
                return
            self._word_s = self._loop.time()
            try:
                event = read_client_event(
                    text,
                    product_id=self._product.product_id,
                    output_tokens_max=self._product.max_output_tokens,
                )
                await self._pass_on(event)
            except BadEvent as bad:
                await self._refuse(bad.reason, bad.event_id)
            except BadRequest as bad:
                await self._refuse(bad, None)

    async def _pass_on(self, event: ClientEvent) -> None:
        """To the vendor, once a response that may begin by it is paid. Raises BadRequest."""
        name = None
        if event.asks:
            if len(self._responses) + self._holds.asked >= RESPONSES_MAX:
                raise BadRequest(
                    "Wait for running responses to end.", "진행 중인 응답이 끝나기를 기다려 주세요."
                )
            name = event.body["event_id"] = self._names.give(event.event_id)
        text = event.written()
        if event.may_begin:
            await self._holds.until_payable()
        if name is not None:
            self._holds.ask(name)
        self._responses.heard.add(event.text_bytes, event.audio_bytes)
        await self._vendor.send(text)

    async def _refuse(self, bad: BadRequest, about: str | None) -> None:
        problem = Problem("invalid_request", english=bad.message_en, korean=bad.message_ko, param=bad.param)
        await self._client.send(self._error(problem, about))

    # -- the vendor

    async def _from_vendor(self) -> None:
        try:
            await self._hear_vendor()
        finally:
            self._is_deaf = True
            self._responses.changed.set()

    async def _hear_vendor(self) -> None:
        while (text := await self._vendor.receive()) is not None:
            self._word_s = self._loop.time()
            event = vendors.read_vendor_event(text)
            told = vendors.unread(text) if event is None else await self._understand(event, text)
            if told is not None:
                await self._client.send(self._names.hide(told))
        self._say(ends.failed("upstream_error") if len(self._responses) else ends.VENDOR_CLOSED)

    async def _understand(self, event: VendorEvent, text: str) -> str | None:
        """What it means for the money is done; -> what the client gets of it, perhaps nothing."""
        responses, name = self._responses, event.response_id
        if (event.kind == vendors.BEGUN or responses.is_unannounced(event)) and not responses.begin(event):
            return self._error(Problem("funds_held", english=_UNHELD_EN, korean=_UNHELD_KO))
        if event.kind == vendors.DONE:
            await responses.finish(event)
        elif event.kind == vendors.ERROR:
            if self._names.are(event.blames):
                return self._blamed(event)
            self._is_limit_due = self._is_limit_due and event.blames is not None
        elif event.kind in vendors.SESSION:
            responses.formats.note(event.session)
            if event.kind != vendors.CREATED and self._is_limit_due:
                self._is_limit_due = False
                return None  # it answers us, not the client
        elif event.delta is not None and name is not None:
            await responses.count(name, event.kind, event.delta)
        if responses.unheld.is_known(name):
            return None
        return vendors.for_client(event, text, product_id=self._product.product_id)

    def _blamed(self, event: VendorEvent) -> str | None:
        """The vendor refuses what we have given a name: the client hears it under its own."""
        name = event.blames
        if name == self._names.limit:
            self._is_limit_due = False
            return None  # more than it ever gives: its own limit is the lower one
        if self._holds.answered(name):
            self._responses.changed.set()
        return vendors.blaming(event, self._names.client_of(name))

    async def _cancel(self, name: str) -> None:
        event = {"type": "response.cancel", **({"response_id": name} if name else {})}
        try:
            await self._vendor.send(orjson.dumps(event).decode())
        except UpstreamError:
            pass  # the end of the session is noticed where the vendor is heard

    # -- time, rights and money

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._limits.look_s)
            now_s = self._loop.time()
            if self._client.is_lost:  # also where its next word waits for money
                self._say(ends.CLIENT_GONE)
            elif now_s - self._began_s >= self._limits.life_s:
                self._say(ends.EXPIRED)
            elif now_s - self._word_s >= self._limits.idle_s:
                self._say(ends.IDLE)
            self._money.look_again()
            while (old := self._holds.outdated(self._money.is_current)) is not None:
                await self._money.release(old, "refused")

    def _is_short(self, problem: Problem) -> None:
        """The next response cannot be held. What runs is paid, and may leave enough when it ends."""
        if not len(self._responses) and not len(self._holds):
            self._say(ends.refused(problem))

    # -- the end

    def _say(self, end: End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._loop.create_task(self._guarded(work), name="realtime")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Problem as problem:
            self._say(ends.refused(problem))
        except (HoldLost, MeterUnavailable):
            self._say(ends.failed("meter_unavailable"))
        except UpstreamError:
            self._say(ends.failed("upstream_error"))
        except Exception as error:  # noqa: BLE001 - told where the session was begun, once all is settled
            self._fault = error
            self._say(ends.failed("internal_error"))

    async def _wind_down(self, end: End) -> None:
        """Running responses may end, at the vendor's own count, within a short time."""
        if end.client_gone:
            self._responses.mark_gone()
        try:
            async with asyncio.timeout(end.patience_s):
                await self._until_quiet(cancels=end.cancels)
        except (TimeoutError, UpstreamError):
            pass  # what was delivered is charged as an estimate

    async def _until_quiet(self, *, cancels: bool) -> None:
        """Until no response runs, nor one is to come that was asked for."""
        cancelled: set[str] = set()
        while not self._is_deaf and (len(self._responses) or self._holds.asked):
            self._responses.changed.clear()
            for name in set(self._responses.names()) - cancelled if cancels else ():
                cancelled.add(name)
                await self._cancel(name)
            await self._responses.changed.wait()

    async def _settle_rest(self, end: End) -> None:
        await self._responses.settle_rest(end)
        for exchange in await self._holds.close():
            try:
                await self._money.release(exchange, "refused")
            except MeterUnavailable:
                pass  # this process ends, or the purse forgets it: either way the hold is released

    async def _tell(self, end: End) -> None:
        if end.client_gone:
            return
        if end.problem is not None:
            await self._client.send(self._error(end.problem))
        elif end.message is not None:
            event_id = new_event_id()
            await self._client.send(ends.error_event(event_id, code=end.reason, message=end.message))
        await self._client.close(end.close_code, end.reason)

    def _error(self, problem: Problem, about: str | None = None) -> str:
        refusal = problem.refusal(self._language)
        return ends.error_event(
            new_event_id(),
            code=refusal.code,
            message=refusal.message,
            kind=refusal.openai_type,
            param=refusal.param,
            about=about,
        )


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["Session", "SessionLimits"]
