"""An Anthropic request on its way to the vendor: the body but for what the gateway changes. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

from providers.anthropic.kept import without_files
from providers.facts import RequestFacts
from providers.json_depth import written
from providers.quirks import NO_QUIRKS, Quirks

# The vendor thinks with no less, and only where the limit leaves something to say afterwards.
_THINKING_TOKENS_MIN: Final = 1_024


def encode_messages(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks = NO_QUIRKS,
) -> bytes:
    """The body for the vendor. `output_limit` only ever lowers the caller's own. Raises BadRequest.

    A caller of another dialect may have said none: the vendor takes no request without one.
    """
    out = {**without_files(body), "model": upstream_model}
    if stream:
        out["stream"] = True
    elif "stream" in out:
        out["stream"] = False
    if output_limit is not None and output_limit < out.get("max_tokens", math.inf):
        out["max_tokens"] = output_limit
        _lower_thinking(out, output_limit)
    return written(out)


def encode_count(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks = NO_QUIRKS,
) -> bytes:
    return written({**without_files(body), "model": upstream_model})


def _lower_thinking(out: dict[str, Any], output_limit: int) -> None:
    """The vendor refuses a budget for thinking that is not below the limit."""
    thinking = out.get("thinking")
    if type(thinking) is not dict:
        return
    budget = thinking.get("budget_tokens")
    if type(budget) is not int or budget < output_limit:
        return
    if output_limit > _THINKING_TOKENS_MIN:
        out["thinking"] = {**thinking, "budget_tokens": max(_THINKING_TOKENS_MIN, output_limit // 2)}
    else:
        out["thinking"] = {"type": "disabled"}
