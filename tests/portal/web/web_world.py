"""The office's pages on real books, with people who can sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

import httpx2

from billing.corrections.store import propose
from billing.posting import Poster
from portal import passwords, people
from portal.web import sessions
from portal.web.shell import SESSION_COOKIE
from tests.fakes.a_payment import a_transfer
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, WON, World
from tests.fakes.browser import Browser
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld
from tests.fakes.values import replace
from tests.portal.api.route_table import BODIES
from tests.portal.api.test_role_matrix import CORRECTED, DEED
from tests.portal.web.page_table import PAYMENT_KEY

HOSTILE: Final = "<script>alert('1')</script>\"><img src=x onerror=alert(2)>{{'zq'*4}}"
EVALUATED: Final = (
    "zqzqzqzq"  # what a template would make of its end: letters, as a clock may show any number
)
PASSWORD: Final = "correct horse battery"


@cache
def hashed() -> str:
    return passwords.hash_password(PASSWORD)


@asynccontextmanager
async def browsing(world: OfficeWorld) -> AsyncIterator[Browser]:
    """Nobody yet."""
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://o") as http:
        yield Browser(http)


@asynccontextmanager
async def browsing_as(world: OfficeWorld, who: str, *, language: str = "ko") -> AsyncIterator[Browser]:
    """Somebody of PEOPLE, signed in already."""
    async with browsing(world) as browser:
        async with world.pool.connection() as conn:
            token = await sessions.begin(conn, PEOPLE[who].email, now=world.now)
        browser.http.cookies.set(SESSION_COOKIE, token)
        if language == "en":
            browser.http.cookies.set("office_language", "en")
        yield browser


async def with_password(world: OfficeWorld, who: str) -> str:
    """-> the mail address."""
    async with world.pool.connection() as conn:
        await people.put(conn, PEOPLE[who], password_hash=hashed())
    return PEOPLE[who].email


async def some_calls(world: OfficeWorld, count: int) -> list[str]:
    """Calls of gaonde's voucher, each of 0.215 won, in the books."""
    return await ended(world, *[{"charge_micro": 215_000}] * count)


async def ended(world: OfficeWorld, *ends: Mapping[str, Any], voucher: str = VOUCHER) -> list[str]:
    """Calls of gaonde in the books. An end says what its call costs, and how it is not as others."""
    books = World(world.pool, voucher=voucher)
    async with world.pool.connection() as conn:
        # The treasury has a clock of its own, and lends nothing of what is over by it.
        await conn.execute("update funds set ends_ms = %s", [ENDS_MS])
        n = await books.treasury.current_epoch(LANE)
        await books.treasury.lend(lane=LANE, n=n, voucher_id=voucher, need_micro=1)
        poster = Poster(conn, books.purse)
        await poster.take_lanes()
        ops = []
        for end in ends:
            op = await books.reserve(n, WON)
            event = replace(books.event(op, n, end["charge_micro"]), **end).to_bytes()
            await books.purse.note(lane=LANE, kind="settled", op=op, n=n, event=event)
            ops.append(op)
        while await poster.post_once():
            pass
    return ops


async def for_sale(world: OfficeWorld) -> None:
    """nuri with a price to come, another key, a statement that differs, a correction proposed."""
    await world.post("nuri", "products/nuri-x1/credentials", {"api_key": "a-new-one"})
    price = {"from": "2099-01-01T00:00:00+09:00", "input": 1}
    await world.post("nuri", "products/nuri-x1/prices", price)
    await world.post("nuri", "reconciliations", BODIES["ProviderStatement"] | {"file_name": HOSTILE})
    async with world.pool.connection() as conn, conn.transaction():
        await propose(conn, "nuri", "price", [CORRECTED], deed=DEED)
        await conn.execute(
            "insert into reconciliation_line values ('re-000001', 2, 'differs', %s, 'op1', '{}', '{}',"
            " array['output_tokens', %s])",
            [HOSTILE, HOSTILE],
        )


async def paid(world: OfficeWorld) -> None:
    """gaonde paid by a transfer; another line is of nobody yet; a card is kept."""
    reference = await a_transfer(world, PAYMENT_KEY)
    line = {"amount_krw": 1_000, "paid_on": "2026-03-24", "sender": HOSTILE}
    await world.post("operator", "bank_lines", line | {"id": "bank-0", "memo": reference})
    await world.post("operator", "bank_lines", line | {"id": "bank-1"})
    async with world.pool.connection() as conn:
        await conn.execute("insert into card values ('gaonde', 'cus_1', 'pm_1', 'visa 4242')")
