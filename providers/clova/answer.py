"""A whole CLOVA Studio answer (not streamed): its usage, and its body, which names no model. Pure."""

from __future__ import annotations

from providers.clova.errors import error_of, says_ok
from providers.clova.progress import message_bytes
from providers.clova.usage import usage_of
from providers.dialect import Answer
from providers.errors import unreadable
from providers.quirks import NO_QUIRKS, Quirks
from providers.whole_answer import read_object


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    answer = read_object(body)
    if isinstance(answer, Answer):
        return answer
    result, error = answer.get("result"), error_of(answer)
    if error is None and type(result) is not dict and not says_ok(answer):
        error = unreadable("The vendor's answer has no result.")
    return Answer(
        usage=usage_of(result),
        body=body,
        error=error,
        text_bytes=message_bytes(result.get("message")) if type(result) is dict else 0,
    )
