"""A Gemini request on its way to the vendor: the caller's body with what the gateway must change. Pure.

The model stands in the path; where a body repeats it, it must be the same there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from providers.facts import RequestFacts
from providers.gemini.spelling import spellings
from providers.json_depth import written
from providers.quirks import NO_QUIRKS, Quirks


def model_name(model: str) -> str:
    """As Google names a model: a collection and an id. Tuned models come with theirs."""
    return model if "/" in model else f"models/{model}"


def path_of(model: str, verb: str) -> str:
    """Where the vendor wants it, behind its base URL."""
    return f"/v1beta/{quote(model_name(model), safe='/')}:{verb}"


def encode_generate(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks = NO_QUIRKS,
) -> bytes:
    """The body for the vendor. `output_limit` is per candidate and only ever lowers the caller's own.

    Whether it is streamed is said in the path.
    """
    out = _with_model(body, upstream_model)
    if output_limit is not None:
        _lower_limit(out, output_limit)
    return written(out)


def encode_embed(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks = NO_QUIRKS,
) -> bytes:
    """One text, or a batch: each request of a batch names the model anew."""
    out = _with_model(body, upstream_model)
    requests = out.get("requests")
    if type(requests) is dict:
        requests = [requests]
    if type(requests) is list:
        out["requests"] = [{**request, "model": model_name(upstream_model)} for request in requests]
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
    """A request to count may hold the request that would be made, with its model."""
    out = _with_model(body, upstream_model)
    for name in spellings(out, "generateContentRequest"):
        if type(out[name]) is dict:
            out[name] = {**out[name], "model": model_name(upstream_model)}
    return written(out)


def _with_model(body: dict[str, Any], upstream_model: str) -> dict[str, Any]:
    return {**body, "model": model_name(upstream_model)} if "model" in body else dict(body)


def _lower_limit(out: dict[str, Any], output_limit: int) -> None:
    """In every configuration the body holds: which of two the vendor would believe is not ours to guess."""
    for name in spellings(out, "generationConfig") or ["generationConfig"]:
        config = dict(out.get(name) or {})
        for field in spellings(config, "maxOutputTokens") or ["maxOutputTokens"]:
            given = config.get(field)
            config[field] = output_limit if given is None else min(given, output_limit)
        out[name] = config
