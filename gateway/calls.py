"""One call from its request to its end: read, admit, claim, reserve, relay. The story of the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import msgspec
import orjson

from gateway import admission, idempotency
from gateway.admission import Ceiling
from gateway.asgi.request import BodyTooLarge, Request
from gateway.asgi.response import Headers
from gateway.auth import Caller
from gateway.claims import Claims
from gateway.directory import Directory
from gateway.exchange import Exchange
from gateway.outcome import Outcome
from gateway.outlet import Outlet
from gateway.own_objects import OwnObjects
from gateway.ports import BooksUnavailable, ClaimRequest, IdempotencyStore
from gateway.problems import Problem, charged_failure
from gateway.relay import Relay
from gateway.stored import Stored
from gateway.telemetry import CallRecord
from metering.claim import Answered, Claimed, InProgress, Mismatch, NotKept
from metering.directory import Voucher
from metering.event import CallMeta
from metering.keys import lane_of
from metering.meter import Meter
from metering.wish import (
    Exhausted,
    FundsHeld,
    Held,
    LimitReached,
    MeterUnavailable,
    VoucherEnded,
    Wish,
)
from providers import forms
from providers.catalogue import Product
from providers.dialect import Dialect
from providers.dialects import Route
from providers.facts import IN_BODY, BadRequest, RequestFacts

TAG_CHARACTERS_MAX: Final = 64
RELAYED_BYTES_MAX: Final = 1024  # of one head line


class Admitted(msgspec.Struct, frozen=True):
    """A call that may run, if the purse can pay it."""

    route: Route
    caller: Caller
    facts: RequestFacts
    product: Product
    ceiling: Ceiling
    vouchers: tuple[Voucher, ...]


class _Work(msgspec.Struct):
    """All that one call is made of, handed on as one. `body` is let go with the first vendor's answer."""

    admitted: Admitted
    body: dict[str, Any]
    request: Request
    outlet: Outlet
    record: CallRecord
    tag: str | None


class Calls:
    def __init__(  # noqa: PLR0913 - what a call needs, by name
        self,
        *,
        directory: Directory,
        meter: Meter,
        relay: Relay,
        answers: IdempotencyStore,
        stored: Stored,
        own: OwnObjects,
        now_ms: Callable[[], int],
        make_op: Callable[[], str],
        body_bytes_max: int,
    ) -> None:
        self._directory = directory
        self._meter = meter
        self._relay = relay
        self._claims = Claims(answers)
        self._stored = stored
        self._own = own
        self._now_ms = now_ms
        self._make_op = make_op
        self._body_bytes_max = body_bytes_max

    async def call(
        self, route: Route, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None:
        raw, body = await self._read(request, reads_form=route.operation.reads_form)
        admitted = self.admit(route, caller, body, len(raw), record)
        work = _Work(admitted, body, request, outlet, record, tag_of(request))
        key = idempotency.read_key(request.header(b"idempotency-key"))
        if key is None:
            del raw, body
            await self._run(work, self._make_op())
            return
        said = forms.fingerprint(body) if route.operation.reads_form else raw
        claim = self._claim_of(caller, route.name, key, idempotency.body_hash(route.spoken, said))
        await self._run_once(caller, outlet, record, claim, key, partial(self._run, work))

    def admit(
        self, route: Route, caller: Caller, body: dict[str, Any], body_bytes: int, record: CallRecord
    ) -> Admitted:
        try:
            facts = route.operation.read(body, body_bytes, route.spoken)
        except BadRequest as bad:
            raise refusal_of(bad) from None
        record.stream = facts.stream
        product = admission.product_for(caller, facts, self._directory.products.get(facts.model), route)
        record.product, record.provider = product.product_id, product.provider_id
        now_ms = self._now_ms()
        vouchers = admission.paying_vouchers(
            self._directory.vouchers_of(caller.company.company_id), product.product_id, now_ms
        )
        hides = product.product_id in self._relay.hidden
        bounds = admission.ceiling(facts, product, now_ms, operation=route.operation, hides_output=hides)
        return Admitted(route, caller, facts, product, bounds, vouchers)

    async def hold(
        self, admitted: Admitted, record: CallRecord, *, tag: str | None, op: str | None = None
    ) -> Held:
        """Money for what has no body of its own: a realtime session's next response, or a batch (`op`).

        Nothing runs on it that others could wait for.
        """
        meta = self._meta(admitted, record, op=op or self._make_op(), tag=tag)
        return await self._reserve(admitted, meta, waits=True)

    async def read_body(self, request: Request, *, reads_form: bool = False) -> tuple[bytes, dict[str, Any]]:
        return await self._read(request, reads_form=reads_form)

    async def once(
        self,
        caller: Caller,
        request: Request,
        outlet: Outlet,
        record: CallRecord,
        *,
        said: bytes,
        run: Callable[[str], Awaitable[None]],
    ) -> None:
        """`run` under an op of its own: where there is an Idempotency-Key, once for it and what is `said`."""
        key = idempotency.read_key(request.header(b"idempotency-key"))
        if key is None:
            await run(self._make_op())
            return
        claim = self._claim_of(caller, record.route, key, idempotency.body_hash(IN_BODY, said))
        await self._run_once(caller, outlet, record, claim, key, run)

    # -- inside

    async def _read(self, request: Request, *, reads_form: bool = False) -> tuple[bytes, dict[str, Any]]:
        if request.header(b"content-encoding") not in (None, "identity"):
            raise Problem(
                "invalid_request",
                english="Send the body without a content encoding.",
                korean="본문을 압축하지 않고 보내 주세요.",
            )
        try:
            raw = await request.body(self._body_bytes_max)
        except BodyTooLarge:
            raise Problem("request_too_large", headers=((b"connection", b"close"),)) from None
        except TimeoutError:
            raise Problem(
                "invalid_request",
                english="The body did not arrive in time; send it faster.",
                korean="본문이 제시간에 도착하지 않았습니다. 더 빨리 보내 주세요.",
            ) from None
        if reads_form:
            return raw, _form(request, raw)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise Problem("invalid_request") from None
        if type(body) is not dict:
            raise Problem("invalid_request")
        return raw, body

    def _claim_of(self, caller: Caller, route_name: str, key: str, body_hash: bytes) -> ClaimRequest:
        return ClaimRequest(
            company_id=caller.company.company_id,
            key_hash=idempotency.scope_hash(
                key_id=caller.key.key_id, route=route_name.removeprefix("/v1"), idempotency_key=key
            ),
            body_hash=body_hash,
            op=self._make_op(),
            gateway_id=self._meter.gateway_id,
        )

    async def _run_once(
        self,
        caller: Caller,
        outlet: Outlet,
        record: CallRecord,
        claim: ClaimRequest,
        key: str,
        run: Callable[[str], Awaitable[None]],
    ) -> None:
        """Under an Idempotency-Key: the first runs, a repeat is answered from what was kept."""
        secret = caller.secret
        try:
            outcome = await self._claims.claim(claim)
        except BooksUnavailable:
            raise Problem("meter_unavailable") from None
        match outcome:
            case InProgress():
                raise Problem("idempotency_in_progress", retry_after_s=1)
            case Mismatch():
                raise Problem("idempotency_mismatch", param="Idempotency-Key")
            case NotKept():
                raise _not_kept(outcome.op)
            case Answered():
                kept = idempotency.unseal(outcome.sealed, secret=secret, idempotency_key=key)
                record.usage_id = outcome.op
                await outlet.whole(kept.status, list(kept.headers), kept.body)
                return
            case Claimed():
                op = outcome.op
        outlet.keep(idempotency.ANSWER_BYTES_MAX)
        outlet.before_last = lambda: self._conclude(claim, op, outlet, secret=secret, key=key)
        try:
            await run(op)
        finally:
            if outlet.before_last is not None:
                await outlet.before_last()

    async def _conclude(
        self, claim: ClaimRequest, op: str, outlet: Outlet, *, secret: bytes, key: str
    ) -> None:
        """Once per claim: keep what was charged, forget what was not."""
        outlet.before_last = None
        if not outlet.is_charged:
            await self._claims.forget(claim, keep_op=outlet.may_be_charged)
            return
        sealed = None
        if outlet.kept is not None and outlet.status == 200:
            headers = [pair for pair in outlet.headers if pair[0] != b"content-length"]
            answer = idempotency.KeptAnswer(outlet.status, headers, b"".join(outlet.kept))
            sealed = idempotency.seal(answer, secret=secret, idempotency_key=key)
        await self._claims.finish(claim, op, sealed)

    async def _run(self, work: _Work, op: str) -> None:
        admitted, record = work.admitted, work.record
        meta = self._meta(admitted, record, op=op, tag=work.tag)
        holder, facts = None, admitted.facts
        if facts.follows is not None or facts.background:
            holder = await self._stored.holder(admitted.caller, admitted.route, facts, admitted.product)
        if facts.container_id is not None:
            container_id, product = facts.container_id, admitted.product
            holder = await self._stored.container_holder(admitted.caller, container_id, product)
        if facts.files:
            holder = await self._own.holder(admitted.caller, facts.files, admitted.product, holder)
        record.usage_id = op
        held = await self._reserve(admitted, meta)
        exchange = Exchange(
            meta=meta,
            facts=facts,
            product=admitted.product,
            ceiling=admitted.ceiling,
            held=held,
            body=work.body,
            dialect=admitted.route.dialect,
            operation=admitted.route.operation,
            relayed=_relayed(admitted.route.dialect, work.request),
            only_target_id=holder,
        )
        work.body = {}
        headers: Headers = [
            (b"x-request-id", record.request_id.encode()),
            (b"x-voucher-usage-id", op.encode()),
        ]
        try:
            outcome = await self._relay.relay(
                exchange,
                request=work.request,
                outlet=work.outlet,
                headers=headers,
            )
        except MeterUnavailable:
            # Nobody could write it down: what was last noted of it may be charged.
            if work.outlet.may_be_charged:
                raise charged_failure("meter_unavailable", op) from None
            raise Problem("meter_unavailable") from None
        finally:
            record.attempts, record.upstream = exchange.attempts, exchange.target_id
        if outcome is not None:
            _note(record, outcome)

    async def _reserve(self, admitted: Admitted, meta: CallMeta, *, waits: bool = False) -> Held:
        ceiling = admitted.ceiling
        wish = Wish(
            meta=meta,
            vouchers=admitted.vouchers,
            want_micro=ceiling.want_micro,
            least_micro=ceiling.least_micro,
            tokens=ceiling.tokens,
            limits=admitted.caller.key.limits,
            sliced=ceiling.can_be_cut,
            waits=waits,
        )
        try:
            return await self._meter.reserve(wish)
        except Exhausted as refused:
            own = refused.voucher.stopped_by == "self"
            raise Problem("self_deposit_exhausted" if own else "voucher_exhausted") from None
        except FundsHeld:
            raise Problem("funds_held", retry_after_s=1) from None
        except VoucherEnded:
            raise Problem("voucher_not_active") from None
        except LimitReached as reached:
            raise _limit_problem(reached) from None
        except MeterUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None

    def _meta(self, admitted: Admitted, record: CallRecord, *, op: str, tag: str | None) -> CallMeta:
        caller, price = admitted.caller, admitted.ceiling.price
        return CallMeta(
            op=op,
            request_id=record.request_id,
            gateway_id=self._meter.gateway_id,
            lane=lane_of(caller.company.company_id),
            company=caller.company.company_id,
            provider=admitted.product.provider_id,
            product=admitted.product.product_id,
            key_id=caller.key.key_id,
            api_key=caller.key.name,
            tag=tag,
            dialect=admitted.route.dialect.name,
            stream=admitted.facts.stream,
            started_ms=self._now_ms(),
            price_entry=price.entry_id,
            price_from=price.valid_from,
            input_tokens=admission.input_tokens_estimate(admitted.facts, admitted.ceiling.input_tokens),
        )


def _form(request: Request, raw: bytes) -> dict[str, Any]:
    if b"content-type" in request.twice:
        raise Problem("invalid_request")
    try:
        return forms.read_form(request.header(b"content-type"), raw)
    except BadRequest as bad:
        raise refusal_of(bad) from None


def refusal_of(bad: BadRequest) -> Problem:
    return Problem("invalid_request", english=bad.message_en, korean=bad.message_ko, param=bad.param)


def _note(record: CallRecord, outcome: Outcome) -> None:
    event = outcome.event
    record.end_reason = event.end_reason
    record.charge_micro = event.charge_micro
    record.estimated = event.estimated
    record.client_gone = event.client_gone
    tokens = event.tokens
    if tokens:
        record.input_tokens = sum(
            tokens[name] for name in ("input", "cached_input", "cache_write", "cache_write_1h", "input_audio")
        )
        record.output_tokens = tokens["output"] + tokens["output_audio"]


def _relayed(dialect: Dialect, request: Request) -> bytes:
    """What the vendor is told of the caller's head. The server lets no line ends into a value."""
    lines = []
    for name in dialect.relayed_headers:
        value = request.headers.get(name)
        if value is not None and len(value) <= RELAYED_BYTES_MAX and value.isascii():
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def tag_of(request: Request) -> str | None:
    tag = request.header(b"x-voucher-tag")
    if tag is None:
        return None
    try:
        tag = tag.encode("latin-1").decode()
    except UnicodeDecodeError:
        pass  # not UTF-8: kept as the Latin text it is
    if len(tag) > TAG_CHARACTERS_MAX or not tag.isprintable():
        raise Problem(
            "invalid_request",
            english=f"X-Voucher-Tag has at most {TAG_CHARACTERS_MAX} printable characters.",
            korean=f"X-Voucher-Tag는 출력 가능한 문자 {TAG_CHARACTERS_MAX}자 이하여야 합니다.",
            param="X-Voucher-Tag",
        )
    return tag or None


def _limit_problem(reached: LimitReached) -> Problem:
    code = {"krw_per_day": "key_budget_exhausted", "concurrent": "too_many_concurrent"}.get(
        reached.limit, "rate_limited"
    )
    return Problem(code, retry_after_s=-(-reached.retry_ms // 1000))


def _not_kept(op: str) -> Problem:
    return Problem(
        "answer_not_kept",
        english=f"The call was made and charged, but its answer was not kept; read /v1/usage/{op}.",
        korean=f"호출은 완료되어 차감되었지만 응답이 보관되지 않았습니다. /v1/usage/{op}를 확인해 주세요.",
        headers=((b"x-voucher-usage-id", op.encode()),),
    )
