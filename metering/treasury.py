"""The treasury as the gateway sees it: the books' side of the purse. Implemented in billing, on SQL.

A gateway asks it rarely: when a lane is new to it, when the purse lost its epoch, when a voucher runs low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lent:
    """The purse now holds a limit of at least what it held before; try again."""

    limit_micro: int
    free_micro: int  # what the books could still lend


@dataclass(frozen=True, slots=True)
class NothingFree:
    """Nothing can be lent. `pending`: money may come back, from former epochs or from a call's former try."""

    pending: bool
    free_micro: int


@dataclass(frozen=True, slots=True)
class EpochReplaced:
    n: int


LendOutcome = Lent | NothingFree | EpochReplaced


class TreasuryUnavailable(Exception):
    """The books cannot be reached. Nothing was promised."""


class Treasury(Protocol):
    async def current_epoch(self, lane: int) -> int:
        """The lane's open epoch, opened now if there is none or if the purse does not hold it."""

    async def renew_epoch(self, lane: int, stale_n: int) -> int:
        """The purse is vacant, or holds an epoch the books do not know as current: the epoch to use now."""

    async def lend(self, *, lane: int, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        """See that `need_micro` is available to a voucher, as far as the books can lend it.

        They lend half of what is free, all of it where little is left, at least what is missing of the need.
        """

    async def key_spent_micro(self, key_id: str, day: int) -> int:
        """What an API key spent on a day in Korea (days since 1970-01-01), by the books."""

    async def poll(self, gateway_id: str) -> tuple[tuple[int, int], ...]:
        """Say that the gateway lives; -> (lane, n) of every closing epoch the books wait for it to leave."""

    async def is_gateway_missing(self, gateway_id: str) -> bool:
        """Whether another one fell silent a moment ago: what it holds comes free when it is swept."""
