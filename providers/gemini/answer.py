"""A whole Gemini answer (not streamed): its usage, and its body under the product's name. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from metering.usage import Usage
from providers.dialect import Answer
from providers.errors import unreadable
from providers.gemini.product import with_product
from providers.gemini.progress import StreamState
from providers.gemini.usage import usage_of
from providers.json_depth import written_if_shallow
from providers.quirks import NO_QUIRKS, Quirks


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """Of generateContent and the embeddings; these report usage or they do not, by their model."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not JSON."))
    if type(answer) is list and answer and all(type(chunk) is dict for chunk in answer):
        return _read_chunks(body, answer, product_id)
    if type(answer) is not dict:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not an object."))
    seen = StreamState(product_id)
    seen.observe(answer)
    return _answer(body, with_product(body, answer, product_id), seen)


def _read_chunks(body: bytes, chunks: list[dict[str, Any]], product_id: str) -> Answer:
    """A stream said whole as an array, by a vendor that was asked for events and gives none; or an error."""
    seen = StreamState(product_id)
    for chunk in chunks:
        seen.observe(chunk)
        if "modelVersion" in chunk:
            chunk["modelVersion"] = product_id
    return _answer(body, written_if_shallow(chunks), seen)


def _answer(body: bytes, renamed: bytes | None, seen: StreamState) -> Answer:
    if renamed is None:
        seen.error = unreadable("The vendor's answer is nested too deeply.")
    return Answer(
        usage=None if seen.raw_usage is None else usage_of(seen.raw_usage, seen.searches),
        body=body if renamed is None else renamed,
        upstream_id=seen.upstream_id,
        error=seen.error,
        text_bytes=seen.text_bytes,
    )


def read_count(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """Of countTokens: nothing is billed for it."""
    answer = read_answer(body, product_id=product_id, quirks=quirks)
    return Answer(usage=Usage(), body=answer.body, error=answer.error)
