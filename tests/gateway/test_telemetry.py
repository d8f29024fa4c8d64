"""What is tallied call by call and published once a second is what Prometheus would have counted itself."""

from __future__ import annotations

import time

import pytest
from prometheus_client import CollectorRegistry, Histogram

from gateway.telemetry import LATENCY_BUCKETS_S, CallRecord, Telemetry

ROUTE = "/v1/models"
DURATIONS_S = (0.0, 0.001, 0.02, 0.02, 0.7, 12.0, 299.0, 301.0, 10_000.0)


def test_durations_lie_in_the_buckets_in_which_they_would_have_been_observed() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry, lambda line: None)
    alone = CollectorRegistry()
    observed = Histogram("voucher_call_seconds", "", ["route"], buckets=LATENCY_BUCKETS_S, registry=alone)
    for duration_s in DURATIONS_S:
        started_s = time.perf_counter() - duration_s
        telemetry.tell(CallRecord(request_id="r", route=ROUTE, started_s=started_s, status=200))
        observed.labels(ROUTE).observe(duration_s)
        if duration_s == 0.7:
            telemetry.publish()
    telemetry.publish()
    for bound in [*map(str, map(float, LATENCY_BUCKETS_S)), "+Inf"]:
        where = {"route": ROUTE, "le": bound}
        expected = alone.get_sample_value("voucher_call_seconds_bucket", where)
        assert registry.get_sample_value("voucher_call_seconds_bucket", where) == expected, bound
    total = registry.get_sample_value("voucher_call_seconds_sum", {"route": ROUTE})
    assert total == pytest.approx(sum(DURATIONS_S), abs=0.1)
    calls = {"route": ROUTE, "status": "200", "code": ""}
    assert registry.get_sample_value("voucher_calls_total", calls) == len(DURATIONS_S)


def test_what_is_alarmed_on_is_there_before_its_first_event() -> None:
    registry = CollectorRegistry()
    Telemetry(registry, lambda line: None)
    assert registry.get_sample_value("voucher_responses_unbooked_total", {"product": ""}) == 0
    for code, status in (("internal_error", "500"), ("meter_unavailable", "503")):
        where = {"route": "other", "status": status, "code": code}
        assert registry.get_sample_value("voucher_calls_total", where) == 0, code
