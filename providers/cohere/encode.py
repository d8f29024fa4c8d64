"""A Cohere request on its way to the vendor: what was asked in its words, with model, stream, limit. Pure."""

from __future__ import annotations

from typing import Any

from providers.facts import RequestFacts
from providers.json_depth import written
from providers.quirks import NO_QUIRKS, Quirks


def encode_upstream(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks = NO_QUIRKS,
) -> bytes:
    out = {**body, "model": upstream_model, "stream": stream}
    if output_limit is not None:
        out["max_tokens"] = output_limit
        _think_less(out, output_limit)
    return written(out)


def _think_less(out: dict[str, Any], output_limit: int) -> None:
    """The vendor refuses a budget for thinking that is not below the limit, or none at all."""
    thinking = out.get("thinking")
    budget = thinking.get("token_budget") if type(thinking) is dict else None
    if type(budget) is int and budget >= output_limit:
        half = output_limit // 2
        out["thinking"] = {"type": "enabled", "token_budget": half} if half else {"type": "disabled"}
