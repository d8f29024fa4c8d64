"""What Gemini says when something is wrong -> `VendorError`; and our refusals in its words. Pure.

`{"error": {code, message, status, details}}`, alone or as the one element of a list (a stream asked for as
an array). An invalid key is a 400 there, of all things: what it means is a 401.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text, word

_ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"
_CREDENTIAL_REASONS: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})
# HTTP -> the canonical name. What only money or time can mend is a precondition: no SDK repeats it.
_STATUS_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    return error_of(raw, status=status) or VendorError(status=status, message=text)


def error_of(raw: Any, *, status: int = 200) -> VendorError | None:
    """The error an answer or a chunk carries; None where it carries none."""
    if type(raw) is list and raw:
        raw = raw[0]
    if type(raw) is not dict or raw.get("error") is None:
        return None
    error = raw["error"]
    if type(error) is not dict:
        return VendorError(status=status, message=clean(error) if type(error) is str else "")
    message = error.get("message")
    reason = _reason(error.get("details"))
    return VendorError(
        status=401 if status == 400 and reason in _CREDENTIAL_REASONS else status,
        message=clean(message) if type(message) is str else "",
        type=word(error.get("status")),
        code=word(reason or error.get("code")),
    )


def refusal_body(refusal: Refusal) -> bytes:
    """The same object in a body and inside a stream."""
    default = "INTERNAL" if refusal.status >= 500 else "INVALID_ARGUMENT"
    return orjson.dumps(
        {
            "error": {
                "code": refusal.status,
                "message": refusal.message,
                "status": _STATUS_NAMES.get(refusal.status, default),
                "details": [{"@type": _ERROR_INFO, "reason": refusal.code}],
            }
        }
    )


def _reason(details: Any) -> str | None:
    for detail in details if type(details) is list else ():
        if type(detail) is dict and detail.get("@type") == _ERROR_INFO:
            reason = detail.get("reason")
            return reason if type(reason) is str else None
    return None
