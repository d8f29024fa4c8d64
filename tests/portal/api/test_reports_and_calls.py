"""Reported lines and calls want the same voucher's last money: on real PostgreSQL, nobody overspends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from billing.expiry import expire_vouchers
from billing.posting import Poster
from billing.reports.charging import charge_reports
from metering.treasury import Lent
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import Signer, line, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

ALL_MICRO = 4_000_000 * WON


@dataclass(slots=True)
class Shared:
    """gaonde's voucher of 4,000,000 won, spent by a gateway's purse and by nuri's reports."""

    office: OfficeWorld
    books: Books
    nuri: Signer
    n: int

    async def lend(self, won: int) -> Lent:
        lent = await self.books.treasury.lend(lane=LANE, n=self.n, voucher_id=VOUCHER, need_micro=won * WON)
        assert isinstance(lent, Lent), lent
        return lent

    async def spendable(self) -> int:
        """What the purse has for calls."""
        balance = await self.books.purse.balance(lane=LANE, n=self.n, voucher_id=VOUCHER)
        return 0 if balance is None else balance.limit_micro - balance.spent_micro - balance.held_micro

    async def charge(self) -> int:
        async with self.office.pool.connection() as conn:
            return await charge_reports(self.books.purse, conn, now=self.office.now)

    async def post(self) -> None:
        async with self.office.pool.connection() as conn:
            poster = Poster(conn, self.books.purse, lanes=[LANE])
            await poster.take_lanes()
            while await poster.post_once():
                pass
            await conn.execute("select pg_advisory_unlock_all()")

    async def accepted(self, name: str, items: int) -> str:
        """A line of 120.5 won an item that the company has accepted."""
        made = await self.nuri.taken(line("item", name, items))
        await self.office.post("gaonde", f"report_lines/{made['id']}/accept")
        return str(made["id"])

    async def state(self, line_id: str) -> tuple[str, str | None]:
        shown = await self.office.get("gaonde", f"report_lines/{line_id}")
        return shown["state"], shown["waits_for"]


@pytest.fixture
async def shared(books_url: str) -> AsyncIterator[Shared]:
    async with opened(books_url) as office:
        await office.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        nuri = await selling(office, "item", accept_from_krw=0)
        books = Books(office.pool)
        async with office.pool.connection() as conn:
            await conn.execute("update funds set ends_ms = %s", [ENDS_MS])  # the treasury has its own clock
        yield Shared(office, books, nuri, await books.treasury.current_epoch(LANE))


async def test_two_reports_race_for_the_last_money(shared: Shared) -> None:
    office = shared.office
    made = [await shared.nuri.taken(line("item", name, 20_000)) for name in ("one", "two")]  # 2,410,000 won
    paths = [f"report_lines/{one['id']}" for one in made]
    answers = await asyncio.gather(*(office.post("gaonde", f"{path}/accept") for path in paths))
    assert sorted((one["state"], one["waits_for"]) for one in answers) == [
        ("accepted", "voucher_short"),
        ("charged", None),
    ]
    accounts = (await office.books()).accounts
    assert accounts["provider/nuri/payable"] == 2_410_000 * WON
    assert accounts[f"voucher/{VOUCHER}/free"] == ALL_MICRO - 2_410_000 * WON


async def test_what_is_lent_is_asked_back_and_what_is_held_is_not(shared: Shared) -> None:
    await shared.lend(3_900_000)
    op = await shared.books.reserve(shared.n, 2_000_000 * WON)
    line_id = await shared.accepted("large", 20_000)  # 2,410,000 won; a call holds 2,000,000
    assert await shared.state(line_id) == ("accepted", "funds_pending")
    assert await shared.charge() == 0
    assert await shared.state(line_id) == ("accepted", "funds_pending")
    assert (await shared.books.funds())[1] == 0
    # The call ends below its hold: what it leaves is asked back, and pays.
    await shared.books.settle(op, shared.n, 1_000_000 * WON)
    assert await shared.charge() == 1
    await shared.post()
    accounts = (await shared.office.books()).accounts
    assert accounts["provider/nuri/payable"] == 3_410_000 * WON
    assert accounts.get(f"voucher/{VOUCHER}/uncollected", 0) == 0
    # A call that spent the rest meanwhile leaves too little for the next line, for good.
    await shared.books.call(shared.n, await shared.spendable())
    next_id = await shared.accepted("next", 4_000)
    await shared.charge()
    await shared.post()
    assert (await shared.state(next_id))[0] == "accepted"
    await shared.charge()
    assert await shared.state(next_id) == ("accepted", "voucher_short")


async def test_gateways_and_reports_at_once(shared: Shared) -> None:
    """Calls and lines together want more than there is; at the end not a micro-won more was spent."""
    ids = [await shared.accepted(f"line-{number}", 6_100 + number) for number in range(5)]
    assert {await shared.state(one) for one in ids} == {("charged", None)}  # while nothing is lent, at once

    async def call(number: int) -> None:
        await shared.books.treasury.lend(lane=LANE, n=shared.n, voucher_id=VOUCHER, need_micro=20_000 * WON)
        if await shared.spendable() >= 20_000 * WON:
            await shared.books.call(shared.n, 20_000 * WON - number)

    async def report(number: int) -> None:
        ids.append(await shared.accepted(f"more-{number}", 100))
        await shared.charge()

    async def in_turn(work: Callable[[int], Awaitable[None]]) -> None:
        for number in range(12):
            await work(number)

    await asyncio.gather(in_turn(call), in_turn(report))
    await shared.post()
    await shared.charge()
    accounts = (await shared.office.books()).accounts
    assert accounts.get(f"voucher/{VOUCHER}/uncollected", 0) == 0
    left = accounts[f"voucher/{VOUCHER}/government"] + accounts[f"voucher/{VOUCHER}/self"]
    assert accounts["provider/nuri/payable"] + left == ALL_MICRO
    states = [await shared.state(one) for one in ids]
    assert states.count(("charged", None)) > 5
    assert set(states) <= {("charged", None), ("accepted", "voucher_short"), ("accepted", "funds_pending")}


async def test_a_voucher_that_ended_waits_for_reports(shared: Shared) -> None:
    """Until no line of its days is undecided, and none of a product that it names may still come."""
    office = shared.office
    made = await shared.nuri.taken(line("item", "undecided", 1))
    async with office.pool.connection() as conn:
        two_hours_ago = "(extract(epoch from clock_timestamp()) * 1000)::bigint - 7200000"
        await conn.execute(f"update funds set ends_ms = {two_hours_ago}".encode())

        async def expired() -> int:
            return await expire_vouchers(shared.books.purse, conn, lanes=range(64))

        assert await expired() == 0
        await office.post("nuri", f"report_lines/{made['id']}/withdraw", {"reason": "중복"})
        await conn.execute("update voucher set products = array['nuri-item'] where id = %s", [VOUCHER])
        assert await expired() == 0
        await conn.execute("update voucher set products = null where id = %s", [VOUCHER])
        assert await expired() == 1
    assert (await office.books()).accounts[f"voucher/{VOUCHER}/free"] == 0
