"""What the data plane tells about itself: one canonical log line per call, and metrics across processes.

Never in a line: keys, prompts, answers. Values from outside are bounded; JSON escapes the rest. The line of a
call is made here in one step, in the form that launch.logs gives to all others: going through its processors
would cost ten times as much.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import prometheus_client as prometheus
import structlog
from prometheus_client import CollectorRegistry

from gateway.problems import KINDS
from metering.money import MICRO_PER_WON

OTHER_ROUTE: Final = "other"
ALARMING: Final = ("internal_error", "meter_unavailable")
LATENCY_BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class CallRecord(msgspec.Struct):
    """Filled while a call runs, told once when it ends."""

    request_id: str
    route: str
    started_s: float
    usage_id: str | None = None
    dialect: str | None = None
    operation: str | None = None
    company: str | None = None
    api_key: str | None = None
    product: str | None = None
    provider: str | None = None
    stream: bool = False
    status: int = 0
    code: str | None = None
    end_reason: str | None = None
    charge_micro: int | None = None
    estimated: bool = False
    client_gone: bool = False
    upstream: str | None = None
    attempts: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None


class CallLine(msgspec.Struct, frozen=True):
    """A call as the log has it."""

    request_id: str
    usage_id: str | None
    route: str
    dialect: str | None
    operation: str | None
    status: int
    code: str | None
    company: str | None
    api_key: str | None
    product: str | None
    stream: bool
    upstream: str | None
    attempts: int
    end_reason: str | None
    charge_micro: int | None
    estimated: bool
    client_gone: bool
    input_tokens: int | None
    output_tokens: int | None
    ms: float
    at: datetime
    process_id: int
    event: str = "call"
    process: str = "gateway"
    level: str = "info"


_encode: Final = msgspec.json.Encoder().encode


class SpanSink(Protocol):
    """gateway.spans.CallSpans, where tracing is installed and asked for."""

    def tell(self, record: CallRecord, traceparent: str | None) -> None: ...


class Telemetry:
    """One per process. Metrics live in a registry handed in; in many processes they meet on the office."""

    def __init__(
        self,
        registry: CollectorRegistry,
        write_line: Callable[[bytes], None],
        spans: SpanSink | None = None,
    ) -> None:
        self._spans = spans
        self._write_line = write_line
        self._process_id = os.getpid()
        self._log = structlog.get_logger("gateway")
        self._calls = _calls(registry)
        self._charged = prometheus.Counter(
            "voucher_charged_won_total", "Won charged at settlement.", ["product"], registry=registry
        )
        self._tokens = prometheus.Counter(
            "voucher_tokens_total", "Tokens metered.", ["product", "direction"], registry=registry
        )
        self._seconds = _Durations(
            "voucher_call_seconds", "Time from request to end of answer.", ["route"],
            buckets=LATENCY_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.holds_open = prometheus.Gauge(
            "voucher_holds_open", "Holds this process owns.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.unposted = prometheus.Gauge(
            "voucher_events_unposted", "Events the books have not acknowledged.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.waiting = prometheus.Gauge(
            "voucher_calls_waiting_for_funds", "Calls that wait for held money.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.unbooked = _unbooked(registry)
        self._tally = _Tally()

    def tell(self, record: CallRecord, traceparent: str | None = None) -> None:
        if self._spans is not None:
            self._spans.tell(record, traceparent)
        seconds = time.perf_counter() - record.started_s
        self._tally.add(record, seconds)
        line = CallLine(
            record.request_id,
            record.usage_id,
            record.route,
            record.dialect,
            record.operation,
            record.status,
            record.code,
            record.company,
            record.api_key,
            record.product,
            record.stream,
            record.upstream,
            record.attempts,
            record.end_reason,
            record.charge_micro,
            record.estimated,
            record.client_gone,
            record.input_tokens,
            record.output_tokens,
            round(seconds * 1000, 3),
            datetime.now(UTC),
            self._process_id,
        )
        self._write_line(_encode(line))

    def crash(self, record: CallRecord, error: BaseException) -> None:
        self._log.error("call failed on our side", request_id=record.request_id, exc_info=error)

    def publish(self) -> None:
        """Bring what was tallied since the last time to where the office reads it; once a second will do."""
        tally, self._tally = self._tally, _Tally()
        for (route, status, code), count in tally.calls.items():
            self._calls.labels(route, str(status), code).inc(count)
        for route, counts in tally.durations.items():
            self._seconds.labels(route).take(counts, tally.seconds[route])
        for product, micro in tally.charged_micro.items():
            self._charged.labels(product).inc(micro / MICRO_PER_WON)
        for (product, direction), count in tally.tokens.items():
            self._tokens.labels(product, direction).inc(count)


def _calls(registry: CollectorRegistry) -> prometheus.Counter:
    """What is alarmed on stands at 0 from the start: a series that is not there yet raises no alarm."""
    calls = prometheus.Counter(
        "voucher_calls_total", "Calls by route and how they ended.", ["route", "status", "code"],
        registry=registry,
    )  # fmt: skip
    for code in ALARMING:
        calls.labels(OTHER_ROUTE, str(KINDS[code].status), code)
    return calls


def _unbooked(registry: CollectorRegistry) -> prometheus.Counter:
    """The same; of no product, since none is known here."""
    unbooked = prometheus.Counter(
        "voucher_responses_unbooked_total", "Responses that ran and are in no books.", ["product"],
        registry=registry,
    )  # fmt: skip
    unbooked.labels("")
    return unbooked


class _Durations(prometheus.Histogram):
    """A histogram that takes what was tallied: one by one, a second's calls stop the loop for 20 ms."""

    def take(self, counts: Mapping[int, int], seconds: float) -> None:
        self._sum.inc(seconds)
        for bucket, count in counts.items():
            self._buckets[bucket].inc(count)


class _Tally:
    """Counts in plain numbers: a metric shared by processes costs more than a call can spare."""

    __slots__ = ("calls", "charged_micro", "durations", "seconds", "tokens")

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, int, str]] = Counter()
        self.durations: defaultdict[str, Counter[int]] = defaultdict(Counter)  # by place in the buckets
        self.seconds: defaultdict[str, float] = defaultdict(float)  # of all of them
        self.charged_micro: Counter[str] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()

    def add(self, record: CallRecord, seconds: float) -> None:
        self.calls[record.route, record.status, record.code or ""] += 1
        self.durations[record.route][bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self.seconds[record.route] += seconds
        product = record.product
        if product is None:
            return
        if record.charge_micro:
            self.charged_micro[product] += record.charge_micro
        if record.input_tokens:
            self.tokens[product, "input"] += record.input_tokens
        if record.output_tokens:
            self.tokens[product, "output"] += record.output_tokens
