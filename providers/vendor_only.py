"""Dialects that vendors speak and no caller does here: what their port has for callers, done without.

Their calls come translated (`translation/pairing.py`): the caller's operation reads the request and speaks
the answer. The vendor's own fold only listens, for usage, ends, errors and how much was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metering.usage import Usage
from providers.dialect import Found, Refusal
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.progress import StreamProgress


def find_nothing(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    return None


def read_nothing(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    raise BadRequest("No caller speaks this dialect.", "호출에 쓸 수 없는 형식입니다.")


def refuse_nobody(refusal: Refusal) -> bytes:
    return b""


class ListeningFold(StreamProgress):
    """A `Fold` that says nothing. One per stream; `feed` is the dialect's."""

    __slots__ = ()

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
