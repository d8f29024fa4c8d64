"""An OpenAI Responses request on its way to the vendor: the caller's body with what must change. Pure."""

from __future__ import annotations

from typing import Any

from providers.facts import RequestFacts
from providers.json_depth import written
from providers.openai_responses.item_ids import with_own_ids
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
    """The body for the vendor. `output_limit` only ever lowers the caller's own. Raises BadRequest."""
    out = dict(body)
    out["model"] = upstream_model
    # OpenAI keeps an answer unless told not to: here it does where the caller says so. What goes on in the
    # background has to be asked for again; a caller may say that it is not kept beyond that.
    if body.get("store") is None:
        out["store"] = facts.background
    if type(items := body.get("input")) is list:
        out["input"] = with_own_ids(items, follows=facts.follows is not None)
    if stream:
        out["stream"] = True
    else:
        out.pop("stream_options", None)
        if "stream" in out:
            out["stream"] = False
    if output_limit is not None:
        own = facts.output_limit
        out["max_output_tokens"] = output_limit if own is None else min(own, output_limit)
    return written(out)
