"""A whole CLOVA Studio answer (not streamed): its usage, and its body, which names no model. Pure."""

from __future__ import annotations

import orjson

from providers.clova.errors import error_of, says_ok
from providers.clova.progress import message_bytes
from providers.clova.usage import usage_of
from providers.dialect import Answer
from providers.errors import unreadable
from providers.quirks import NO_QUIRKS, Quirks


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not JSON."))
    if type(answer) is not dict:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not an object."))
    result, error = answer.get("result"), error_of(answer)
    if error is None and type(result) is not dict and not says_ok(answer):
        error = unreadable("The vendor's answer has no result.")
    return Answer(
        usage=usage_of(result),
        body=body,
        error=error,
        text_bytes=message_bytes(result.get("message")) if type(result) is dict else 0,
    )
