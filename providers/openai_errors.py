"""What OpenAI-shaped vendors say when something is wrong -> `VendorError`. Pure.

The shapes seen: `{"error": {message, type, param, code}}`, `{"error": "text", "code": "text"}` (xAI),
`[{"error": {...}}]` (Google), `{"detail": "text" | [{msg, loc}]}` (FastAPI, Voyage), `{"message": ...}`
(Azure, Mistral), plain text, nothing. A message may quote the credential it refused: whatever looks like one
is blotted out, as the text goes to callers and logs.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from providers.errors import VendorError

MESSAGE_CHARS_MAX: Final = 1_000
_WORD_CHARS_MAX: Final = 100
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CREDENTIAL: Final = re.compile(
    r"(?i)\bbearer\s+\S+"
    r"|\b(?:sk|pk|rk|up|flp|nv|gsk|xai|hf|vg|pplx|csk|tgp|AKIA|AIza)[-_]?[A-Za-z0-9_*.-]{12,}"
    r"|(?<=api key provided: )[^\s.]+"
)


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    try:
        raw: Any = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return VendorError(
            status=status, message=clean(body[: MESSAGE_CHARS_MAX * 4].decode(errors="replace"))
        )
    return error_of(raw, status=status) or VendorError(status=status, message="")


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
            type=_word(error.get("type") or error.get("status")),
            code=_word(error.get("code")),
            param=_word(error.get("param")),
        )
    if isinstance(error, str) and error:
        return VendorError(
            status=status, message=clean(error), type=_word(raw.get("type")), code=_word(raw.get("code"))
        )
    if "choices" in raw or (status < 400 and raw.get("object") != "error"):
        return None
    for name in ("message", "detail", "msg"):
        if (text := _text(raw.get(name))) is not None:
            return VendorError(
                status=status,
                message=clean(text),
                type=_word(raw.get("type")),
                code=_word(raw.get("code")),
                param=_word(raw.get("param")),
            )
    return None


def clean(text: str) -> str:
    """Bounded, on one line, without credentials: fit for a caller and a log."""
    text = _CREDENTIAL.sub("[redacted]", text[: MESSAGE_CHARS_MAX * 2])
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text if len(text) <= MESSAGE_CHARS_MAX else text[: MESSAGE_CHARS_MAX - 1] + "…"


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "; ".join(str(item.get("msg", "")) for item in value[:5] if isinstance(item, dict))
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return None


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (str, int)):
        return clean(str(value))[:_WORD_CHARS_MAX]
    return None
