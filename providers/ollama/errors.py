"""What Ollama says when something is wrong -> `VendorError`. Pure.

`{"error": "text"}`, with a status of HTTP or as a line of a stream.
"""

from __future__ import annotations

from typing import Any

from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx."""
    raw, text = json_or_text(body)
    return error_of(raw, status=status) or VendorError(status=status, message=text)


def error_of(raw: Any, *, status: int = 200) -> VendorError | None:
    """The error an answer or a line carries; None where it carries none."""
    error = raw.get("error") if type(raw) is dict else None
    if type(error) is dict:  # of what stands before it
        error = error.get("message")
    if error is None:
        return None
    return VendorError(status=status, message=clean(error) if type(error) is str else "")
