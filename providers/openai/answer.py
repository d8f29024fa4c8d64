"""A whole OpenAI answer (not streamed): its usage, and its body under the product's name. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from providers.dialect import Answer
from providers.errors import unreadable
from providers.json_depth import text_bytes, written_if_shallow
from providers.openai.errors import error_of
from providers.openai.progress import content_bytes
from providers.openai.usage import find_usage, usage_of
from providers.quirks import NO_QUIRKS, Quirks
from providers.service_tiers import with_tier

_MODEL: Final = re.compile(rb'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')


def read_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    return read_answer_object(body, product_id=product_id, quirks=quirks)[0]


def read_answer_object(
    body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS
) -> tuple[Answer, dict[str, Any] | None]:
    """The same, and the object it was read from, for who looks for more in it."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not JSON.")), None
    if type(answer) is not dict:
        error = error_of(answer) or unreadable("The vendor's answer is not an object.")
        return Answer(usage=None, body=body, error=error), None
    raw = find_usage(answer)
    usage = None if raw is None else usage_of(raw, quirks)
    upstream_id = answer.get("id")
    read = Answer(
        usage=None if usage is None else with_tier(usage, answer.get("service_tier")),
        body=_with_product(body, answer, product_id),
        upstream_id=upstream_id if type(upstream_id) is str and upstream_id else None,
        error=error_of(answer),
        text_bytes=_text_bytes(answer),
    )
    return read, answer


def _with_product(body: bytes, answer: dict[str, Any], product_id: str) -> bytes:
    """By bytes where `model` stands once (an embeddings answer is long); else by writing the JSON anew."""
    model = answer.get("model")
    if model is None and "model" not in answer:
        return body
    if body.count(b'"model"') == 1 and (found := _MODEL.search(body)) is not None:
        return body[: found.start(1)] + product_id.encode() + body[found.end(1) :]
    answer["model"] = product_id
    written = written_if_shallow(answer)
    return body if written is None else written


def _text_bytes(answer: dict[str, Any]) -> int:
    choices = answer.get("choices")
    if type(choices) is not list:
        return 0
    length = 0
    for choice in choices:
        if type(choice) is not dict:
            continue
        if type(text := choice.get("text")) is str:  # an old completion
            length += len(text.encode(errors="replace"))
        message = choice.get("message")
        if type(message) is not dict:
            continue
        length += content_bytes(message.get("content"))
        for name in ("refusal", "reasoning_content", "reasoning"):
            if type(text := message.get(name)) is str:
                length += len(text.encode(errors="replace"))
                if name == "reasoning_content":
                    break  # some vendors say it twice
        calls = message.get("tool_calls")
        if type(calls) is list:
            length += sum(_call_bytes(call.get("function")) for call in calls if type(call) is dict)
    return length


def _call_bytes(function: Any) -> int:
    if type(function) is not dict:
        return 0
    return text_bytes(function.get("name")) + text_bytes(function.get("arguments"))
