"""What a chat dialect offers to translation: to be understood, and to be spoken. Both sides are pure.

A pair of dialects is made of one side of each (`pairing.py`). Most dialects have both; one that no caller
speaks to other vendors' products has a vendor's only:

    the caller's dialect   hear       its request -> Conversation
                           say        Reply -> its whole answer
                           Speaker    Delta by Delta -> its stream
    the vendor's dialect   ask        Conversation -> its request
                           fit        and what of it differs by the vendor's model
                           understand its whole answer -> Reply
                           Listener   its stream -> Delta by Delta
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from metering.usage import Usage
from providers.dialect import Operation, Refusal
from providers.facts import Remember, RequestFacts
from providers.translation.neutral import Conversation, Delta, Reply


class Hear(Protocol):
    def __call__(self, body: dict[str, Any], facts: RequestFacts, vendor_dialect: str, /) -> Conversation:
        """Raises BadRequest for what has no neutral form; `vendor_dialect` is for its sentence."""


Say = Callable[[Reply, str], dict[str, Any]]  # (reply, product id)


class Listener(Protocol):
    """Reads the content of the vendor's stream; usage, ends and errors are the vendor's own Fold's to see."""

    def feed(self, event: bytes) -> list[Delta]: ...


class Speaker(Protocol):
    """Writes the caller's stream. `reply_id` is the vendor's id of the answer, once it is known."""

    reply_id: str | None

    def feed(self, deltas: list[Delta]) -> bytes: ...

    def finish(self, usage: Usage | None) -> bytes:
        """The stream is whole: the frames up to the terminal one, with the usage where the caller sees it.

        Choices that were begun and not ended end by `stop`.
        """

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The same by length."""

    def terminal(self) -> bytes: ...

    def comment(self, text: bytes) -> bytes: ...

    def failure(self, refusal: Refusal) -> bytes: ...


def note_call(facts: RequestFacts, body: dict[str, Any], op: str, created_s: int) -> RequestFacts:
    """Callers tell answers apart by their ids, which some vendors leave out."""
    return msgspec.structs.replace(facts, op=op, began_s=created_s)


def as_it_is(body: dict[str, Any], model: str) -> dict[str, Any]:
    """For a dialect that says alike to all its models."""
    return body


@dataclass(frozen=True, kw_only=True)
class Side:
    """Of one dialect."""

    dialect: str
    operation: Operation  # the chat of this dialect


@dataclass(frozen=True, kw_only=True)
class CallerSide(Side):
    hear: Hear
    say: Say
    make_speaker: Callable[[str, RequestFacts], Speaker]  # (product id, facts of the caller's request)
    say_to: Callable[[RequestFacts], Say] | None = None  # `say`, where an answer repeats its request
    remember: Remember = note_call  # what it repeats, or is known by

    def sayer(self, facts: RequestFacts) -> Say:
        return self.say if self.say_to is None else self.say_to(facts)


@dataclass(frozen=True, kw_only=True)
class VendorSide(Side):
    ask: Callable[[Conversation], dict[str, Any]]  # raises BadRequest (`inexpressible`)
    understand: Callable[[dict[str, Any]], Reply]
    make_listener: Callable[[], Listener]
    fit: Callable[[dict[str, Any], str], dict[str, Any]] = as_it_is  # (what is asked, the vendor's model)


@dataclass(frozen=True, kw_only=True)
class ChatSide(CallerSide, VendorSide):
    """Both ways."""
