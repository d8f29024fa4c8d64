"""What is told when, by whom it was found, and that it is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from billing.alerts import finding, kinds, outbox, words
from billing.database import connect
from tests.fakes.office_world import OfficeWorld, opened

WON: Final = 1_000_000
DAYS: Final = (30, 7, 1)
NOW: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PROGRAMME: Final = {
    "id": "p1",
    "name": "지원",
    "budget_krw": 10_000,
    "max_voucher_krw": 10_000,
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "shares": {"sme": "0.75"},
}
VOUCHER: Final = {
    "id": "v1",
    "company": "gaonde",
    "programme": "p1",
    "government_krw": 7_500,
    "self_deposit_krw": 2_500,
}


@pytest.fixture
async def office(books_url: str) -> AsyncIterator[OfficeWorld]:
    """A voucher of 10,000 won, three quarters of it the government's."""
    async with opened(books_url) as office:
        await office.post("operator", "programmes", PROGRAMME)
        await office.post("operator", "vouchers", VOUCHER)
        yield office


async def spend(office: OfficeWorld, won: int) -> None:
    async with office.pool.connection() as conn:
        await conn.execute("update funds set free_micro = 0, charged_micro = %s", [won * WON])


async def look(
    office: OfficeWorld, *, now: datetime = NOW, days: tuple[int, ...] = DAYS
) -> list[tuple[str, str, Any]]:
    """What is new: kind, what it is about, detail."""
    async with office.pool.connection() as conn:
        found = await finding.find(conn, now=now, days=days)
        cursor = await conn.execute(
            "select kind, about, detail from alert where id = any(%s) order by id", [found]
        )
        return [(kind, about, detail) for kind, about, detail in await cursor.fetchall()]


# What is spent of 10,000 won, one after the other, and what is new then.
BALANCES: Final[tuple[tuple[int, list[tuple[str, int]]], ...]] = (
    (7_999, []),
    (8_000, [("voucher_balance", 80)]),
    (8_001, []),
    (9_499, []),
    (9_500, [("voucher_balance", 95)]),
    (9_989, []),
    (9_990, [("voucher_balance", 100)]),
    (10_000, []),
)


async def test_a_balance_is_told_at_each_threshold_once(office: OfficeWorld) -> None:
    async with office.pool.connection() as conn:
        await conn.execute("update programme set budget_micro = 0")
    for won, new in BALANCES:
        await spend(office, won)
        told = [(kind, detail["percent"]) for kind, _, detail in await look(office)]
        assert told == new, won
        assert await look(office) == []


async def test_thresholds_passed_at_once_are_told_as_the_last(office: OfficeWorld) -> None:
    await spend(office, 9_600)
    [balance] = await look(office)
    spent = {"percent": 95, "granted_micro": 7_500 * WON, "spent_micro": 7_200 * WON}
    assert balance == ("voucher_balance", "v1", spent)


async def test_a_larger_grant_is_another_life(office: OfficeWorld) -> None:
    await spend(office, 8_000)
    assert [one[0] for one in await look(office)] == ["voucher_balance"]
    async with office.pool.connection() as conn:
        await conn.execute(
            "update funds set government_micro = %s, capacity_micro = %s", [9_000 * WON, 12_000 * WON]
        )
    assert await look(office) == []
    await spend(office, 9_600)
    assert [(kind, detail["percent"]) for kind, _, detail in await look(office)] == [("voucher_balance", 80)]


@pytest.mark.parametrize(
    ("deposit_won", "spent_won", "told"),
    [(1_000, 3_990, False), (1_000, 4_000, True), (2_500, 10_000, False), (0, 4_000, False)],
    ids=["some is left", "used up", "the grant ends with it", "none was there"],
)
async def test_a_deposit_that_ends_the_voucher(
    office: OfficeWorld, deposit_won: int, spent_won: int, told: bool
) -> None:
    async with office.pool.connection() as conn:
        await conn.execute(
            "update funds set self_micro = %s, charged_micro = %s, free_micro = 0, capacity_micro = %s",
            [deposit_won * WON, spent_won * WON, 10_000 * WON],
        )
    assert ("deposit_used_up" in {kind for kind, _, _ in await look(office)}) is told


async def test_a_programme_is_told_of_its_budget(office: OfficeWorld) -> None:
    async with office.pool.connection() as conn:
        await conn.execute("update programme set budget_micro = %s", [7_500 * WON])
    await spend(office, 9_600)
    told = {kind: detail["percent"] for kind, _, detail in await look(office)}
    assert told == {"voucher_balance": 95, "programme_balance": 95}


async def test_what_has_ended_is_not_told(office: OfficeWorld) -> None:
    await spend(office, 9_990)
    assert await look(office, now=datetime(2027, 1, 1, tzinfo=UTC)) == []


async def test_a_key_is_told_before_it_expires(office: OfficeWorld) -> None:
    expires = NOW + timedelta(days=40)
    await office.post("gaonde", "api_keys", {"name": "backend", "expires_at": expires.isoformat()})
    told = []
    for day in range(42):
        told += [(day, one[0], one[1]) for one in await look(office, now=NOW + timedelta(days=day))]
    assert told == [(day, "key_expiring", "gaonde/backend") for day in (10, 33, 39)]


async def test_an_agreement_is_told_before_it_ends(books_url: str) -> None:
    from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

    async with opened(books_url) as office:
        await office.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        begins = datetime(2026, 9, 1, tzinfo=UTC)  # its last day is 31 October
        told = []
        for day in range(63):
            for kind, about, detail in await look(office, now=begins + timedelta(days=day)):
                told.append((kind, about, detail["days"], detail["ends_on"]))
        assert told == [("agreement_ending", "ag-000001", days, "2026-10-31") for days in DAYS]
        # approved for longer: another end, told anew
        office.now = datetime(2026, 10, 31, tzinfo=UTC)
        await office.post("operator", "amendments/am-000001/approve")
        again = [
            detail["days"]
            for kind, _, detail in await look(office, now=office.now)
            if kind == "agreement_ending"
        ]
        assert again == [30]


async def test_what_is_suspended_and_what_changes_is_told(office: OfficeWorld) -> None:
    because = {"reason": "점검"}
    await office.post("gaonde", "api_keys", {"name": "backend"})
    for path in (
        "companies/gaonde",
        "api_keys/gaonde/backend",
        "vouchers/v1",
        "products/nuri-x1",
        "providers/nuri",
    ):
        await office.post("operator", f"{path}/suspend", because)
    price = {"from": "2099-01-01T00:00:00+09:00", "input": 1}
    await office.post("nuri", "products/nuri-x1/prices", price)
    async with office.pool.connection() as conn:
        await finding.find(conn, now=NOW, days=DAYS)
        cursor = await conn.execute(
            "select kind, company_id, provider_id, for_agency, about from alert"
            " order by kind, for_agency, about"
        )
        told = await cursor.fetchall()
    assert told == [
        ("api_key_suspended", "gaonde", None, True, "gaonde/backend"),
        ("company_suspended", "gaonde", None, True, "gaonde"),
        ("price_added", "gaonde", None, False, "nuri-x1"),
        ("product_suspended", "gaonde", None, False, "nuri-x1"),
        ("product_suspended", None, "nuri", True, "nuri-x1"),
        ("provider_suspended", "gaonde", None, False, "nuri-x1"),
        ("provider_suspended", None, "nuri", True, "nuri"),
        ("voucher_suspended", "gaonde", None, True, "v1"),
    ]
    assert await look(office) == []
    assert await look(office, now=NOW + timedelta(days=8)) == []


async def test_a_payout_is_told_once(office: OfficeWorld) -> None:
    async with office.pool.connection() as conn:
        for _ in range(2):
            await finding.payout_made(conn, "po-000001", "nuri", 5 * WON, now=NOW)
        assert await outbox.fan_out(conn, now=NOW, has_mail=True) == 1
        cursor = await conn.execute("select email from delivery order by email")
        assert await cursor.fetchall() == [("bae@nuri.example",)]


async def test_two_workers_tell_once(office: OfficeWorld, books_url: str) -> None:
    await spend(office, 9_600)

    async def worker() -> int:
        async with await connect(books_url) as conn:
            await finding.find(conn, now=NOW, days=DAYS)
            return await outbox.fan_out(conn, now=NOW, has_mail=True)

    told = sum(await asyncio.gather(*(worker() for _ in range(4))))
    async with office.pool.connection() as conn:
        cursor = await conn.execute("select count(*), count(distinct key) from alert")
        assert await cursor.fetchone() == (told, told)
        cursor = await conn.execute(
            "select alert_id, email, count(*) from delivery group by 1, 2 having count(*) > 1"
        )
        assert await cursor.fetchall() == []


def test_every_kind_has_its_words() -> None:
    assert {kind.name for kind in kinds.KINDS} | {kinds.TEST} == words.kinds()


def test_who_has_not_chosen_hears_of_its_own_and_the_agency_of_the_programme() -> None:
    assert set(kinds.usual("company")) == set(kinds.kinds_of("company"))
    assert "voucher_balance" not in kinds.usual("operator")
    assert "voucher_balance" in kinds.kinds_of("operator")
    assert kinds.kinds_of("auditor") == ()
    assert kinds.not_of("provider", ["payout_made", "voucher_balance"]) == ["voucher_balance"]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", sorted(words.kinds()))
def test_words_bear_any_detail(kind: str, language: str) -> None:
    """What a detail lacks or holds beside, of any type, is told without; braces and line feeds are text."""
    for detail in (
        {},
        {"reason": "{about}\r\nBcc: x@y.example", "percent": [1], "ends_on": None, "a_micro": True},
    ):
        row = {"kind": kind, "about": "a-{b}", "detail": detail, "at": NOW, "language": language}
        said = words.said(row)
        assert said.subject.startswith("[")
        assert "\n" not in said.subject
