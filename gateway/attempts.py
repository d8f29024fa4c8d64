"""Reaching a vendor: try a product's upstreams in turn, only until the first byte of an answer.

All attempts are one operation under one hold, so whatever happens here is one charge at most.
"""

from __future__ import annotations

from typing import Final, NoReturn

import msgspec

from gateway.exchange import Exchange
from gateway.problems import Problem
from gateway.routing import Routing
from providers.catalogue import UpstreamTarget
from providers.dialect import JSON_KIND, Dialect, Operation
from providers.dialects import DIALECTS
from providers.errors import (
    AnswerTooLarge,
    FirstByteTimeout,
    NotSent,
    UpstreamBroken,
    UpstreamError,
    VendorError,
)
from providers.facts import BadRequest
from providers.quirks import quirks_for
from providers.translation.sides import operation_for
from providers.upstream import Upstream, UpstreamAnswer

ERROR_BODY_BYTES_MAX: Final = 256 * 1024
REJECTIONS: Final = frozenset({400, 404, 413, 422})  # the caller's own fault: no other upstream helps
OUR_FAULTS: Final = frozenset({401, 402, 403})  # our credential or our account there


class Reached(msgspec.Struct, frozen=True):
    answer: UpstreamAnswer
    target: UpstreamTarget
    operation: Operation  # the caller's own, or its translation
    dialect: Dialect  # the vendor's


class Attempts:
    def __init__(self, upstream: Upstream, routing: Routing) -> None:
        self._upstream = upstream
        self._routing = routing

    async def reach(self, exchange: Exchange, *, stream: bool, output_limit: int | None) -> Reached:
        """The first answer with a 2xx status, or a Problem: the last one met, or the vendor's rejection."""
        asked, operation = exchange.dialect.name, exchange.operation
        spoken = {
            target.target_id: meant
            for target in exchange.product.upstreams
            if exchange.only_target_id in (None, target.target_id)
            and (meant := operation_for(asked, operation, target.dialect, vendor=target.vendor)) is not None
        }
        targets = self._routing.order(
            [target for target in exchange.product.upstreams if target.target_id in spoken]
        )
        last: Problem | None = None
        for position, target in enumerate(targets):
            tries = 2 if position == len(targets) - 1 else 1
            while tries:
                tries -= 1
                exchange.attempts += 1
                exchange.target_id = target.target_id
                try:
                    return await self._try(
                        exchange, target, spoken[target.target_id], stream=stream, output_limit=output_limit
                    )
                except (NotSent, UpstreamBroken) as error:
                    # A kept connection the vendor closed meanwhile looks like this: worth one more try.
                    last = problem_of(error)
                    self._routing.failure(target)
                except UpstreamError as error:
                    last = problem_of(error)
                    self._routing.failure(target)
                    break
                except _CannotServe as refusal:
                    last = last or refusal.problem  # an upstream that failed is the better reason
                    break
                except _NextTarget as refusal:
                    last = refusal.problem
                    break
        assert last is not None, "a product has at least one upstream"
        raise last

    async def _try(
        self,
        exchange: Exchange,
        target: UpstreamTarget,
        operation: Operation,
        *,
        stream: bool,
        output_limit: int | None,
    ) -> Reached:
        dialect = DIALECTS[target.dialect]
        if output_limit is None and operation.needs_limit and exchange.facts.output_limit is None:
            output_limit = exchange.product.max_output_tokens
        body = _encode(exchange, target, operation, stream=stream, output_limit=output_limit)
        answer = await self._upstream.send(
            target,
            path=operation.path(target.model, stream),
            body=body,
            content_type=operation.content_type(body) if operation.content_type else JSON_KIND,
            stream=stream,
            request_id=exchange.meta.request_id,
            relayed=exchange.relayed if dialect is exchange.dialect else b"",
        )
        named = (answer.headers.get(name) for name in dialect.upstream_id_headers)
        exchange.upstream_id = next((name for name in named if name), None)
        if 200 <= answer.status < 300:
            self._routing.success(target)
            return _reached(exchange, answer, target, operation, dialect)
        vendor = dialect.read_error(answer.status, await _error_body(answer))
        if dialect.read_error_head is not None:
            vendor = dialect.read_error_head(vendor, answer.headers)
        self._refuse(target, answer, vendor)

    def _refuse(self, target: UpstreamTarget, answer: UpstreamAnswer, vendor: VendorError) -> NoReturn:
        """What an answer that is not 2xx means for the call: its end, or another upstream."""
        if answer.status in REJECTIONS and vendor.status in OUR_FAULTS:
            # The contract passes every 400 of a vendor's on as one; another upstream may know us better.
            raise _CannotServe(rejection(vendor))
        if vendor.status in REJECTIONS:
            self._routing.success(target)
            raise rejection(vendor)
        if vendor.status == 429:
            raise _NextTarget(rate_limited(vendor, answer.headers.get("retry-after")))
        if vendor.status >= 500:
            self._routing.failure(target)
        raise _NextTarget(Problem("upstream_error"))


def _reached(
    exchange: Exchange, answer: UpstreamAnswer, target: UpstreamTarget, operation: Operation, dialect: Dialect
) -> Reached:
    """The request is let go now: what the answer repeats of it is kept."""
    if operation.remember is not None:
        meta = exchange.meta
        exchange.facts = operation.remember(exchange.facts, exchange.body, meta.op, meta.started_ms // 1000)
    return Reached(answer, target, operation, dialect)


class _NextTarget(Exception):
    """This upstream said no in a way in which another may say yes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class _CannotServe(_NextTarget):
    """It did not fail: it has no words for the request, or does not know us. Another may serve."""


async def _error_body(answer: UpstreamAnswer) -> bytes:
    """One that is too large (some vendors repeat what they were asked) is judged by its status alone."""
    try:
        return await answer.read(ERROR_BODY_BYTES_MAX)
    except AnswerTooLarge:
        return b""


def _encode(
    exchange: Exchange,
    target: UpstreamTarget,
    operation: Operation,
    *,
    stream: bool,
    output_limit: int | None,
) -> bytes:
    try:
        return operation.encode(
            exchange.body,
            facts=exchange.facts,
            upstream_model=target.model,
            stream=stream,
            output_limit=output_limit,
            quirks=quirks_for(target.vendor),
        )
    except BadRequest as bad:
        raise _CannotServe(
            Problem("invalid_request", english=bad.message_en, korean=bad.message_ko, param=bad.param)
        ) from None


def problem_of(error: UpstreamError) -> Problem:
    return Problem("upstream_timeout" if isinstance(error, FirstByteTimeout) else "upstream_error")


def rejection(vendor: VendorError) -> Problem:
    message = vendor.message or None
    return Problem(
        "upstream_rejected",
        english=message and f"The vendor rejected the request: {message}",
        korean=message and f"공급사가 요청을 거절했습니다: {message}",
        param=vendor.param,
    )


def rate_limited(vendor: VendorError, retry_after: str | None) -> Problem:
    digits = (retry_after or "")[:5]
    seconds = int(digits) if digits.isdecimal() else 1
    return Problem("upstream_rate_limited", retry_after_s=min(max(seconds, 1), 3600))
