"""A Converse request on its way to the vendor. Pure.

The model and the wish for a stream stand in the path, so there is only the limit to lower.
"""

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
    """The body for the vendor. `output_limit` only ever lowers the caller's own. Raises BadRequest."""
    if output_limit is not None:
        config = dict(body.get("inferenceConfig") or {})
        config["maxTokens"] = min(config.get("maxTokens", output_limit), output_limit)
        body = {**body, "inferenceConfig": config}
    return written(body)
