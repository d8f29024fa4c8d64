"""Usage as Anthropic-shaped vendors report it -> `metering.usage.Usage`. Pure.

What is read from a cache and what is written to one stands beside `input_tokens`, so the input is the sum of
the three. Thinking is a part of the output. How long a cache entry is kept for is told by `cache_creation`,
which may be stale (in streams it is not repeated, and server tools write more): the total decides, and what
it has beyond the hour's part is of the short kind, the vendor's default.

`iterations` lists the model's turns within one call. Two kinds of turns are billed and are in no count of the
whole: a compaction, by the same model and so at the same prices, is added to the classes; an adviser's turn,
by another model, is kept beside them (`Usage.others`), since the product's prices are not that model's.

Absent is not zero: a usage without an input or without an output is no usage (None).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from metering.usage import OtherUsage, Usage, usage_from_totals
from providers.service_tiers import with_tier

_ITERATIONS_MAX: Final = 1_000
_INPUT_FIELDS: Final = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "service_tier",
    "speed",
)
# Turns whose tokens are in the counts of the whole, whatever model took them.
_COUNTED_TURNS: Final = frozenset({"message", "fallback_message"})


class _Counts(NamedTuple):
    input_total: int
    output_total: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    reasoning: int

    def plus(self, other: _Counts) -> _Counts:
        return _Counts(*(one + another for one, another in zip(self, other, strict=True)))

    def usage(self, units: dict[str, int] | None = None) -> Usage:
        return usage_from_totals(**self._asdict(), units=units)


def usage_of(raw: Any, model: str | None = None) -> Usage | None:
    """The usage object itself (the value of `usage`); `model` is the one that answered."""
    if type(raw) is not dict:
        return None
    counts = _counts(raw)
    if counts is None:
        return None
    others: list[OtherUsage] = []
    for turn, own in _uncounted_turns(raw, counts):
        turn_model = turn.get("model")
        if type(turn_model) is str and turn_model != model:
            others.append(OtherUsage(model=turn_model, kind=_kind(turn), usage=own.usage()))
        else:
            counts = counts.plus(own)
    tier = "fast" if raw.get("speed") == "fast" else raw.get("service_tier")
    usage = with_tier(counts.usage(_units(raw)), tier)
    return msgspec.structs.replace(usage, others=tuple(others)) if others else usage


def input_of(raw: dict[str, Any], model: str | None) -> Usage | None:
    """A stream's first event tells the input; of some vendors a nought, and the count only at the end."""
    told = {name: raw.get(name) for name in _INPUT_FIELDS}
    usage = usage_of({**told, "output_tokens": 0}, model)
    return usage if usage is not None and usage.input_total else None


def usage_to_anthropic(usage: Usage) -> dict[str, Any]:
    """The usage object of frames and answers that the gateway itself makes."""
    out: dict[str, Any] = {
        "input_tokens": usage.input + usage.input_audio,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output_total,
    }
    if usage.reasoning:
        out["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return out


def counts_output(raw: Any) -> bool:
    """Does this report count the output? The first one of a stream does not, though it has a number."""
    return type(raw) is dict and _count(raw.get("output_tokens")) is not None


def _counts(raw: dict[str, Any]) -> _Counts | None:
    plain, output = _count(raw.get("input_tokens")), _count(raw.get("output_tokens"))
    if plain is None or output is None:
        return None
    cached = max(0, _count(raw.get("cache_read_input_tokens")) or 0)
    short, hour = _cache_writes(raw)
    return _Counts(
        input_total=max(0, plain) + cached + short + hour,
        output_total=max(0, output),
        cached_input=cached,
        cache_write=short,
        cache_write_1h=hour,
        reasoning=max(0, _count(_inside(raw, "output_tokens_details").get("thinking_tokens")) or 0),
    )


def _cache_writes(raw: dict[str, Any]) -> tuple[int, int]:
    """(for the short time, for an hour)"""
    broken_down = _inside(raw, "cache_creation")
    short = max(0, _count(broken_down.get("ephemeral_5m_input_tokens")) or 0)
    hour = max(0, _count(broken_down.get("ephemeral_1h_input_tokens")) or 0)
    total = _count(raw.get("cache_creation_input_tokens"))
    if total is None:
        return short, hour
    hour = min(hour, max(0, total))
    return max(0, total) - hour, hour


def _uncounted_turns(raw: dict[str, Any], counts: _Counts) -> list[tuple[dict[str, Any], _Counts]]:
    """The turns that are billed beyond the counts of the whole.

    Where all turns together are the whole, none is beyond it, whatever it is called.
    """
    iterations = raw.get("iterations")
    if type(iterations) is not list:
        return []
    turns = [
        (turn, own)
        for turn in iterations[:_ITERATIONS_MAX]
        if type(turn) is dict and (own := _counts(turn)) is not None
    ]
    together = (sum(own.input_total for _, own in turns), sum(own.output_total for _, own in turns))
    if together == (counts.input_total, counts.output_total):
        return []
    return [(turn, own) for turn, own in turns if _kind(turn) not in _COUNTED_TURNS]


def _kind(turn: dict[str, Any]) -> str:
    kind = turn.get("type")
    return kind if type(kind) is str else ""


def _units(raw: dict[str, Any]) -> dict[str, int]:
    searches = _count(_inside(raw, "server_tool_use").get("web_search_requests"))
    return {"searches": searches} if searches is not None and searches > 0 else {}


def _inside(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return value if type(value) is dict else {}


def _count(value: Any) -> int | None:
    """A whole float is a count too: some who pass answers on write 12.0."""
    if type(value) is int:  # not a bool, which is an int by inheritance only
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    return None
