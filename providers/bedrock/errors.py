"""What Bedrock says when something is wrong -> `VendorError`. Pure.

The body of an error is `{"message": ...}`; of what kind it is stands in the head (`x-amzn-errortype`), and in
a stream in the headers of the message. The status of HTTP nearly always says as much as the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from providers.errors import VendorError
from providers.vendor_text import clean, json_or_text, word

# Said with a status that blames the request, though it is our account that may have no more.
_STATUSES: Final = {"ServiceQuotaExceededException": 429}


def read_error(status: int, body: bytes) -> VendorError:
    """A vendor's answer that is not 2xx, without its head."""
    raw, text = json_or_text(body)
    if type(raw) is not dict:
        return VendorError(status=status, message=text)
    return _judged(VendorError(status=status, message=_message(raw)), raw.get("__type"))


def read_error_head(error: VendorError, head: Mapping[str, str]) -> VendorError:
    """`ValidationException:http://internal.amazon.com/...`"""
    kind = head.get("x-amzn-errortype")
    return error if kind is None else _judged(error, kind.partition(":")[0])


def error_in_stream(headers: Mapping[str, str], said: dict[str, Any]) -> VendorError:
    """`exception` has its words in the payload, `error` in headers."""
    kind = headers.get(":exception-type") or headers.get(":error-code")
    message = _message(said) or clean(headers.get(":error-message", ""))
    return VendorError(status=200, message=message, code=word(kind))


def _judged(error: VendorError, kind: Any) -> VendorError:
    code = word(kind)
    if code is None:
        return error
    code = code.rpartition("#")[2]  # some name where it is defined as well
    return replace(error, code=code, status=_STATUSES.get(code, error.status))


def _message(raw: dict[str, Any]) -> str:
    for name in ("message", "Message", "originalMessage"):
        if type(text := raw.get(name)) is str and text:
            return clean(text)
    return ""
