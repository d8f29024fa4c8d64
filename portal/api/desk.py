"""The desk at which a request is dealt with: who asks, on which connection, at what instant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from billing.casework.deeds import Deed
from billing.casework.rows import NOT_FOUND
from billing.database import Connection, Pool
from billing.directory_time import instant_ms
from billing.funds import FundsChange
from billing.lifecycle.table import Actor, Refused
from billing.payables.port import Transfers
from billing.payments.port import Cards
from billing.secrets import Secrets
from billing.statements.month import Month

# Asks the purse for what these vouchers were lent and have not spent; as far as it can.
GetBack = Callable[[Sequence[FundsChange]], Awaitable[None]]
# How many calls up to the end of a month are not in the books; None where the purse cannot say.
Unbooked = Callable[[Month], Awaitable[int | None]]
# The same of one voucher, by its company and its id.
UnbookedOf = Callable[[str, str], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Api:
    """What the routes need of the installation. `now` is the office's clock."""

    pool: Pool
    secrets: Secrets
    token_key: bytes
    now: Callable[[], datetime]
    allow_private: bool
    invitation_life_s: float
    office_address: str
    get_back: GetBack | None
    unbooked: Unbooked | None = None
    unbooked_of: UnbookedOf | None = None
    cards: Cards | None = None  # None: card payment is off
    transfers: Transfers | None = None  # None: providers are paid by bank file alone
    has_mail: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    api: Api
    conn: Connection
    actor: Actor
    now: datetime
    request_id: str

    @property
    def now_ms(self) -> int:
        return instant_ms(self.now)

    @property
    def sees_everything(self) -> bool:
        return self.actor.role in ("operator", "auditor")

    def deed(self, reason: str | None = None) -> Deed:
        return Deed(self.actor, self.now, self.request_id, reason)

    def must_see(self, *, company: str | None = None, provider: str | None = None) -> None:
        """What is another's does not exist. Raises Refused."""
        if not self.sees_everything and not self.actor.owns(company=company, provider=provider):
            raise Refused(*NOT_FOUND)


def _desk_of(request: Request) -> Desk:
    desk = request.state.desk
    assert isinstance(desk, Desk)
    return desk


AtDesk = Annotated[Desk, Depends(_desk_of)]
