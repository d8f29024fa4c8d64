"""Usage as Gemini reports it (`usageMetadata`) -> `metering.usage.Usage`. Pure.

`promptTokenCount` includes what was read from a cache; what the vendor's own tools brought in stands beside
it, and so do the thoughts beside the candidates. A field that is absent is zero where another is there:
zeros are not written. A total above the sum is output that was not broken down: thinking shown nowhere else.

Every chunk of a stream reports anew, cumulatively, and not always every field: the later value of a field
wins, and nothing is ever added up.
"""

from __future__ import annotations

from typing import Any, Final

from metering.usage import Usage, usage_from_totals
from providers.service_tiers import with_tier

_COUNTS: Final = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
)
_TOTAL: Final = _COUNTS[-1]
FIELDS_MAX: Final = 64  # of one usage object: a vendor that names ever new ones is not followed
# Embeddings spell it the other way.
_PROMPT_DETAILS: Final = ("promptTokensDetails", "promptTokenDetails")
_AUDIO: Final = ("AUDIO", 4)  # the enum's number, where a vendor writes numbers


def find_usage(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The usage an answer or a chunk carries; None where there is no count in it: `trafficType` is none."""
    raw = answer.get("usageMetadata")
    if type(raw) is not dict or all(_count(raw, name) is None for name in _COUNTS):
        return None
    return raw


def merged(known: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """The later report over the earlier. A total is of its own report: an older one would not fit."""
    out = dict(known)
    for name, value in raw.items():
        if value is not None and (name in out or name in _COUNTS or len(out) < FIELDS_MAX):
            out[name] = value
    if raw.get(_TOTAL) is None:
        out.pop(_TOTAL, None)
    return out


def usage_of(raw: dict[str, Any], searches: int = 0) -> Usage:
    """`raw` as `find_usage` gave it."""
    prompt = _count(raw, "promptTokenCount")
    thoughts = _count(raw, "thoughtsTokenCount") or 0
    input_total = (prompt or 0) + (_count(raw, "toolUsePromptTokenCount") or 0)
    output_total = (_count(raw, "candidatesTokenCount") or 0) + thoughts
    beyond = (_count(raw, _TOTAL) or 0) - input_total - output_total
    if beyond > 0 and prompt is None:
        input_total += beyond
    elif beyond > 0:
        output_total += beyond
    cached = _count(raw, "cachedContentTokenCount") or 0
    usage = usage_from_totals(
        input_total=input_total,
        output_total=output_total,
        cached_input=cached,
        reasoning=thoughts,
        # What of the sound was read from the cache is cached input already.
        input_audio=_audio(raw, *_PROMPT_DETAILS) - min(cached, _audio(raw, "cacheTokensDetails")),
        output_audio=_audio(raw, "candidatesTokensDetails"),
        units={"searches": searches},
    )
    return with_tier(usage, raw.get("serviceTier") or raw.get("trafficType"))


def usage_to_gemini(usage: Usage) -> dict[str, Any]:
    """The usage object of chunks and answers that the gateway itself makes."""
    out = {
        "promptTokenCount": usage.input_total,
        "candidatesTokenCount": usage.output_total - usage.reasoning,
        "totalTokenCount": usage.input_total + usage.output_total,
    }
    if usage.cached_input:
        out["cachedContentTokenCount"] = usage.cached_input
    if usage.reasoning:
        out["thoughtsTokenCount"] = usage.reasoning
    return out


def _audio(raw: dict[str, Any], *names: str) -> int:
    for name in names:
        details = raw.get(name)
        if type(details) is list:
            return sum(
                _count(item, "tokenCount") or 0
                for item in details
                if type(item) is dict and item.get("modality") in _AUDIO
            )
    return 0


def _count(raw: dict[str, Any], name: str) -> int | None:
    """A count, never negative. A whole float is one."""
    value = raw.get(name)
    if type(value) is int:
        return max(0, value)
    if type(value) is float and value.is_integer():
        return max(0, int(value))
    return None
