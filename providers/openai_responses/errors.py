"""What a response or its stream says went wrong -> `VendorError`; and our own words for it. Pure.

Before an answer has begun, errors are those of the whole OpenAI dialect (`providers/openai/errors.py`).
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.openai.errors import error_of

UNREADABLE: Final = VendorError(
    status=200, message="The vendor's answer cannot be read.", code="unreadable_answer"
)
_FAILED: Final = VendorError(status=200, message="The vendor says that the response has failed.")


def error_of_answer(answer: Any) -> VendorError | None:
    """Of a response, whole or inside an event: its error object, or that its status is `failed`."""
    error = error_of(answer)
    if error is None and type(answer) is dict and answer.get("status") == "failed":
        return _FAILED
    return error


def error_of_event(event: dict[str, Any]) -> VendorError | None:
    """`{"type": "error", "message", "code", "param"}`, or the same in an `error` object."""
    if event.get("error") is not None:
        return error_of(event)
    if event.get("type") != "error":
        return None
    return error_of({"error": {**event, "type": None}})


def failed(response: dict[str, Any]) -> VendorError:
    """Of the response in a `response.failed`."""
    return error_of_answer(response) or _FAILED


def error_event(refusal: Refusal, sequence_number: int) -> bytes:
    """The event of our own refusal: as documented, and with the object on which official SDKs raise."""
    words = {"code": refusal.code, "message": refusal.message, "param": refusal.param}
    event = {
        "type": "error",
        **words,
        "sequence_number": sequence_number,
        "error": {"type": "api_error", **words},
    }
    return orjson.dumps(event)
