"""How long the benchmark looks, and how often."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to look, and how often."""

    rounds: int
    unary_connections: tuple[int, ...]
    unary_warm_ms: int
    unary_measure_ms: int
    streams: tuple[int, ...]
    stream_warm_ms: int
    stream_measure_ms: int
    held_precision: float
    held_streams_max: int
    backlog_ms: int


FULL = Plan(
    rounds=3,
    unary_connections=(1, 32, 128),
    unary_warm_ms=1500,
    unary_measure_ms=4000,
    streams=(500, 2000),
    stream_warm_ms=4500,
    stream_measure_ms=4000,
    held_precision=0.05,
    held_streams_max=3000,
    backlog_ms=15_000,
)
QUICK = Plan(
    rounds=1,
    unary_connections=(1, 32, 128),
    unary_warm_ms=500,
    unary_measure_ms=1500,
    streams=(500, 2000),
    stream_warm_ms=3500,
    stream_measure_ms=2000,
    held_precision=0.2,
    held_streams_max=2500,
    backlog_ms=4000,
)
