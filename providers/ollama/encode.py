"""An Ollama request on its way to the vendor: asked in its words, with model, stream and limit. Pure."""

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
    """Unless it is told not to, it streams, and forgets the beginning of a chat that is too long for it,
    before the answer (`truncate`) and while it is given (`shift`). So told, it refuses the one and ends the
    other.
    """
    out = {**body, "model": upstream_model, "stream": stream, "truncate": False, "shift": False}
    if output_limit is not None:
        out["options"] = {**body.get("options", {}), "num_predict": output_limit}
    return written(out)
