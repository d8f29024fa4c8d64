"""The usage of one response -> `metering.usage.Usage`. Pure.

The input counts everything the conversation holds so far, texts, sounds and pictures; what was read from the
cache is a part of it, and `cached_tokens_details` says how much of that is sound. The classes do not overlap,
so sound read from the cache is cached input and no audio input. The vendor's transcript of its own speech is
text output.
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals


def usage_of(raw: Any) -> Usage | None:
    """The value of `response.usage`. None: nothing that says what is billed."""
    if type(raw) is not dict:
        return None
    input_total, output_total = _count(raw, "input_tokens"), _count(raw, "output_tokens")
    total = _count(raw, "total_tokens")
    if input_total is None:
        if total is None:
            return None
        input_total = max(0, total - (output_total or 0))
    if output_total is None:
        output_total = 0
    if total is not None:
        output_total += max(0, total - input_total - output_total)  # hidden from both counts: made, so output
    inside, outside = _details(raw, "input_token_details"), _details(raw, "output_token_details")
    cached_audio = _count(_details(inside, "cached_tokens_details"), "audio_tokens") or 0
    return usage_from_totals(
        input_total=input_total,
        output_total=output_total,
        cached_input=_count(inside, "cached_tokens") or 0,
        input_audio=max(0, (_count(inside, "audio_tokens") or 0) - max(0, cached_audio)),
        output_audio=_count(outside, "audio_tokens") or 0,
        reasoning=_count(outside, "reasoning_tokens") or 0,
    )


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return value if type(value) is dict else {}


def _count(raw: dict[str, Any], name: str) -> int | None:
    value = raw.get(name)
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


__all__ = ["usage_of"]
