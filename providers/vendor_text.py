"""What vendors write into their errors, made fit for a caller and a log. Pure.

A message may quote the credential it refused: whatever looks like one is blotted out.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

MESSAGE_CHARS_MAX: Final = 1_000
_WORD_CHARS_MAX: Final = 100
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CREDENTIAL: Final = re.compile(
    r"(?i)\bbearer\s+\S+"
    r"|\b(?:sk|pk|rk|up|flp|nv|gsk|xai|hf|vg|pplx|csk|tgp|AKIA|ASIA|ABSK|AIza)[-_]?[A-Za-z0-9_*.-]{12,}"
    r"|(?<=api key provided: )[^\s.]+"
)


def clean(text: str) -> str:
    """Bounded, on one line, without credentials."""
    text = _CREDENTIAL.sub("[redacted]", text[: MESSAGE_CHARS_MAX * 2])
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text if len(text) <= MESSAGE_CHARS_MAX else text[: MESSAGE_CHARS_MAX - 1] + "…"


def word(value: Any) -> str | None:
    """A type or a code, whatever a vendor put there."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (str, int)):
        return clean(str(value))[:_WORD_CHARS_MAX]
    return None


def json_or_text(body: bytes) -> tuple[Any, str]:
    """(what the body is as JSON or None, else its beginning as a message)"""
    try:
        return (orjson.loads(body) if body else None), ""
    except orjson.JSONDecodeError:
        return None, clean(body[: MESSAGE_CHARS_MAX * 4].decode(errors="replace"))
