"""A call as a span, by the GenAI conventions, in the caller's trace."""

from __future__ import annotations

import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.spans import CallSpans
from gateway.telemetry import CallRecord

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_call_is_one_span_in_the_callers_trace() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    record = CallRecord(
        request_id="req1",
        route="/v1/chat/completions",
        started_s=time.perf_counter() - 0.5,
        usage_id="op1",
        operation="chat",
        company="gaonde",
        product="x1",
        provider="nuri",
        status=200,
        charge_micro=30_000,
        input_tokens=10,
        output_tokens=5,
        end_reason="completed",
    )
    CallSpans(provider.get_tracer("test")).tell(record, f"00-{TRACE}-b7ad6b7169203331-01")
    [span] = exporter.get_finished_spans()
    assert span.name == "chat x1"
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 10
    assert span.attributes["voucher.charge_krw"] == "0.03"
    assert span.end_time is not None
    assert span.start_time is not None
    assert 0.4e9 < span.end_time - span.start_time < 5e9


def test_what_is_no_call_to_a_model_is_no_span() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    record = CallRecord(request_id="r", route="/v1/voucher", started_s=time.perf_counter(), status=200)
    CallSpans(provider.get_tracer("test")).tell(record, None)
    assert not exporter.get_finished_spans()
