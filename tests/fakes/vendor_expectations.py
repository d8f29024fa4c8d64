"""What the recorded exchanges expect to be metered, and what we make of it; the same for every dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from metering.usage import Usage

# Told only by some vendors: compared where it is.
_SOMETIMES: Final = {
    "uncached_input_tokens": "uncached",
    "cache_write_5m_tokens": "written_short",
    "cache_write_1h_tokens": "written_1h",
    "web_search_requests": "searches",
}


def difference(exchange: dict[str, Any], usage: Usage | None) -> str | None:
    """None where our count says what the recording expects."""
    expected = exchange["expected_usage"]
    if exchange["expected_usage_confidence"] != "exact":
        return None
    if usage is None:
        return f"{exchange['id']}: no usage found, expected {expected}"
    cached = min(expected.get("cached_input_tokens") or 0, expected["input_tokens"])
    written = min(expected.get("cache_write_tokens") or 0, expected["input_tokens"] - cached)
    audio_out = expected.get("audio_output_tokens") or 0
    wanted = {
        "input": max(0, expected["input_tokens"]),
        "output": max(0, expected["output_tokens"]),
        "cached": max(0, cached),
        "written": written,
        "reasoning": min(expected.get("reasoning_tokens") or 0, expected["output_tokens"] - audio_out),
        "audio": min(expected.get("audio_input_tokens") or 0, expected["input_tokens"] - cached - written),
        "audio_out": audio_out,
    }
    wanted |= {name: expected[field] for field, name in _SOMETIMES.items() if expected.get(field) is not None}
    ours = {name: count for name, count in _counts(usage).items() if name in wanted}
    return None if ours == wanted else f"{exchange['id']}: {ours} instead of {wanted}"


def differences(pairs: Iterable[tuple[dict[str, Any], Usage | None]]) -> list[str]:
    return [text for exchange, usage in pairs if (text := difference(exchange, usage)) is not None]


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input_total,
        "output": usage.output_total,
        "cached": usage.cached_input,
        "written": usage.cache_write + usage.cache_write_1h,
        "reasoning": usage.reasoning,
        "audio": usage.input_audio,
        "audio_out": usage.output_audio,
        "uncached": usage.input + usage.input_audio,
        "written_short": usage.cache_write,
        "written_1h": usage.cache_write_1h,
        "searches": usage.units.get("searches", 0),
    }
