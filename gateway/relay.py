"""The relay: bytes from the vendor to the client, and one settlement at the end, whatever happens between.

It decides nothing about money (exchange does) and knows no JSON (the dialect does); it waits. The order at
the end of every call is fixed: usage known or estimated, charge written down and settled, and only then the
end of the answer to the client. The client's leaving changes what is sent, never whether it is settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from gateway.asgi.request import Request
from gateway.asgi.response import EVENT_STREAM, JSON, NO_CACHE, Headers, kind_headers
from gateway.attempts import Attempts, Reached
from gateway.charge_words import charge_headers, comment
from gateway.exchange import Exchange
from gateway.hidden import HiddenOutput
from gateway.outcome import Outcome
from gateway.outlet import Outlet
from gateway.ports import BooksUnavailable
from gateway.problems import Problem, charged_failure
from gateway.reading import STOPPING, PassOn, Reading, code_of
from gateway.slices import Pace, Slices
from gateway.stored import Stored
from gateway.stored_bindings import is_usable
from gateway.stored_keeping import Keeping
from metering.meter import Meter
from metering.usage import Usage
from metering.wish import MeterUnavailable
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.catalogue import UpstreamTarget
from providers.dialect import JSON_KIND, Answer, Assembler, Fold
from providers.errors import TOO_LARGE, AnswerTooLarge, UpstreamError, VendorError
from providers.progress import Listening
from providers.quirks import quirks_for

_CODES: Final = {STOPPING: "meter_unavailable"}
_FAILURES: Final = frozenset({"upstream_error", "upstream_timeout", STOPPING})


class RelayLimits(msgspec.Struct, frozen=True):
    answer_bytes_max: int
    event_bytes_max: int
    drain_client_gone_s: float  # for how long a vendor is listened to after its client left
    drains_max: int
    pace: Pace


class Relay:
    def __init__(
        self,
        *,
        meter: Meter,
        attempts: Attempts,
        now_ms: Callable[[], int],
        limits: RelayLimits,
        stored: Stored,
    ) -> None:
        self._stored = stored
        self._meter = meter
        self._attempts = attempts
        self._now_ms = now_ms
        self._limits = limits
        self._drains = 0
        self.hidden = HiddenOutput()

    async def relay(
        self,
        exchange: Exchange,
        *,
        request: Request,
        outlet: Outlet,
        headers: Headers,
    ) -> Outcome | None:
        """Make the call under its hold and answer the client. The hold has ended when this ends.

        None: the call goes on in the background, and its hold with it.
        """
        facts = exchange.facts
        upstream_streams = facts.stream or exchange.is_sliced or exchange.must_stream
        output_limit = exchange.product.max_output_tokens if _asks_for_too_much(exchange) else None
        if exchange.is_clamped and exchange.ceiling.output_tokens:
            output_limit = max(1, exchange.output_tokens_payable() // facts.n)
            headers.append((b"x-voucher-max-output-tokens", str(output_limit).encode()))
        call = _Call(self, exchange, request, outlet, headers)
        try:
            reached = await self._attempts.reach(exchange, stream=upstream_streams, output_limit=output_limit)
            call.reached = reached
            exchange.body = {}  # thousands of open streams need not keep what was asked
            if upstream_streams and _is_stream(reached):
                return await (call.stream(reached) if facts.stream else call.assemble(reached))
            return await call.whole(reached)
        except Problem as problem:
            if call.is_over:
                raise
            outcome = await call.let_go(_end_reason(problem.code), problem.code)
            if outcome is not None and outcome.event.charge_micro:
                raise charged_failure(problem.code, exchange.meta.op) from None
            raise
        except asyncio.CancelledError:  # this process is stopping, and the vendor's answer was not whole yet
            await call.let_go(STOPPING, STOPPING)
            raise
        except BaseException:
            await call.let_go("upstream_error", "internal_error")
            raise


class _Call:
    """One call on its way; made per call, so that its parts need no long argument lists."""

    def __init__(
        self, relay: Relay, exchange: Exchange, request: Request, outlet: Outlet, headers: Headers
    ) -> None:
        self.relay = relay
        self.exchange = exchange
        self.request = request
        self.outlet = outlet
        self.headers = headers
        self.outcome: Outcome | None = None
        self.goes_on = False  # in the background: its hold is no longer ours to end
        self.gone = False
        self.reached: Reached | None = None  # the vendor has taken it
        self._fold: Fold | None = None
        self._withheld: bytes | None = None  # it carries an id that is not the company's yet
        self.keeping = Keeping(relay._stored, exchange)
        self._draining = False
        self._stop: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        return self.goes_on or self.outcome is not None

    # -- the three ways of an answer

    async def whole(self, reached: Reached) -> Outcome | None:
        """Not streamed: the whole answer, then settled, then sent with its charge in the head."""
        exchange = self.exchange
        try:
            body = await reached.answer.read(self.relay._limits.answer_bytes_max)
        except AnswerTooLarge:
            usage = None if exchange.facts.is_free else exchange.unread()
            raise await self._unusable(usage, estimated=True) from None
        except UpstreamError as error:
            raise Problem(code_of(error)) from None
        answer = _understood(reached, body, exchange)
        exchange.upstream_id = exchange.upstream_id or answer.upstream_id
        if answer.error is not None:
            await self._fail_whole(answer)
        if answer.is_running and exchange.facts.background:
            await self._go_on(reached, answer)
            return None
        usage, estimated = answer.usage, False
        delivered = answer.text_bytes // ESTIMATE_BYTES_PER_TOKEN
        if exchange.facts.is_free:
            usage = None
        else:
            if usage is not None and exchange.ceiling.output_tokens:
                self._learn(usage, delivered)
            usage, estimated = exchange.counted(
                usage, answer.units, delivered, units_are_estimated=answer.units_are_estimated
            )
        exchange.client_gone = self.request.has_left()
        outcome = await self.settle(usage, estimated=estimated, end_reason="completed")
        if not await self.keeping.bind(reached.target, answer):
            raise _failure(STOPPING, outcome)
        await self._send_whole(answer.body, outcome, answer.kind)
        return outcome

    async def _go_on(self, reached: Reached, answer: Answer) -> None:
        """The vendor has begun, and ends in its own time: the client is told the id, and charged then."""
        if not is_usable(answer.upstream_id):
            raise Problem("upstream_error")  # nobody could ask for it again
        self.goes_on = True
        if not await self.keeping.go_on(reached.target, answer.upstream_id):
            self.outlet.is_charged = True  # cancelled, and charged for what it made: no repeat under its key
            raise charged_failure("meter_unavailable", self.exchange.meta.op)
        self.outlet.is_charged = True  # a repeat is answered alike
        await self.outlet.whole(200, [JSON, *self.headers], answer.body)

    async def _go_on_unheard(self, reached: Reached, fold: Fold, reason: str) -> None:
        """The stream is over and the answer may not be: it is charged by what the vendor says when asked."""
        exchange = self.exchange
        exchange.client_gone = self.gone
        exchange.upstream_id = exchange.upstream_id or fold.upstream_id
        self.goes_on = self.outlet.is_charged = True
        self.outlet.kept = None  # there is no whole answer to repeat
        await self.keeping.go_on(reached.target, fold.upstream_id, delivered=fold.delivered_tokens())
        if self.gone:
            return
        if not self.outlet.started:
            raise charged_failure(_CODES.get(reason, reason), exchange.meta.op)
        await self._break_off(reason)

    async def stream(self, reached: Reached) -> Outcome | None:
        """Streamed: frames pass through as they come; the terminal one waits for the settlement."""
        make = reached.operation.fold
        assert make is not None, "only an operation with streams is asked for one"
        fold = self._fold = make(
            self.exchange.product.product_id, self.exchange.facts, quirks_for(reached.target.vendor)
        )
        stop_listening = self.request.when_left(self._client_left)
        try:
            cut, error = await self._read(reached, fold, partial(self._pass_on, fold))
            if self.keeping.may_go_on(fold):
                await self._go_on_unheard(reached, fold, error or "upstream_error")
                return None
            usage, estimated, reason = self._reckon(fold, cut=cut, error=error)
            failed = reason if reason in _FAILURES else None
            self.exchange.client_gone = self.gone
            try:
                outcome = await self.settle(usage, estimated=estimated, end_reason=reason, error=failed)
            except MeterUnavailable:
                await self._break_off("meter_unavailable")
                raise
            self.keeping.end(is_settled=True)
            if failed is None and not await self.keeping.bind(reached.target, fold):
                failed = STOPPING  # only its end carries an id
            if failed is not None and not self.outlet.started:
                raise _failure(failed, outcome)
            if self.gone and reason != "completed":
                self.outlet.kept = None  # there is no whole answer to repeat
            if not self.gone or self.outlet.kept is not None:
                await self._end_stream(fold, outcome, cut=cut, failed=failed)
            return outcome
        finally:
            stop_listening()
            self._stop_draining()
            self.keeping.end(is_settled=False)

    async def assemble(self, reached: Reached) -> Outcome:
        """Money is scarce and the caller asked for no stream: one is read for it and put together."""
        make = reached.operation.assembler
        assert make is not None, "only what can be put together is asked for as a stream"
        assembler = make(
            self.exchange.product.product_id, self.exchange.facts, quirks_for(reached.target.vendor)
        )
        cut, error = await self._read(reached, assembler, partial(_swallow, assembler))
        usage, estimated, reason = self._reckon(assembler, cut=cut, error=error)
        failed = reason if reason in _FAILURES else None
        if failed is not None and estimated:
            usage, estimated = None, False  # none of it reaches the caller, and the vendor counted nothing
        if assembler.error is TOO_LARGE:
            raise await self._unusable(usage or self.exchange.unread(), estimated=usage is None)
        self.exchange.client_gone = self.request.has_left()
        outcome = await self.settle(usage, estimated=estimated, end_reason=reason, error=failed)
        if failed is not None:
            raise _failure(failed, outcome)
        if not await self.keeping.bind(reached.target, assembler):
            raise _failure(STOPPING, outcome)
        body = assembler.graceful_end(usage) if cut else assembler.answer(usage)
        await self._send_whole(body, outcome, self.exchange.facts.answer_kind or JSON_KIND)
        return outcome

    # -- the end of every call

    async def settle(
        self, usage: Usage | None, *, estimated: bool, end_reason: str, error: str | None = None
    ) -> Outcome:
        event = self.exchange.end(
            usage=usage,
            estimated=estimated,
            end_reason=end_reason,
            now_ms=self.relay._now_ms(),
            error=error,
        )
        tokens = 0 if usage is None else usage.input_total + usage.output_total
        self.outcome = Outcome(event, None)
        self.outlet.may_be_charged = event.charge_micro > 0
        self.outcome.balance = await self.relay._meter.settle(self.exchange.held, event, tokens=tokens)
        self.outlet.may_be_charged = False
        self.outlet.is_charged = event.charge_micro > 0 or (usage is not None and error is None)
        return self.outcome

    async def let_go(self, end_reason: str, error: str) -> Outcome | None:
        """It ended as no answer does: what is known of it is charged. None: it is not ours to end."""
        fold, reached = self._fold, self.reached
        if self.is_over:
            return self.outcome
        if fold is not None and reached is not None and self.keeping.may_go_on(fold):
            self.goes_on = True
            await self.keeping.go_on(reached.target, fold.upstream_id, delivered=fold.delivered_tokens())
            return None
        usage, estimated = (None, False) if reached is None else self.keeping.unheard(fold)
        if fold is not None and (fold.usage is not None or fold.delivered_tokens()):
            self.exchange.saw(fold)
            usage, estimated = self.exchange.counted(fold.usage, {}, fold.delivered_tokens())
        return await self.settle(usage, estimated=estimated, end_reason=end_reason, error=error)

    # -- inside

    async def _read(self, reached: Reached, fold: Listening, pass_on: PassOn) -> tuple[bool, str | None]:
        limits = self.relay._limits
        slices = Slices(self.exchange, self.relay._meter, limits.pace)
        reading = Reading(
            reached.answer,
            fold,
            slices,
            splitter=reached.dialect.make_splitter(limits.event_bytes_max),
            pass_on=pass_on,
            flush=lambda: self._flush(reached.target, fold),
        )
        return await reading.run()

    async def _begin_stream(self) -> None:
        if not self.outlet.started:
            kind = JSON if self.exchange.facts.as_array else EVENT_STREAM
            await self.outlet.head(200, [kind, NO_CACHE, *self.headers])

    async def _flush(self, target: UpstreamTarget, fold: Listening) -> None:
        """Raises BooksUnavailable: what cannot be bound is nobody's, so none of it is sent."""
        out, self._withheld = self._withheld, None
        if out is not None and not await self.keeping.bind(target, fold, is_attached=True):
            raise BooksUnavailable
        self._leave_what_goes_on()
        await self._begin_stream()
        if out is not None:
            self.outlet.put(out)
        await self.outlet.flush()

    def _pass_on(self, fold: Fold, events: list[bytes]) -> bool:
        out = fold.feed(events[0]) if len(events) == 1 else b"".join([fold.feed(event) for event in events])
        is_over = fold.done or fold.error is not None
        if self.keeping.lacks(fold) and (out or not is_over):
            self._withheld = out
            return False
        if not out or (self.gone and self.outlet.kept is None):
            return True
        return self.outlet.put(out)

    def _reckon(self, fold: Listening, *, cut: bool, error: str | None) -> tuple[Usage | None, bool, str]:
        """(usage, estimated, end reason) of a stream that is over."""
        exchange = self.exchange
        exchange.saw(fold)
        delivered = fold.delivered_tokens()
        if cut:
            return exchange.payable_usage(delivered), True, "voucher_exhausted"
        reason = "completed"
        if fold.error is not None or error is not None:
            reason = error or "upstream_error"
        elif not (fold.done or fold.finished):
            reason = "upstream_error"
        if self.gone and reason != "completed":
            reason = "client_gone"
        if fold.usage is not None:
            self._learn(fold.usage, delivered)
        elif not delivered and reason in _FAILURES:
            return *self.keeping.unheard(fold), reason
        return *exchange.counted(fold.usage, {}, delivered), reason

    def _learn(self, usage: Usage, delivered: int) -> None:
        if not self.exchange.operation.has_limit:
            return
        product_id = self.exchange.product.product_id
        self.relay.hidden.learn(product_id, billed_tokens=usage.output_total, seen_tokens=delivered)

    async def _end_stream(self, fold: Fold, outcome: Outcome, *, cut: bool, failed: str | None) -> None:
        await self._begin_stream()
        if failed is not None:
            await self._break_off(failed)
            return
        if cut:
            usage = self.exchange.delivered_usage(outcome.event.tokens.get("output", 0))
            ending = fold.graceful_end(usage)
        else:
            ending = fold.owed_frames()
        told = fold.comment(b"voucher " + comment(self.exchange, outcome, cut=cut))
        await self.outlet.last(ending + told + fold.terminal())

    async def _break_off(self, reason: str) -> None:
        """A stream that has begun ends with the dialect's error, not with its terminal frame."""
        if not self.outlet.started or self.gone:
            return
        assert self._fold is not None, "a stream that has begun has a fold"
        problem = _failure(reason, self.outcome)
        if self.goes_on:
            problem = charged_failure(problem.code, self.exchange.meta.op)
        refusal = problem.refusal(self.request.header(b"accept-language"), self.exchange.meta.request_id)
        await self.outlet.last(self._fold.failure(refusal))

    async def _send_whole(self, body: bytes, outcome: Outcome, kind: str) -> None:
        headers = [*kind_headers(kind), *self.headers, *charge_headers(self.exchange, outcome)]
        await self.outlet.whole(200, headers, body)

    async def _fail_whole(self, answer: Answer) -> None:
        """An error inside a 200: charged only if the vendor reported usage with it."""
        error: VendorError | None = answer.error
        assert error is not None
        usage, estimated = (answer.usage, False) if answer.usage is not None else self.keeping.unheard(answer)
        raise await self._unusable(usage, estimated=estimated)

    async def _unusable(self, usage: Usage | None, *, estimated: bool) -> Problem:
        """An answer that nobody gets, settled; -> what the caller is told, not to try again if it cost."""
        outcome = await self.settle(
            usage, estimated=estimated, end_reason="upstream_error", error="upstream_error"
        )
        return _failure("upstream_error", outcome)

    def _client_left(self) -> None:
        """Called once, when the client goes while its stream runs."""
        if self.gone or self.outcome is not None:
            return
        self.gone = self.exchange.client_gone = True
        self.outlet.mute()
        relay, reached = self.relay, self.reached
        assert reached is not None, "a stream that runs was reached"
        cancel = self.exchange.product.on_client_gone == "cancel" or relay._drains >= relay._limits.drains_max
        if cancel and not self.exchange.facts.background:
            reached.answer.close()
            return
        self._leave_what_goes_on()
        self._draining = True
        relay._drains += 1
        loop = asyncio.get_running_loop()
        self._stop = loop.call_later(relay._limits.drain_client_gone_s, reached.answer.close)

    def _leave_what_goes_on(self) -> None:
        """In the background it goes on without us; but only by its name can anybody learn how it ended."""
        if self.gone and self.exchange.facts.background and self.keeping.has_name:
            assert self.reached is not None, "it has a name"
            self.reached.answer.close()

    def _stop_draining(self) -> None:
        if self._stop is not None:
            self._stop.cancel()
        if self._draining:
            self._draining = False
            self.relay._drains -= 1


def _swallow(assembler: Assembler, events: list[bytes]) -> bool:
    for event in events:
        assembler.feed(event)
    return True


def _failure(reason: str, outcome: Outcome | None) -> Problem:
    code = _CODES.get(reason, reason)
    if outcome is None or outcome.event.charge_micro == 0:
        return Problem(code)
    return charged_failure(code, outcome.event.op)


def _asks_for_too_much(exchange: Exchange) -> bool:
    limit = exchange.facts.output_limit
    return limit is not None and limit > exchange.product.max_output_tokens


def _is_stream(reached: Reached) -> bool:
    kind = reached.answer.headers.get("content-type", "text/event-stream").lower()
    if reached.operation.media is not None:
        return kind.startswith("text/event-stream")  # much else may be an answer of it
    return not kind.startswith(JSON_KIND)


def _understood(reached: Reached, body: bytes, exchange: Exchange) -> Answer:
    """A whole answer, as its operation reads it."""
    operation, product_id = reached.operation, exchange.product.product_id
    quirks = quirks_for(reached.target.vendor)
    if operation.media is None:
        return operation.reader(exchange.facts)(body, product_id=product_id, quirks=quirks)
    kind = reached.answer.headers.get("content-type", "").strip().lower()
    return operation.media(body, kind=kind, facts=exchange.facts, product_id=product_id, quirks=quirks)


def _end_reason(code: str) -> str:
    if code in ("upstream_timeout", "upstream_error"):
        return code
    return "upstream_error" if code.startswith("upstream_") else "refused"
