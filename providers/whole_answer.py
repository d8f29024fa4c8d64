"""A whole answer, as far as it is alike for every dialect: a JSON object, or nothing. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialect import Answer
from providers.errors import unreadable


def read_object(body: bytes) -> dict[str, Any] | Answer:
    """An Answer: the error, where the body is anything else."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not JSON."))
    if type(answer) is not dict:
        return Answer(usage=None, body=body, error=unreadable("The vendor's answer is not an object."))
    return answer
