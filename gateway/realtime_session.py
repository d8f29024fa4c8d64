"""One realtime session: events pass both ways, and every response in it is paid.

Three tasks: what the client says, what the vendor says, and a look at the clock and the caller's rights. The
first of them that sees an end says which (`realtime_ends`); then running responses are ended, settled and
told, what was held for none is given back, and only then the client hears the end.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from gateway import realtime_ends as ends
from gateway.asgi.websocket import SocketEnded, WebSocket
from gateway.problems import Problem
from gateway.realtime_ends import End
from gateway.realtime_holds import Holds
from gateway.realtime_money import Money, ResponseExchange
from gateway.slices import HoldLost, Pace, Slices
from metering.wish import MeterUnavailable
from providers.errors import UpstreamError
from providers.facts import BadRequest
from providers.openai_realtime import vendor_events as vendors
from providers.openai_realtime.client_events import BadEvent, ClientEvent, read_client_event
from providers.openai_realtime.delivered import Formats, Heard, Said
from providers.openai_realtime.vendor_events import VendorEvent
from providers.vendor_sockets import VendorSocket

RESPONSES_MAX: Final = 8  # at one time: one of the conversation, the others beside it


class SessionLimits(msgspec.Struct, frozen=True):
    pace: Pace
    life_s: float = 3600.0
    idle_s: float = 600.0  # without a word from either side
    look_s: float = 1.0  # at the clock and the caller's rights


class _Response(msgspec.Struct):
    exchange: ResponseExchange
    slices: Slices
    said: Said


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
    ) -> None:
        self._client = client
        self._vendor = vendor
        self._money = money
        self._limits = limits
        self._language = language
        self._product = money.admitted.product
        self._holds = Holds(first, hold=money.hold, when_short=self._is_short)
        self._running: dict[str, _Response] = {}
        self._is_quiet = asyncio.Event()  # no response runs, or the vendor says nothing more
        self._is_quiet.set()
        self._formats = Formats()
        self._heard = Heard()
        self._names = secrets.token_hex(8)  # nobody can guess ours, to take a refusal for another's
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._began_s = self._word_s = self._loop.time()
        self._ended: asyncio.Future[End] = self._loop.create_future()

    async def run(self) -> End:
        """Until it has ended; what it cost is with the meter then."""
        listening = self._begin_task(self._from_vendor())
        others = [self._begin_task(self._from_client()), self._begin_task(self._look())]
        end = ends.STOPPED
        try:
            end = await self._ended
            await _stop(others)
            await self._wind_down(end)
        finally:
            await _stop([*others, listening])
            await self._settle_rest(end)
            await self._vendor.close()
        await self._tell(end)
        return end

    # -- the client

    async def _from_client(self) -> None:
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
            if len(self._running) + self._holds.asked >= RESPONSES_MAX:
                raise BadRequest(
                    "Wait for running responses to end.", "진행 중인 응답이 끝나기를 기다려 주세요."
                )
            self._count += 1
            name = event.body["event_id"] = f"{self._names}{self._count}"
        text = event.written()
        if event.may_begin:
            await self._holds.until_payable()
        if name is not None:
            self._holds.ask(name, event.event_id)
        self._heard.text_bytes += event.text_bytes
        self._heard.audio_bytes += event.audio_bytes
        await self._vendor.send(text)

    async def _refuse(self, bad: BadRequest, about: str | None) -> None:
        korean = Problem("invalid_request", english=bad.message_en, korean=bad.message_ko)
        message = korean.message(self._language)
        await self._client.send(
            ends.error_event(
                self._event_id(), code="invalid_request", message=message, param=bad.param, about=about
            )
        )

    # -- the vendor

    async def _from_vendor(self) -> None:
        try:
            await self._hear_vendor()
        finally:
            self._is_quiet.set()

    async def _hear_vendor(self) -> None:
        while (text := await self._vendor.receive()) is not None:
            self._word_s = self._loop.time()
            event = vendors.read_vendor_event(text)
            if event is not None:
                if event.kind == vendors.BEGUN and not await self._begin(event):
                    return
                text = await self._understand(event, text)
            await self._client.send(text)
        self._say(ends.failed("upstream_error") if self._running else ends.VENDOR_CLOSED)

    async def _understand(self, event: VendorEvent, text: str) -> str:
        """What it means for the money is done; -> what the client gets of it."""
        if event.kind == vendors.DONE:
            await self._finish(event)
        elif event.kind == vendors.ERROR:
            is_ours, about = self._holds.answered(event.blames)
            if is_ours:
                return vendors.blaming(event, text, about)
        elif event.kind in vendors.SESSION:
            self._formats.note(event.session)
        elif event.delta is not None and event.response_id is not None:
            await self._count_delta(event.response_id, event.kind, event.delta)
        return vendors.for_client(event, text, product_id=self._product.product_id)

    async def _begin(self, event: VendorEvent) -> bool:
        """A response has begun: the hold that waited is its own. False: nothing could pay it."""
        name = event.response_id or ""
        if name in self._running:
            return True
        exchange = self._holds.take()
        if exchange is None:
            try:
                exchange = await self._money.hold()
            except Problem as problem:
                self._say(ends.refused(problem))
                return False
        exchange.began_s = time.perf_counter()
        exchange.upstream_id = event.response_id
        exchange.heard_text_tokens, exchange.heard_audio_tokens = self._heard.tokens(self._formats)
        slices = Slices(exchange, self._money.meter, self._limits.pace)
        self._running[name] = _Response(exchange, slices, Said())
        self._is_quiet.clear()
        return True

    async def _count_delta(self, name: str, kind: str, delta: str) -> None:
        response = self._running.get(name)
        if response is None:
            return
        response.said.note(kind, delta)
        text, audio = response.said.tokens(self._formats)
        response.exchange.said_audio_tokens = audio
        if response.slices.is_due(text + audio):
            await response.slices.advance(text + audio)

    async def _finish(self, event: VendorEvent) -> None:
        """A response has ended: it is settled before the client hears of it."""
        if event.response_id not in self._running and not await self._begin(event):
            return  # its beginning was never told, and nothing can pay it
        response = self._running[event.response_id or ""]
        usage, exchange = event.usage, response.exchange
        end_reason, error = ("upstream_error", "upstream_error") if event.has_failed else ("completed", None)
        try:
            if usage is not None:
                await self._money.settle(exchange, usage, estimated=False, end_reason=end_reason, error=error)
                if not event.is_aside:
                    self._heard.turn(usage)
            else:
                await self._settle_estimate(response, end_reason, error)
        finally:
            self._forget(event.response_id or "")
        self._holds.fill()

    async def _settle_estimate(self, response: _Response, end_reason: str, error: str | None) -> None:
        if error is not None and response.said.is_nothing:
            await self._money.release(response.exchange, end_reason, error)
            return
        usage = response.exchange.delivered_usage(sum(response.said.tokens(self._formats)))
        await self._money.settle(response.exchange, usage, estimated=True, end_reason=end_reason, error=error)

    def _forget(self, name: str) -> None:
        self._running.pop(name, None)
        if not self._running:
            self._is_quiet.set()

    # -- time, rights and money

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._limits.look_s)
            now_s = self._loop.time()
            if now_s - self._began_s >= self._limits.life_s:
                self._say(ends.EXPIRED)
            elif now_s - self._word_s >= self._limits.idle_s:
                self._say(ends.IDLE)
            self._money.look_again()
            for exchange in self._holds.outdated(self._money.is_current):
                await self._money.release(exchange, "refused")

    def _is_short(self, problem: Problem) -> None:
        """The next response cannot be held. What runs is paid, and may leave enough when it ends."""
        if not self._running and not len(self._holds):
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
            if not self._ended.done():
                self._ended.set_exception(error)

    async def _wind_down(self, end: End) -> None:
        """Running responses may end, at the vendor's own count, within a short time."""
        for response in self._running.values():
            response.exchange.client_gone = end.client_gone
        if not self._running or not end.patience_s:
            return
        try:
            async with asyncio.timeout(end.patience_s):
                for name in list(self._running) if end.cancels else ():
                    await self._vendor.send(
                        f'{{"type":"response.cancel","response_id":{msgspec.json.encode(name).decode()}}}'
                    )
                await self._is_quiet.wait()
        except (TimeoutError, UpstreamError):
            pass  # what was delivered is charged as an estimate

    async def _settle_rest(self, end: End) -> None:
        for name, response in list(self._running.items()):
            self._forget(name)
            try:
                await self._settle_estimate(response, end.end_reason, end.error)
            except MeterUnavailable:
                pass  # its last checkpoint is with the purse and the journal: that is charged
        for exchange in await self._holds.close():
            try:
                await self._money.release(exchange, "refused")
            except MeterUnavailable:
                pass  # this process ends, or the purse forgets it: either way the hold is released

    async def _tell(self, end: End) -> None:
        if end.client_gone:
            return
        problem = end.problem
        if problem is not None:
            refusal = problem.refusal(self._language)
            await self._client.send(
                ends.error_event(
                    self._event_id(), code=refusal.code, message=refusal.message, kind=refusal.openai_type
                )
            )
        elif end.message is not None:
            await self._client.send(ends.error_event(self._event_id(), code=end.reason, message=end.message))
        await self._client.close(end.close_code, end.reason)

    def _event_id(self) -> str:
        self._count += 1
        return f"event_{self._names}{self._count}"


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["Session", "SessionLimits"]
