"""Usage as CLOVA Studio reports it <-> `metering.usage.Usage`. Pure.

    v3          usage {promptTokens, completionTokens, totalTokens, completionTokensDetails {thinkingTokens}}
    v1          inputLength, outputLength beside the message
    embeddings  inputTokens

Thinking is a part of the completion. Only where the total says by exactly that number that it is not, it is
added; any other total that is not the sum of its parts decides nothing (the vendor's own documentation shows
one). Nothing is cached. Absent is not zero: a chat without an output count has no usage (None).
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals


def usage_of(result: Any) -> Usage | None:
    """Of the `result` of an answer, or of the data of a `result` event."""
    if type(result) is not dict:
        return None
    if type(usage := result.get("usage")) is dict:
        return _of_v3(usage)
    input_total, output_total = _count(result, "inputLength"), _count(result, "outputLength")
    if input_total is not None and output_total is not None:
        return usage_from_totals(input_total=input_total, output_total=output_total)
    if "message" not in result and (input_total := _count(result, "inputTokens")) is not None:
        return usage_from_totals(input_total=input_total, output_total=0)
    return None


def usage_to_v3(usage: Usage | None) -> dict[str, Any]:
    """What an end of our own making says of usage."""
    if usage is None:
        return {"usage": None}
    counts: dict[str, Any] = {
        "promptTokens": usage.input_total,
        "completionTokens": usage.output_total,
        "totalTokens": usage.input_total + usage.output_total,
    }
    if usage.reasoning:
        counts["completionTokensDetails"] = {"thinkingTokens": usage.reasoning}
    return {"usage": counts}


def usage_to_v1(usage: Usage | None) -> dict[str, Any]:
    return {} if usage is None else {"inputLength": usage.input_total, "outputLength": usage.output_total}


def _of_v3(usage: dict[str, Any]) -> Usage | None:
    input_total, output_total = _count(usage, "promptTokens"), _count(usage, "completionTokens")
    total = _count(usage, "totalTokens")
    details = usage.get("completionTokensDetails")
    thinking = (_count(details, "thinkingTokens") if type(details) is dict else None) or 0
    if total is not None:
        if input_total is None and output_total is not None:
            input_total = total - output_total
        elif output_total is None and input_total is not None:
            output_total = total - input_total
    if input_total is None or output_total is None:
        return None
    if total is not None and thinking > 0 and total - input_total - output_total == thinking:
        output_total += thinking
    return usage_from_totals(input_total=input_total, output_total=output_total, reasoning=thinking)


def _count(raw: dict[str, Any], name: str) -> int | None:
    """A count, or None. A whole float is one; a bool, an int by inheritance only, is not."""
    value = raw.get(name)
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
