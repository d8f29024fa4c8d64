"""Usage as OpenAI-shaped vendors report it -> `metering.usage.Usage`. Pure.

The shape is one, the meaning is not. What we rely on: where a total is reported, it is what the vendor bills,
and input + output must be equal to it. So the total decides whether reasoning stands beside the output (xAI),
audio beside the input (Mistral), or tokens were hidden from both counts (Google's OpenAI endpoint: they are
output). Only without a total do the vendor's quirks decide.

Absent is not zero: a usage with neither an input nor a total is no usage (None).
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals
from providers.quirks import NO_QUIRKS, Quirks


def usage_of(raw: dict[str, Any], quirks: Quirks = NO_QUIRKS) -> Usage | None:
    """The usage object itself (the value of `usage`), not the answer around it."""
    input_total = _first(raw, "prompt_tokens", "input_tokens")
    output_total = _first(raw, "completion_tokens", "output_tokens")
    total = _first(raw, "total_tokens")
    if input_total is None:
        if total is None:
            return None
        input_total = total - (output_total or 0)  # unknown output: all that is billed is input (Voyage)
    inside = _details(raw, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    outside = _details(raw, "completion_tokens_details", "output_tokens_details")
    reasoning = _first(outside, "reasoning_tokens") or _first(raw, "reasoning_tokens") or 0
    audio_in = _first(inside, "audio_tokens") or 0
    if output_total is None:
        output_total = 0 if total is None else max(0, total - input_total)
    if total is None:
        input_total += audio_in if quirks.audio_beside_input else 0
        output_total += reasoning if quirks.reasoning_beside_output else 0
    elif (beyond := total - input_total - output_total) > 0:
        if beyond == audio_in and beyond != reasoning:
            input_total += beyond
        elif beyond == audio_in + reasoning:
            input_total += audio_in
            output_total += reasoning
        else:
            output_total += beyond
    written, written_1h = _cache_writes(raw, inside)
    return usage_from_totals(
        input_total=input_total,
        output_total=output_total,
        cached_input=_cached(raw, inside),
        cache_write=written,
        cache_write_1h=written_1h,
        reasoning=reasoning,
        input_audio=audio_in,
        output_audio=_first(outside, "audio_tokens") or 0,
    )


def usage_to_openai(usage: Usage) -> dict[str, Any]:
    """The usage object of frames and answers that the gateway itself makes."""
    return {
        "prompt_tokens": usage.input_total,
        "completion_tokens": usage.output_total,
        "total_tokens": usage.input_total + usage.output_total,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input, "audio_tokens": usage.input_audio},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.output_audio,
        },
    }


def find_usage(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Where an answer or a chunk carries its usage object; None where it carries none."""
    usage = answer.get("usage")
    if isinstance(usage, dict):
        return usage
    groq = answer.get("x_groq")
    if isinstance(groq, dict) and isinstance(groq.get("usage"), dict):
        return dict(groq["usage"])
    choices = answer.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        usage = choices[0].get("usage")  # Moonshot streams
        if isinstance(usage, dict):
            return usage
    return None


def _cached(raw: dict[str, Any], inside: dict[str, Any]) -> int:
    count = _first(inside, "cached_tokens")
    if count is None:
        # DeepSeek; Moonshot; Mistral; Anthropic models behind an OpenAI endpoint.
        count = _first(
            raw, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"
        )
    return count or 0


def _cache_writes(raw: dict[str, Any], inside: dict[str, Any]) -> tuple[int, int]:
    """(short, one hour). The one-hour part is told apart only where a vendor breaks its writes down."""
    written = _first(inside, "cache_write_tokens", "cache_creation_tokens")
    if written is None:
        written = _first(raw, "cache_creation_input_tokens", "cache_write_tokens")
    broken_down = _details(raw, "cache_creation")
    written_1h = _first(broken_down, "ephemeral_1h_input_tokens") or 0
    if written is None or not 0 <= written_1h <= written:
        return written or 0, 0
    return written - written_1h, written_1h


def _details(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        value = raw.get(name)
        if isinstance(value, dict):
            return value
    return {}


def _first(raw: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that is a count. A whole float is one (some vendors write 12.0)."""
    for name in names:
        value = raw.get(name)
        if type(value) is int:  # not a bool, which is an int by inheritance only
            return value
        if type(value) is float and value.is_integer():
            return int(value)
    return None
