"""What Cohere says when something is wrong -> `VendorError`. Pure.

An answer that is not 2xx is `{"id": ..., "message": ...}`. Inside an answer or a stream that had begun well,
`finish_reason` says it: `ERROR` or `TIMEOUT`, in a stream with a text beside it.
"""

from __future__ import annotations

from typing import Any, Final

from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text, word

FAILED: Final = frozenset({"ERROR", "TIMEOUT"})


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    message = raw.get("message") if type(raw) is dict else None
    return VendorError(status=status, message=clean(message) if type(message) is str else text)


def error_of(raw: Any) -> VendorError | None:
    """The error an answer, or the `delta` that ends a stream, carries; None where it carries none."""
    if type(raw) is not dict:
        return None
    reason = raw.get("finish_reason")
    if type(reason) is not str or reason not in FAILED:
        return None
    text = raw.get("error")
    return VendorError(status=200, message=clean(text) if type(text) is str else "", code=word(reason))
