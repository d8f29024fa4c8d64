"""What comes of claiming an Idempotency-Key: the words in which the books answer the gateway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claimed:
    """This call is the first under its key: it runs, under `op`."""

    op: str


@dataclass(frozen=True, slots=True)
class InProgress:
    """The first call under this key still runs."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used before, with another body."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The first call was charged, and its answer is kept, sealed by the gateway."""

    op: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class NotKept:
    """The first call was charged; its answer was too large to keep."""

    op: str


ClaimOutcome = Claimed | InProgress | Mismatch | Answered | NotKept
