"""How money goes out to providers: a rail. A bank's file is one, Stripe's transfers another.

A rail is handed payments under ids of our own, and says later of each id what became of it. What follows in
the books is the same for all of them (billing/payables/booking.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from billing.payables.facts import Told


@dataclass(frozen=True, slots=True)
class Destination:
    """`bank_code`: None where `number` is the id of a connected account."""

    number: str
    holder: str
    bank_code: str | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`payout_id` is the key under which handing it over again does nothing new."""

    payout_id: str
    won: int
    memo: str
    to: Destination


@dataclass(frozen=True, slots=True)
class Connected:
    takes_transfers: bool


class PayoutRail(Protocol):
    """Both may raise billing.payments.port's RailUnavailable, and `send` RailRefused."""

    @property
    def name(self) -> str: ...

    async def send(self, outgoing: Sequence[Outgoing]) -> tuple[Told, ...]:
        """-> what is known of them at once, which may be nothing."""
        ...

    async def look(self, payout_ids: Sequence[str]) -> tuple[Told, ...]:
        """What the rail says of these now; of one that it does not know it says nothing."""
        ...


class Transfers(PayoutRail, Protocol):
    """A rail between accounts of its own."""

    async def account(self, account_id: str) -> Connected: ...

    async def payout_of(self, transfer_id: str) -> str | None:
        """Our id of a transfer that the rail names; None where it is none of ours."""
        ...
