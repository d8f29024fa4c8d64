"""What OpenAI-shaped vendors say when something is wrong -> `VendorError`. Pure.

The shapes seen: `{"error": {message, type, param, code}}`, `{"error": "text", "code": "text"}` (xAI),
`[{"error": {...}}]` (Google), `{"detail": "text" | [{msg, loc}]}` (FastAPI, Voyage), `{"message": ...}`
(Azure, Mistral), plain text, nothing.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.json_depth import written_if_shallow
from providers.sse import frame
from providers.vendor_text import clean, json_or_text, word


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    return error_of(raw, status=status) or VendorError(status=status, message=text)


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
