"""A house for journeys: the office behind a port, a browser, people at windows, and calls in the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from billing.casework.deeds import By
from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.payments.facts import Fact
from billing.payments.learning import learn
from billing.payments.port import Asked, Back, Begun, Named, SavedCard, Seen
from billing.posting import Poster, take
from config.settings import read_limits
from launch import sockets
from launch.serving import build_server
from metering.keys import lane_of
from metering.purse import LogEntry
from portal.web import sessions
from portal.web.formats import SEOUL
from portal.web.shell import LANGUAGE_COOKIE, SESSION_COOKIE
from tests.fakes.books_world import ENDS_MS, WON
from tests.fakes.books_world import World as Books
from tests.fakes.call_meta import call_meta
from tests.fakes.declared_world import COMPANY, PRODUCT, PROGRAMME, VOUCHER, World, edited
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld, opened
from tests.fakes.values import replace
from tests.portal.web.window import Window, browser

if TYPE_CHECKING:
    from playwright.async_api import Browser

CALL_MICRO: Final = 12 * 1250 + 40 * 5000 + 20  # 12 tokens in, 40 out, at nuri-x1's price
NOW: Final = datetime(2026, 9, 22, 1, 0, tzinfo=UTC)  # the calls of tests are of the day before
PRODUCTS: Final = (
    edited(PRODUCT, "scale: large\n", "scale: large\n    data_location: KR\n    trains_on_input: false\n")
    + """\
  - id: nuri-lite
    provider: nuri
    scale: small
    purposes: [chat]
    context_tokens: 32000
    max_output_tokens: 4096
    data_location: US
    upstream:
      - {dialect: openai, base_url: "https://api.nuri.example/v1/", model: lite, api_key: "${VENDOR_KEY}"}
    prices:
      - {from: 2026-01-01T00:00:00+09:00, input: 300, output: 1200}
"""
)
CHECKOUT: Final = "https://checkout.stripe.example/c/pay/"


@dataclass(slots=True)
class Till:
    """billing.payments.port.Cards: begins, and knows of nothing else."""

    name: str = "stripe"
    asked: list[Asked] = field(default_factory=list)

    async def begin(self, asked: Asked) -> Begun:
        self.asked.append(asked)
        session = f"cs_{len(self.asked)}"
        return Begun(session_id=session, checkout_url=CHECKOUT + session)

    async def look(self, named: Named) -> Seen | None:
        return None

    async def give_back(self, back: Back) -> None: ...

    async def charge_saved(self, asked: Asked, card: SavedCard) -> str:
        raise AssertionError("nobody keeps a card here")

    async def forget(self, card: SavedCard) -> None: ...

    async def give_up(self, intent_id: str) -> None: ...


@dataclass(slots=True)
class Town:
    """`windows`: all that were opened, for what a browser complained of in them."""

    office: OfficeWorld
    address: str
    browser: Browser
    till: Till
    books: Books
    windows: list[Window] = field(default_factory=list)
    numbers: int = 0

    async def window(self, who: str, language: str, *, signed_in: bool = True) -> Window:
        """Somebody of PEOPLE at a window of their own."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 900}, locale="ko-KR")
        opened = Window(await context.new_page(), self.address, language)
        self.windows.append(opened)
        if signed_in:
            await self.back_at(opened, who)
        return opened

    async def back_at(self, window: Window, who: str) -> None:
        """At home again, with a session that has not run out."""
        async with self.office.pool.connection() as conn:
            token = await sessions.begin(conn, PEOPLE[who].email, now=self.office.now)
        cookies = {SESSION_COOKIE: token, LANGUAGE_COOKIE: window.language}
        await window.page.context.add_cookies(
            [{"name": name, "value": value, "url": self.address} for name, value in cookies.items()]
        )
        await window.page.goto(f"{self.address}/")

    def later(self, **by: int) -> None:
        self.office.now += timedelta(**by)

    def clock(self, **by: int) -> str:
        """A time of Korea as a form takes it."""
        return f"{(self.office.now + timedelta(**by)).astimezone(SEOUL):%Y-%m-%dT%H:%M}"

    async def rows(self, query: str, *parameters: object) -> list[Row]:
        async with self.office.pool.connection() as conn:
            return await rows_of(conn, query, parameters)

    async def account(self, name: str) -> int:
        """Its balance by its postings, in books that are sound."""
        await self.office.books()
        [row] = await self.rows(
            "select coalesce(sum(amount_micro), 0)::bigint as micro from posting where account = %s", name
        )
        return int(row["micro"])

    async def called(
        self, company: str, voucher: str, *request_ids: str | None, product: str = "nuri-x1"
    ) -> list[str]:
        """Calls of CALL_MICRO each, booked; by the ids that the vendor gave them."""
        lane = lane_of(company)
        async with self.office.pool.connection() as conn:
            # The treasury has a clock of its own, and lends nothing of what is over by it.
            await conn.execute("update funds set ends_ms = %s where voucher_id = %s", [ENDS_MS, voucher])
            n = await self.books.treasury.current_epoch(lane)
            await self.books.treasury.lend(lane=lane, n=n, voucher_id=voucher, need_micro=WON)
            entries = []
            for request_id in request_ids:
                self.numbers += 1
                op = f"op-{self.numbers:03d}"
                meta = replace(call_meta(op, company=company), product=product)
                event = self.books.event(op, n, CALL_MICRO)
                event = replace(event, meta=meta, voucher=voucher, upstream_request_id=request_id)
                fields = {"op": op.encode(), "e": event.to_bytes(), "charge": b"1"}
                entries.append(LogEntry(f"{self.numbers}-0", "settled", op, n, fields))
            await Poster(conn, self.books.purse)._commit(await take({lane: entries}))
        return [entry.op for entry in entries]

    async def applied(self, number: str, who: str) -> str:
        """By the API, for what is not the journey: an application in a round of its own. -> its id"""
        await self.office.opened_round(programme(number), round_of(number, self))
        asked = {
            "title": f"{number} 상담 자동화",
            "plan": "상담 기록을 요약한다.",
            "government_krw": 3_000_000,
        }
        return await self.office.applied(who, {"round": f"ai-{number}-1", **asked})

    async def offered(self, number: str, application: str) -> str:
        """-> the agreement's id."""
        post = self.office.post
        self.later(days=1, minutes=1)
        await post("operator", f"applications/{application}/screen")
        await post("operator", "evaluations", {"application": application, "points": {"plan": 85}})
        await post("operator", f"applications/{application}/score")
        await post("operator", f"rounds/ai-{number}-1/select")
        terms = {"application": application, "starts_on": "2026-09-01", "ends_on": "2026-12-31"}
        offered: str = (await post("operator", "agreements", {**terms, "products": ["nuri-x1"]}))["id"]
        return offered

    async def issued(self, number: str, agreement: str, deposit_krw: int = 0) -> str:
        """-> the voucher's id."""
        body = {"id": f"vo-{number}", "self_deposit_krw": deposit_krw}
        await self.office.post("operator", f"agreements/{agreement}/issue", body)
        return f"vo-{number}"

    async def stripe_says_paid(self, payment_id: str) -> None:
        async with self.office.pool.connection() as conn, conn.transaction():
            await learn(
                conn, payment_id, await _paid(conn, payment_id), by=By("stripe", "clock", self.office.now)
            )


async def _paid(conn: Connection, payment_id: str) -> list[Fact]:
    [row] = await rows_of(conn, "select amount_micro from payment where id = %s", [payment_id])
    return [Fact("payment", "", "paid", row["amount_micro"])]


@asynccontextmanager
async def served(office: OfficeWorld) -> AsyncIterator[str]:
    """The office on a port of this machine, in this process. -> its address."""
    listener = sockets.bind("127.0.0.1", 0, what="office")
    server = build_server(office.app, limits=read_limits({}), drain_s=1)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{sockets.port_of(listener)}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def town(books_url: str) -> AsyncIterator[Town]:
    till = Till()
    async with (
        opened(books_url, cards=till) as office,
        served(office) as address,
        browser() as launched,
    ):
        office.now = NOW
        async with office.pool.connection() as conn:
            await World(conn, office.secrets).apply(PRODUCTS + COMPANY + PROGRAMME + VOUCHER)
        yield Town(office, address, launched, till, Books(office.pool))


def programme(number: str) -> dict[str, Any]:
    return {
        "id": f"ai-{number}",
        "name": f"AI 바우처 {number}",
        "budget_krw": 10_000_000,
        "max_voucher_krw": 6_000_000,
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "shares": {"sme": "0.75", "startup": "0.9"},
    }


def round_of(number: str, town: Town) -> dict[str, Any]:
    """It closes in a day."""
    return {
        "id": f"ai-{number}-1",
        "programme": f"ai-{number}",
        "name": f"{number} 1차 공모",
        "budget_krw": 8_000_000,
        "cap_krw": 5_000_000,
        "opens_at": f"{town.clock(hours=-1)}:00+09:00",
        "closes_at": f"{town.clock(days=1)}:00+09:00",
        "criteria": [{"id": "plan", "name": "활용 계획", "max_points": 100}],
    }
