"""What CLOVA Studio says when something is wrong -> `VendorError`; and our refusals in its words. Pure.

Its shape is `{"status": {"code": "42901", "message": ...}}`: the first three digits of the code are the
status of HTTP; in a stream, or wherever it has begun to answer with 200, the code alone says it. The gateway
before it has another shape: `{"error": {"errorCode": ..., "message": ..., "details": ...}}`.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text, word


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    return error_of(raw, status=status) or VendorError(status=status, message=text)


def error_of(raw: Any, *, status: int = 200) -> VendorError | None:
    """The error an answer or an event carries; None where it carries none."""
    if type(raw) is not dict:
        return None
    said = raw.get("status")
    if type(said) is dict:
        code = word(said.get("code"))
        if says_ok(raw) or (code is None and status < 400):
            return None
        return VendorError(status=status, message=clean(_text(said.get("message"))), code=code)
    error = raw.get("error")
    if type(error) is dict:
        texts = [_text(error.get(name)) for name in ("message", "details")]
        code = word(error.get("errorCode")) or word(error.get("code"))
        return VendorError(status=status, message=clean(": ".join(filter(None, texts))), code=code)
    return None


def says_ok(raw: dict[str, Any]) -> bool:
    said = raw.get("status")
    return type(said) is dict and (word(said.get("code")) or "").startswith("2")


def refusal_body(refusal: Refusal) -> bytes:
    return orjson.dumps({**_words(refusal), "result": None})


def error_frame(refusal: Refusal) -> bytes:
    """The same inside a stream."""
    return b"event: error\ndata: " + orjson.dumps(_words(refusal)) + b"\n\n"


def _words(refusal: Refusal) -> dict[str, Any]:
    code = str(refusal.status * 100)  # as theirs: 40100, 42900
    return {"status": {"code": code, "message": refusal.message, "reason": refusal.code}}


def _text(value: Any) -> str:
    return value if type(value) is str else ""
