"""Tracing, where it is installed (`pip install voucher-gateway[otel]`) and an endpoint is named.

The exporter reads the standard OTEL_EXPORTER_OTLP_... variables itself.
"""

from __future__ import annotations

from typing import Final

import structlog

from config.settings import environment
from gateway.telemetry import SpanSink

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

log = structlog.get_logger(__name__)


def build_spans() -> SpanSink | None:
    """None: tracing is off, and costs nothing."""
    if not any(environment().get(name) for name in _ENDPOINTS):
        return None
    try:
        # The packages are an extra: only who asks for tracing needs them.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from gateway.spans import CallSpans
    except ImportError:
        log.warning("tracing is asked for and not installed", install="voucher-gateway[otel]")
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "voucher-gateway"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return CallSpans(provider.get_tracer("voucher-gateway"))
