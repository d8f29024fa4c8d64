"""Dialects that vendors speak and no caller does here: what their port has for callers, done without.

Their calls come translated (`translation/pairing.py`): the caller's operation reads the request and speaks
the answer. The vendor's own fold only listens, for usage, ends, errors and how much was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Found, Refusal
from providers.errors import VendorError
from providers.facts import BadRequest, RequestFacts, Spoken


def find_nothing(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    return None


def read_nothing(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    raise BadRequest("No caller speaks this dialect.", "호출에 쓸 수 없는 형식입니다.")


def refuse_nobody(refusal: Refusal) -> bytes:
    return b""


class ListeningFold:
    """A `Fold` that says nothing. One per stream; `feed` is the dialect's."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.error: VendorError | None = None
        self.finished = False
        self.done = False
        self.upstream_id: str | None = None
        self.deltas = 0
        self.text_bytes = 0

    def delivered_tokens(self) -> int:
        """Output tokens so far, estimated: an event is a token at least, and so are four bytes of text."""
        return max(self.deltas, self.text_bytes // ESTIMATE_BYTES_PER_TOKEN)

    def add_text(self, length: int) -> None:
        if length:
            self.deltas += 1
            self.text_bytes += length

    def feed(self, event: bytes) -> bytes:
        raise NotImplementedError

    def owed_frames(self) -> bytes:
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        return b""

    def terminal(self) -> bytes:
        return b""

    def comment(self, text: bytes) -> bytes:
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        return b""
