"""Usage as Converse reports it -> `metering.usage.Usage`. Pure.

What is read from a cache and what is written to one stands beside `inputTokens`, so the input is the sum of
the three. `cacheDetails` says for how long what was written is kept: the hour's part is told apart, the rest
is of the short kind. Reasoning is a part of the output, and not told apart.

Absent is not zero: a usage without an input or without an output is no usage (None).
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals
from providers.service_tiers import with_tier


def usage_told(said: dict[str, Any]) -> Usage | None:
    """Of an answer, or of the event behind its end: beside its usage stands how it was served."""
    usage, tier = usage_of(said.get("usage")), said.get("serviceTier")
    if usage is None or type(tier) is not dict:
        return usage
    return with_tier(usage, tier.get("type"))


def usage_of(raw: Any) -> Usage | None:
    """The usage object itself (the value of `usage`)."""
    if type(raw) is not dict:
        return None
    plain, output = _count(raw, "inputTokens"), _count(raw, "outputTokens")
    if plain is None or output is None:
        return None
    cached = max(0, _cache_count(raw, "cacheReadInputToken"))
    written = max(0, _cache_count(raw, "cacheWriteInputToken"))
    hour = min(written, _written_for_an_hour(raw.get("cacheDetails")))
    return usage_from_totals(
        input_total=max(0, plain) + cached + written,
        output_total=output,
        cached_input=cached,
        cache_write=written - hour,
        cache_write_1h=hour,
    )


def _cache_count(raw: dict[str, Any], name: str) -> int:
    """It has two names: `...Tokens`, and in older answers `...TokenCount`."""
    for full in (f"{name}s", f"{name}Count"):
        if (count := _count(raw, full)) is not None:
            return count
    return 0


def _written_for_an_hour(details: Any) -> int:
    total = 0
    for detail in details if type(details) is list else ():
        if type(detail) is dict and detail.get("ttl") == "1h":
            total += max(0, _count(detail, "inputTokens") or 0)
    return total


def _count(raw: dict[str, Any], name: str) -> int | None:
    """A count, or None. A whole float is one; a bool, an int by inheritance only, is not."""
    value = raw.get(name)
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
