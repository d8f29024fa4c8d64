"""What OpenAI-shaped vendors say when something is wrong -> `VendorError`. Pure.

The shapes seen: `{"error": {message, type, param, code}}`, `{"error": "text", "code": "text"}` (xAI),
`[{"error": {...}}]` (Google), `{"detail": "text" | [{msg, loc}]}` (FastAPI, Voyage), `{"message": ...}`
(Azure, Mistral), plain text, nothing.

Some vendors answer 400 where our own API key or our own account is bad. Their codes tell; xAI's does not,
which is the same for all that a client may do wrong: there the vendor's sentence does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.json_depth import written_if_shallow
from providers.sse import frame
from providers.vendor_text import clean, json_or_text, word

# Said with a 400 by OpenAI (pictures), Alibaba, Groq and others -> what is meant.
_OUR_FAULTS: Final = {
    "invalid_api_key": 401,
    "account_deactivated": 401,
    "organization_restricted": 401,
    "billing_hard_limit_reached": 402,
    "billing_not_active": 402,
    "insufficient_quota": 402,
    "Arrearage": 402,
}
_XAI_CODES: Final = frozenset({"Client specified an invalid argument", "invalid-argument"})
_XAI_BAD_KEY: Final = "Incorrect API key provided"


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    error = error_of(raw, status=status) or VendorError(status=status, message=text)
    return replace(error, status=_meant(error)) if status == 400 else error


def _meant(error: VendorError) -> int:
    if error.code in _XAI_CODES and error.message.startswith(_XAI_BAD_KEY):
        return 401
    return _OUR_FAULTS.get(error.code or "", error.status)


def error_of(raw: Any, *, status: int = 200) -> VendorError | None:
    """The error an answer or a chunk carries; None where it carries none."""
    if isinstance(raw, list) and raw:
        raw = raw[0]
    if not isinstance(raw, dict):
        return None
    error = raw.get("error")
    if isinstance(error, dict):
        return VendorError(
            status=status,
            message=clean(_text(error.get("message")) or ""),
            type=word(error.get("type") or error.get("status")),
            code=word(error.get("code")),
            param=word(error.get("param")),
        )
    if isinstance(error, str) and error:
        return VendorError(
            status=status, message=clean(error), type=word(raw.get("type")), code=word(raw.get("code"))
        )
    if "choices" in raw or (status < 400 and raw.get("object") != "error"):
        return None
    for name in ("message", "detail", "msg"):
        if (text := _text(raw.get(name))) is not None:
            return VendorError(
                status=status,
                message=clean(text),
                type=word(raw.get("type")),
                code=word(raw.get("code")),
                param=word(raw.get("param")),
            )
    return None


def refusal_body(refusal: Refusal) -> bytes:
    return orjson.dumps({"error": _words(refusal, refusal.openai_type)})


def error_frame(refusal: Refusal) -> bytes:
    """The same inside a stream."""
    return frame(orjson.dumps({"error": _words(refusal, "api_error")}))


def _words(refusal: Refusal, error_type: str) -> dict[str, Any]:
    return {
        "message": refusal.message,
        "type": error_type,
        "param": refusal.param,
        "code": refusal.code,
    }


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[0], dict):
        said = [item.get("msg", "") for item in value[:5] if isinstance(item, dict)]
        return "; ".join(text for text in said if isinstance(text, str))
    if isinstance(value, dict):
        return (written_if_shallow(value) or b"").decode()
    return None
