"""Usage as Cohere reports it -> `metering.usage.Usage`. Pure.

    usage {billed_units {input_tokens, output_tokens, search_units}, tokens {...}, cached_tokens}

What is billed is counted, not what was read: `tokens` has the vendor's own templates in it and pictures
beside it, neither of which is billed as such. What was thought was no part of the bill in 2025; it is one
where `tokens` counts it by itself (`reasoning_tokens`). `cached_tokens` is of all that was read, so it may be
more than what is billed: it is cut to that. Without `billed_units` the `tokens` are what there is. Absent is
not zero: without a count of input or output there is no usage (None).
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals


def usage_of(raw: Any) -> Usage | None:
    """The value of `usage`; of embeddings, `meta`."""
    if type(raw) is not dict:
        return None
    for name in ("billed_units", "tokens"):
        counts = raw.get(name)
        if type(counts) is not dict:
            continue
        given, said = _input_total(counts), count_of(counts.get("output_tokens"))
        if given is None and said is None:
            continue
        return usage_from_totals(
            input_total=given or 0,
            output_total=said or 0,
            cached_input=count_of(raw.get("cached_tokens")) or 0,
            units={"searches": count_of(counts.get("search_units")) or 0},
        )
    return None


def _input_total(counts: dict[str, Any]) -> int | None:
    """Pictures stand beside the input; where the text has a count of its own, the larger sum decides."""
    names = ("input_tokens", "text_tokens", "image_tokens")
    given, texts, images = (count_of(counts.get(name)) for name in names)
    if given is None and texts is None and images is None:
        return None
    if texts is None:
        return (given or 0) + (images or 0)
    return max(given or 0, texts + (images or 0))


def count_of(value: Any) -> int | None:
    """A count, or None. A whole float is one; a bool, an int by inheritance only, is not."""
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
