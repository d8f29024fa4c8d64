"""A CLOVA Studio request on its way to the vendor: the caller's body with what the gateway must change. Pure.

The model stands in the path and the wish for a stream in `Accept`, so there is little to change.
"""

from __future__ import annotations

from typing import Any, Final

from providers.clova.request import LIMIT_FIELDS
from providers.facts import RequestFacts
from providers.json_depth import written
from providers.quirks import NO_QUIRKS, Quirks

# It refuses `maxTokens`; the others take it. The row `clova-thinking` is for models that came later.
_THINKING_MODEL: Final = "HCX-007"


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
    out.pop("model", None)
    if facts.purpose == "chat":
        if "stream" in out:
            out["stream"] = stream
        if output_limit is not None:
            _lower_limit(out, output_limit, upstream_model, quirks)
    return written(out)


def _lower_limit(out: dict[str, Any], output_limit: int, upstream_model: str, quirks: Quirks) -> None:
    """Only the field that the caller named: the vendor refuses both at once."""
    named = [field for field in LIMIT_FIELDS if out.get(field) is not None]
    for field in named:
        out[field] = min(out[field], output_limit)
    if not named:
        thinks = upstream_model.startswith(_THINKING_MODEL) or out.get("thinking") is not None
        plain = "maxCompletionTokens" if thinks else "maxTokens"
        field = quirks.output_limit_field
        out[field if field in LIMIT_FIELDS else plain] = output_limit
