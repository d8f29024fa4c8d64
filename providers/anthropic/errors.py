"""What Anthropic-shaped vendors say when something is wrong -> `VendorError`; refusals in their words. Pure.

The shapes seen: `{"type": "error", "error": {type, message}, "request_id"}`, Google's list around
`{"error": {code, message, status}}` where the model is served there, `{"message"}`, plain text, nothing.

That our account is empty or at its limit is a 400 of the same type as a malformed request, without a code:
only the vendor's two sentences tell.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text, word

# SDKs tell their exceptions by the status; the type is for who reads the body.
_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}
# Said with a 400, where it is not our call that is bad -> what is meant.
_OUR_FAULTS: Final = {"authentication_error": 401, "permission_error": 401, "billing_error": 402}
_UNPAID: Final = re.compile(
    r"Your \w+ balance is too low to access the Anthropic API"
    r"|You have reached your specified API usage limits"
)


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    if (error := error_of(raw, status=status)) is not None:
        return replace(error, status=_meant(error)) if status == 400 else error
    if type(raw) is dict and type(said := raw.get("message")) is str:
        text = clean(said)
    return VendorError(status=status, message=text)


def _meant(error: VendorError) -> int:
    if error.type == "invalid_request_error" and _UNPAID.match(error.message):
        return 402
    return _OUR_FAULTS.get(error.type or "", error.status)


def error_of(raw: Any, *, status: int = 200) -> VendorError | None:
    """The error an answer or an event carries; None where it carries none."""
    if type(raw) is list and raw:
        raw = raw[0]
    if type(raw) is not dict:
        return None
    error = raw.get("error")
    if type(error) is dict:
        message = error.get("message")
        return VendorError(
            status=status,
            message=clean(message) if type(message) is str else "",
            type=word(error.get("type") or error.get("status")),
            code=word(error.get("code")),
        )
    if type(error) is str and error:
        return VendorError(status=status, message=clean(error), code=word(raw.get("code")))
    if raw.get("type") == "error":
        message = raw.get("message")
        return VendorError(status=status, message=clean(message) if type(message) is str else "")
    return None


def refusal_body(refusal: Refusal) -> bytes:
    """In a stream it is the data of an `error` event."""
    return orjson.dumps(
        {
            "type": "error",
            "error": {
                "type": _type_of(refusal.status),
                "message": refusal.message,
                "code": refusal.code,
            },
            "request_id": refusal.request_id,
        }
    )


def _type_of(status: int) -> str:
    return _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
