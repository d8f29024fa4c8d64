"""Spans of calls, after OpenTelemetry's GenAI conventions: made once, when a call has ended.

An extra: without the `otel` packages, or without an endpoint in the environment, nothing of this runs. A span
carries who, what and how much; never a prompt, an answer or a key.
"""

from __future__ import annotations

import time
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry import CallRecord
from metering.money import format_krw

# Our operations -> the conventions' names; a call of any other is a chat.
_OPERATIONS: Final = {
    "embeddings": "embeddings",
    "batch_embeddings": "embeddings",
    "completions": "text_completion",
}
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class CallSpans:
    """gateway.telemetry.SpanSink."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def tell(self, record: CallRecord, traceparent: str | None) -> None:
        if record.operation is None:
            return
        operation = _OPERATIONS.get(record.operation, "chat")
        ended_ns = time.time_ns()
        started_ns = ended_ns - int((time.perf_counter() - record.started_s) * 1e9)
        span = self._tracer.start_span(
            f"{operation} {record.product}" if record.product else operation,
            context=_parent(traceparent),
            kind=trace.SpanKind.SERVER,
            start_time=started_ns,
            attributes=_attributes(operation, record),
        )
        if record.status >= 500 or record.code is not None:
            span.set_status(trace.StatusCode.ERROR, record.code or "")
        span.end(end_time=ended_ns)


def _parent(traceparent: str | None) -> Context | None:
    if traceparent is None or len(traceparent) > 64:
        return None
    return _PROPAGATOR.extract({"traceparent": traceparent})


def _attributes(operation: str, record: CallRecord) -> dict[str, str | int | bool]:
    named: dict[str, str | int | bool | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.product,
        "gen_ai.response.finish_reasons": record.end_reason,
        "gen_ai.usage.input_tokens": record.input_tokens,
        "gen_ai.usage.output_tokens": record.output_tokens,
        "error.type": record.code,
        "http.request.method": "POST",
        "http.response.status_code": record.status or None,
        "http.route": record.route,
        "voucher.request_id": record.request_id,
        "voucher.usage_id": record.usage_id,
        "voucher.company": record.company,
        "voucher.charge_krw": None if record.charge_micro is None else format_krw(record.charge_micro),
        "voucher.estimated": record.estimated,
        "voucher.client_gone": record.client_gone,
    }
    return {name: value for name, value in named.items() if value is not None}
