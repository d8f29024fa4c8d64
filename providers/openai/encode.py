"""An OpenAI request on its way to the vendor: the caller's body with what the gateway must change. Pure."""

from __future__ import annotations

from typing import Any

from providers.bounds import PURPOSES_WITHOUT_OUTPUT
from providers.facts import RequestFacts
from providers.json_depth import written
from providers.openai.completions_request import COMPLETION_LIMIT_FIELD
from providers.openai.request import LIMIT_FIELDS
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
    """The body for the vendor. `output_limit` is per choice and only ever lowers the caller's own.

    Raises BadRequest: JSON is read to a depth of 1,024 and written to 254, and to look for what lies between
    before every call would cost more than to find it here.
    """
    out = dict(body)
    out["model"] = upstream_model
    if facts.purpose not in PURPOSES_WITHOUT_OUTPUT:
        _set_stream(out, stream=stream, quirks=quirks)
        if output_limit is not None and facts.purpose == "chat":
            _lower_limit(out, output_limit, LIMIT_FIELDS, quirks.output_limit_field)
        elif output_limit is not None:
            _lower_limit(out, output_limit, (COMPLETION_LIMIT_FIELD,), COMPLETION_LIMIT_FIELD)
    return written(out)


def _set_stream(out: dict[str, Any], *, stream: bool, quirks: Quirks) -> None:
    if not stream:
        out.pop("stream_options", None)
        if "stream" in out:
            out["stream"] = False
        return
    out["stream"] = True
    if quirks.stream_usage_on_request:
        options = out.get("stream_options")
        out["stream_options"] = {**options, "include_usage": True} if options else {"include_usage": True}
    else:
        out.pop("stream_options", None)


def _lower_limit(out: dict[str, Any], output_limit: int, fields: tuple[str, ...], unnamed: str) -> None:
    named = False
    for field in fields:
        if out.get(field) is not None:
            out[field] = min(out[field], output_limit)
            named = True
    if not named:
        out[unnamed] = output_limit
