"""A whole Gemini answer (not streamed): its usage, and its body under the product's name. Pure."""

from __future__ import annotations

import orjson

from metering.usage import Usage
from providers.dialect import Answer
from providers.errors import VendorError
from providers.gemini.errors import error_of
from providers.gemini.product import with_product
from providers.gemini.progress import StreamState
from providers.gemini.usage import find_usage, usage_of
from providers.quirks import NO_QUIRKS, Quirks


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """Of generateContent and the embeddings; these report usage or they do not, by their model."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=_unreadable("The vendor's answer is not JSON."))
    if type(answer) is not dict:
        error = error_of(answer) or _unreadable("The vendor's answer is not an object.")
        return Answer(usage=None, body=body, error=error)
    seen = StreamState(product_id)
    seen.observe(answer)
    raw = find_usage(answer)
    renamed = with_product(body, answer, product_id)
    if renamed is None:
        seen.error = _unreadable("The vendor's answer is nested too deeply.")
    return Answer(
        usage=None if raw is None else usage_of(raw, seen.searches),
        body=body if renamed is None else renamed,
        upstream_id=seen.upstream_id,
        error=seen.error,
        text_bytes=seen.text_bytes,
    )


def read_count(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    """Of countTokens: nothing is billed for it."""
    answer = read_answer(body, product_id=product_id, quirks=quirks)
    return Answer(usage=Usage(), body=answer.body, error=answer.error)


def _unreadable(message: str) -> VendorError:
    return VendorError(status=200, message=message, code="unreadable_answer")
