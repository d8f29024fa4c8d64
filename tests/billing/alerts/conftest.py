"""A worker's look at alerts with a clock that tests turn, a mail server and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.alerts import places
from billing.alerts.finding import payout_made
from billing.alerts.mail import Relay
from billing.alerts.outbox import PAUSES
from billing.alerts.posting import Poster
from billing.alerts.work import AlertWork
from billing.casework.deeds import Deed
from billing.casework.rows import Row, rows_of
from billing.database import connect
from billing.lifecycle.table import Actor
from tests.fakes.hook_receiver import HookReceiver, hook_receiver
from tests.fakes.mail_server import MailServer, mail_server
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import NOW, OfficeWorld, opened

WON = 1_000_000


@dataclass(slots=True)
class Told:
    """nuri has a webhook; its one person, and the agency's, get mail."""

    office: OfficeWorld
    url: str
    mail: MailServer
    hook: HookReceiver
    webhook_id: str = ""
    payouts: int = 0
    _clock: list[datetime] = field(default_factory=lambda: [NOW])

    def worker(self, poster: Poster | None = None, relay: Relay | None = None) -> AlertWork:
        made = poster or Poster(self.office.secrets, allow_private=True, timeout_s=0.5)
        return AlertWork(made, relay or self.relay(), now=lambda: self._clock[0])

    def relay(self) -> Relay:
        return Relay("127.0.0.1", self.mail.port, "alerts@agency.example", security="none")

    @property
    def now(self) -> datetime:
        return self._clock[0]

    def later(self, by: timedelta) -> None:
        self._clock[0] += by

    def deed(self, who: str = "nuri") -> Deed:
        person = PEOPLE[who]
        return Deed(
            Actor(person.email, person.role, person.company, person.provider), self.now, f"r-{self.payouts}"
        )

    async def pay(self, count: int = 1) -> None:
        async with self.office.pool.connection() as conn:
            for _ in range(count):
                self.payouts += 1
                await payout_made(conn, f"po-{self.payouts}", "nuri", self.payouts * WON, now=self.now)

    async def work(self, worker: AlertWork | None = None) -> None:
        """One worker, until nothing is due."""
        mine = worker or self.worker()
        try:
            async with await connect(self.url) as conn:
                while await mine.work_once(conn):
                    pass
        finally:
            await mine.close()

    async def deliveries(self, channel: str | None = None) -> list[Row]:
        async with self.office.pool.connection() as conn:
            found = await rows_of(conn, f"{places.DELIVERIES} order by d.id")
        return [row for row in found if channel in (None, row["channel"])]

    async def states(self, channel: str) -> list[tuple[Any, ...]]:
        return [(row["state"], row["attempts"], row["last_error"]) for row in await self.deliveries(channel)]

    async def exhaust(self) -> int:
        """Work, and wait for the next attempt, until nothing waits. -> rounds"""
        for rounds in range(2 * len(PAUSES)):
            await self.work()
            if not [row for row in await self.deliveries() if row["state"] == "waiting"]:
                return rounds
            self.later(PAUSES[-1])
        raise AssertionError("something waits for ever")


@pytest.fixture
async def told(books_url: str) -> AsyncIterator[Told]:
    async with AsyncExitStack() as opened_:
        office = await opened_.enter_async_context(opened(books_url))
        mail = await opened_.enter_async_context(mail_server())
        hook = await opened_.enter_async_context(hook_receiver())
        made = Told(office, books_url, mail, hook)
        async with office.pool.connection() as conn, conn.transaction():
            made.webhook_id, hook.secret = await places.make_hook(
                conn, office.secrets, hook.url, None, deed=made.deed(), allow_private=True
            )
        yield made
