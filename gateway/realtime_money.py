"""The money of one realtime session: a hold per response, made before it can begin, and one end for each.

A response is one call of the books: an op of its own, its own hold, its own event. Where its usage is not
told, what was heard and said is charged as an estimate, as with any stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from gateway.calls import Admitted, Calls
from gateway.exchange import Exchange
from gateway.telemetry import CallRecord, Telemetry
from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.meter import Meter
from metering.usage import Usage


class ResponseExchange(Exchange):
    """A response's life. It begins with a hold and no response yet."""

    heard_text_tokens: int = 0
    heard_audio_tokens: int = 0
    said_audio_tokens: int = 0
    began_s: float = 0.0

    def delivered_usage(self, output_tokens: int) -> Usage:
        """Within what the hold pays: an estimate is no reason to take more."""
        inside = self.ceiling.input_tokens
        audio_in = min(self.heard_audio_tokens, inside)
        output = min(output_tokens, self.ceiling.output_tokens)
        audio_out = min(self.said_audio_tokens, output)
        return Usage(
            input=min(self.heard_text_tokens, inside - audio_in),
            input_audio=audio_in,
            output=output - audio_out,
            output_audio=audio_out,
        )


class Money:
    def __init__(
        self,
        *,
        calls: Calls,
        meter: Meter,
        telemetry: Telemetry,
        admit: Callable[[], Admitted],
        record: CallRecord,
        tag: str | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self.meter = meter
        self._telemetry = telemetry
        self._admit = admit
        self._record = record
        self._tag = tag
        self._now_ms = now_ms
        self.target_id: str | None = None
        self.admitted = self.look_again()
        self._unbooked = telemetry.unbooked.labels(self.admitted.product.product_id)  # from here on it is 0

    def look_again(self) -> Admitted:
        """May the caller still do this, and at which price? Raises Problem. A hold is all or nothing."""
        admitted = self._admit()
        ceiling = msgspec.structs.replace(admitted.ceiling, least_micro=admitted.ceiling.want_micro)
        self.admitted = msgspec.structs.replace(admitted, ceiling=ceiling)
        return self.admitted

    def is_current(self, exchange: ResponseExchange) -> bool:
        """A hold that waits for its response: does its voucher still pay, and is its price in force?"""
        admitted = self.admitted
        pays = {voucher.voucher_id for voucher in admitted.vouchers}
        return exchange.ceiling == admitted.ceiling and exchange.held.voucher.voucher_id in pays

    def begin(self, exchange: ResponseExchange) -> None:
        """Its hold waits no longer."""
        self.meter.begin(exchange.held)

    async def hold(self) -> ResponseExchange:
        """For one response more. Raises Problem."""
        return await self._hold(self.admitted)

    async def hold_nothing(self) -> ResponseExchange:
        """For a response that runs without a hold: it costs what it costs, whatever the key's limits are.

        Raises Problem.
        """
        admitted = self.admitted
        key, ceiling = admitted.caller.key, admitted.ceiling
        by_day = KeyLimits(krw_per_day_micro=key.limits.krw_per_day_micro)
        exchange = await self._hold(
            msgspec.structs.replace(
                admitted,
                ceiling=msgspec.structs.replace(ceiling, want_micro=0, least_micro=0),
                caller=msgspec.structs.replace(admitted.caller, key=replace(key, limits=by_day)),
            )
        )
        self.begin(exchange)
        return exchange

    async def _hold(self, admitted: Admitted) -> ResponseExchange:
        held = await self._calls.hold(admitted, self._record, tag=self._tag)
        return ResponseExchange(
            meta=held.meta,
            facts=admitted.facts,
            product=admitted.product,
            ceiling=admitted.ceiling,
            held=held,
            body={},
            dialect=admitted.route.dialect,
            operation=admitted.route.operation,
            target_id=self.target_id,
        )

    async def settle(
        self, exchange: ResponseExchange, usage: Usage, *, estimated: bool, end_reason: str,
        error: str | None = None,
    ) -> UsageEvent:  # fmt: skip
        """Raises MeterUnavailable."""
        event = exchange.end(
            usage=usage, estimated=estimated, end_reason=end_reason, now_ms=self._now_ms(), error=error
        )
        await self.meter.settle(exchange.held, event, tokens=usage.input_total + usage.output_total)
        self._tell(exchange, event, usage)
        return event

    async def release(self, exchange: ResponseExchange, end_reason: str, error: str | None = None) -> None:
        """No response came of it, or one that cost nothing. Raises MeterUnavailable."""
        event = exchange.end(
            usage=None, estimated=False, end_reason=end_reason, now_ms=self._now_ms(), error=error
        )
        await self.meter.settle(exchange.held, event, tokens=0)

    def tell_unbooked(self, *, code: str, began_s: float) -> None:
        """A response that ran, and for which the books had no place: a line, and a count to alarm by."""
        record = msgspec.structs.replace(
            self._record, started_s=began_s, usage_id=None, status=200, code=code, end_reason="refused"
        )
        self._telemetry.tell(record)
        self._unbooked.inc()

    def _tell(self, exchange: ResponseExchange, event: UsageEvent, usage: Usage) -> None:
        """A line in the log and the metrics, as of any call."""
        record = msgspec.structs.replace(
            self._record,
            started_s=exchange.began_s or time.perf_counter(),
            usage_id=event.op,
            status=200,
            code=event.error,
            end_reason=event.end_reason,
            charge_micro=event.charge_micro,
            estimated=event.estimated,
            client_gone=event.client_gone,
            input_tokens=usage.input_total,
            output_tokens=usage.output_total,
        )
        self._telemetry.tell(record)


__all__ = ["Money", "ResponseExchange"]
