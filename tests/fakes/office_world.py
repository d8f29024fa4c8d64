"""The office over its ASGI door on real books, with a clock that tests turn and people of every role."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2

from billing.database import Pool, open_pool
from billing.funds import FundsChange
from billing.ledger.store import TrialBalance, trial_balance
from billing.payables.port import Transfers
from billing.payments.port import Cards
from billing.reclaim import prepare_change
from billing.secrets import Secrets
from billing.statements.month import Month
from billing.statements.unbooked import calls_unbooked, voucher_unbooked
from metering.purse import Purse
from portal import app, pages, tokens
from portal.attempts import Attempts
from portal.readiness import Readiness
from tests.fakes.office_people import PEOPLE, SECRET, furnish

KEY: Final = b"k" * 32
NOW: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # ten in the morning in Korea
AFTER_CLOSING: Final = datetime(2026, 3, 24, 6, 0, tzinfo=UTC)  # three in the afternoon, to the second


class _Silent:
    async def ping(self) -> None: ...


@dataclass(slots=True)
class OfficeWorld:
    pool: Pool
    http: httpx2.AsyncClient
    secrets: Secrets
    now: datetime = NOW
    purse: Purse | None = None
    app: Any = None
    attempts: Attempts = field(default_factory=lambda: Attempts(1000))
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def signed(self, who: str) -> dict[str, str]:
        now_s = int(datetime.now(UTC).timestamp())
        token, _ = tokens.issue(PEOPLE[who], key=KEY, now_s=now_s, life_s=900)
        return {"Authorization": f"Bearer {token}"}

    async def call(
        self,
        who: str | None,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """`who` by the name in PEOPLE; a POST gets a key of its own where none is given."""
        sent = (self.signed(who) if who is not None else {}) | (headers or {})
        if method == "POST":
            sent.setdefault("Idempotency-Key", key or f"test-{next(self._keys)}")
        return await self.http.request(method, f"/api/{path}", json=body, headers=sent)

    async def get(self, who: str, path: str) -> Any:
        return good(await self.call(who, "GET", path)).json()

    async def post(self, who: str, path: str, body: object = None) -> Any:
        """What is made or moved, as it is then."""
        return good(await self.call(who, "POST", path, {} if body is None else body)).json()

    async def refused(self, who: str, path: str, body: object = None) -> tuple[int, str]:
        """The status and code of a POST that must fail."""
        answer = await self.call(who, "POST", path, {} if body is None else body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def patch(self, who: str, path: str, body: object) -> httpx2.Response:
        """With the ETag of what is there now."""
        there = good(await self.call(who, "GET", path))
        return await self.call(who, "PATCH", path, body, headers={"If-Match": there.headers["etag"]})

    async def scored(self, application_id: str, *totals: tuple[int, int]) -> None:
        """Sheets of the operators, for the need and for the plan; then the application is scored."""
        for who, (need, plan) in zip(("operator", "second", "third"), totals, strict=True):
            points = {"need": need, "plan": plan}
            await self.post(who, "evaluations", {"application": application_id, "points": points})
        await self.post("operator", f"applications/{application_id}/score")

    async def opened_round(self, programme: dict[str, Any], of_round: dict[str, Any]) -> None:
        await self.post("operator", "programmes", programme)
        await self.post("operator", f"programmes/{programme['id']}/open")
        await self.post("operator", "rounds", of_round)
        await self.post("operator", f"rounds/{of_round['id']}/announce")

    async def applied(self, company: str, application: dict[str, Any]) -> str:
        """-> the id of what was submitted."""
        made: str = (await self.post(company, "applications", application))["id"]
        self.now += timedelta(minutes=1)
        await self.post(company, f"applications/{made}/submit")
        return made

    async def selected(self, application_id: str, round_id: str) -> None:
        """The only one of its round, and so the first."""
        self.now = AFTER_CLOSING
        await self.post("operator", f"applications/{application_id}/screen")
        await self.scored(application_id, (30, 50), (30, 50), (30, 50))
        await self.post("operator", f"rounds/{round_id}/select")

    async def to_an_amendment(
        self, programme: dict[str, Any], of_round: dict[str, Any], application: dict[str, Any]
    ) -> None:
        """gaonde with one of everything: an application, a sheet, an agreement, a voucher, a key."""
        await self.opened_round(programme, of_round)
        application_id = await self.applied("gaonde", application)
        await self.selected(application_id, of_round["id"])
        terms = {"application": application_id, "starts_on": "2026-03-01", "ends_on": "2026-10-31"}
        agreement = (await self.post("operator", "agreements", terms))["id"]
        await self.post("gaonde", f"agreements/{agreement}/sign")
        issued = {"id": "gaonde-2026", "self_deposit_krw": 1_000_000}
        await self.post("operator", f"agreements/{agreement}/issue", issued)
        asked = {"reason": "기간 연장", "ends_on": "2026-11-30"}
        await self.post("gaonde", f"agreements/{agreement}/amendments", asked)
        await self.post("gaonde", "api_keys", {"name": "backend"})

    async def get_back(self, funds: Sequence[FundsChange]) -> None:
        if self.purse is not None:
            async with self.pool.connection() as conn:
                for change in funds:
                    await prepare_change(self.purse, conn, change)

    async def unbooked(self, month: Month) -> int | None:
        if self.purse is None:
            return 0
        async with self.pool.connection() as conn:
            return await calls_unbooked(conn, self.purse, month)

    async def unbooked_of(self, company_id: str, voucher_id: str) -> int | None:
        if self.purse is None:
            return 0
        async with self.pool.connection() as conn:
            return await voucher_unbooked(conn, self.purse, company_id=company_id, voucher_id=voucher_id)

    async def books(self) -> TrialBalance:
        """The trial balance, which must be sound."""
        async with self.pool.connection() as conn:
            balance = await trial_balance(conn)
        assert balance.faults == ()
        return balance


def good(answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code < 400, (answer.status_code, answer.text)
    return answer


@asynccontextmanager
async def opened(
    books_url: str,
    *,
    allow_private: bool = False,
    cards: Cards | None = None,
    transfers: Transfers | None = None,
    webhook_secrets: tuple[str, ...] = (),
    has_mail: bool = False,
) -> AsyncIterator[OfficeWorld]:
    async with (
        open_pool(books_url, size_max=4) as pool,
        furnished(
            pool,
            allow_private=allow_private,
            cards=cards,
            transfers=transfers,
            webhook_secrets=webhook_secrets,
            has_mail=has_mail,
        ) as world,
    ):
        yield world


@asynccontextmanager
async def furnished(
    pool: Pool,
    *,
    allow_private: bool = False,
    cards: Cards | None = None,
    transfers: Transfers | None = None,
    webhook_secrets: tuple[str, ...] = (),
    has_mail: bool = False,
) -> AsyncIterator[OfficeWorld]:
    """The same on books that are open already."""
    secrets = Secrets(SECRET)
    async with pool.connection() as conn:
        await furnish(conn)
    world = OfficeWorld(pool, None, secrets)  # type: ignore[arg-type] # a line below
    office = app.Office(
        pool=pool,
        readiness=Readiness(pool, _Silent()),
        attempts=world.attempts,
        token_key=KEY,
        token_life_s=900,
        addresses=pages.Addresses(data_plane="http://d", office="http://o"),
        metrics_dir="",
        metrics_token=None,
        secrets=secrets,
        invitation_life_s=60,
        allow_private=allow_private,
        now=lambda: world.now,
        get_back=world.get_back,
        unbooked=world.unbooked,
        unbooked_of=world.unbooked_of,
        cards=cards,
        transfers=transfers,
        webhook_secrets=webhook_secrets,
        has_mail=has_mail,
    )
    world.app = app.build(office)
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://o") as http:
        world.http = http
        yield world
