"""A whole Converse answer (not streamed): its usage, and its body, which names no model. Pure."""

from __future__ import annotations

from providers.bedrock.blocks import content_bytes
from providers.bedrock.usage import usage_told
from providers.dialect import Answer
from providers.errors import unreadable
from providers.quirks import NO_QUIRKS, Quirks
from providers.whole_answer import read_object


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    answer = read_object(body)
    if isinstance(answer, Answer):
        return answer
    usage, output = usage_told(answer), answer.get("output")
    message = output.get("message") if type(output) is dict else None
    if type(message) is not dict:
        error = unreadable("The vendor's answer has no message.")
        return Answer(usage=usage, body=body, error=error)
    return Answer(usage=usage, body=body, text_bytes=content_bytes(message.get("content")))
