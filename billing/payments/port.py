"""How money comes in and goes back: a rail. Stripe is one, a bank transfer another; the books know neither.

A rail moves money and says what happened; what follows in the books is the same for all of them
(billing/payments/learning.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from billing.payments.facts import Fact

Method = Literal["checkout", "intent", "automatic", "transfer"]


class RailUnavailable(Exception):
    """The rail is away, or does not know whether it did what was asked: ask again, by the same key."""


class RailRefused(Exception):
    """The rail understood and will not. `code` is the rail's own word."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a company wants to pay. `payment_id` is the key under which a repeated call does nothing new."""

    payment_id: str
    company_id: str
    method: Method
    won: int
    save_card: bool = False
    customer_id: str | None = None
    return_url: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the payer goes on. What is not None names the payment at the rail, or is for the payer alone."""

    intent_id: str | None = None
    session_id: str | None = None
    checkout_url: str | None = None
    client_secret: str | None = None
    transfer_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A payment by the rail's own names for it. `transfer_id`: one to a provider (billing/payables)."""

    intent_id: str | None = None
    session_id: str | None = None
    transfer_id: str | None = None


@dataclass(frozen=True, slots=True)
class SavedCard:
    customer_id: str
    method_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rail says of a payment now. `payment_id` is what we once told it."""

    payment_id: str
    intent_id: str | None
    facts: tuple[Fact, ...]
    card: SavedCard | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """Money to send back. `refund_id` is the key under which a repeated call does nothing new."""

    refund_id: str
    payment_id: str
    intent_id: str
    won: int


class Rail(Protocol):
    """All may raise RailUnavailable, and what asks may raise RailRefused."""

    @property
    def name(self) -> str: ...

    async def begin(self, asked: Asked) -> Begun: ...

    async def look(self, named: Named) -> Seen | None:
        """None: not a payment of ours."""
        ...

    async def give_back(self, back: Back) -> None:
        """Asks; how it went is seen by the next look."""
        ...


class Cards(Rail, Protocol):
    """A rail that keeps cards."""

    async def charge_saved(self, asked: Asked, card: SavedCard) -> str:
        """-> the rail's name of the payment. Raises RailRefused where the card is declined."""
        ...

    async def forget(self, card: SavedCard) -> None:
        """It can be charged no more. Raises RailRefused where it could not before."""
        ...

    async def give_up(self, intent_id: str) -> None:
        """Nobody can pay it any more. Raises RailRefused where it was paid, or given up before."""
        ...
