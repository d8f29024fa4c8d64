"""What an auditor found: objected to, confirmed, owed, paid back; rules have days and sources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from billing.reports.charging import charge_reports
from tests.fakes.books_world import WON
from tests.fakes.declared_world import World
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import line, selling
from tests.portal.api.a_settlement import (
    AGREEMENT,
    CALL_MICRO,
    CALLS,
    RIGHT,
    SETTLEMENT,
    WRONG_PRICE,
    Ended,
    used,
)

OWN_LEFT = 1_000_000 * WON - (sum(CALLS) - sum(CALLS) * 3 // 4)


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_findings_thresholds_and_what_is_owed(world: OfficeWorld) -> None:
    ended = await used(world, *CALLS)
    rule = {"name": "objection_days", "from": "2026-01-01", "number": 10, "source": "사업 운영지침 제12조"}
    await world.post("operator", "settlement_rules", rule)
    threshold = {"name": "verification_from_micro", "from": "2026-01-01", "number": 3_000_000 * WON}
    mine = threshold | {"programme": "ai-2026", "source": "사업 운영지침 제20조"}
    await world.post("operator", "settlement_rules", mine)
    assert await world.refused("auditor", "settlement_rules", mine) == (403, "forbidden")
    assert await world.refused("operator", "settlement_rules", rule | {"text": "10"}) == (422, "invalid")

    path = await found(ended)
    early = await world.refused("operator", f"{path}/confirm", {"reason": "확인"})
    assert early == (409, "objection_open")
    assert await world.refused("auditor", f"{path}/confirm", {"reason": "확인"}) == (403, "forbidden")
    await world.post("gaonde", f"{path}/object", {"reason": "업무용입니다"})

    await settled_but_for(ended, path)
    await paid_back(ended, path)
    log = (await world.get("auditor", f"{path}/log"))["data"]
    assert [(row["action"], row["role"]) for row in log] == [
        ("find", "auditor"),
        ("object", "company"),
        ("confirm", "operator"),
        ("offset", "operator"),
        ("repay", "operator"),
    ]


async def found(ended: Ended) -> str:
    """An auditor finds, and nothing else; nothing moves. -> its path."""
    world = ended.office
    lines: list[dict[str, Any]] = [{"call": "op-0"}, {"amount_krw": 100}]
    body = {"agreement": AGREEMENT, "lines": lines, "reason": "목적 외 사용"}
    for who in ("operator", "gaonde", "nuri"):
        assert await world.refused(who, "findings", body) == (403, "forbidden")
    shown = await world.post("auditor", "findings", body)
    assert (shown["state"], shown["objection_on"]) == ("found", "2026-12-02")
    assert shown["government_krw"] == "1350075"
    assert await ended.balance("programme/ai-2026/clawed_back") == 0
    path = f"findings/{shown['id']}"
    for wrong, code in (
        ([{"call": "op-0"}], (409, "found_already")),
        ([{"product": "nuri-x1", "month": "2026-09"}], (409, "found_already")),
        ([{"call": "op-1"}, {"call": "op-1"}], (409, "found_already")),
        ([{"amount_krw": 2_000_000}], (409, "above_spent")),
        ([{"amount_krw": 0}], (409, "nothing_found")),
        ([{"call": "op-9"}], (409, "nothing_found")),
        ([{"call": "op-1", "amount_krw": 1}], (422, "invalid")),
        ([{"product": "nuri-x1"}], (422, "invalid")),
    ):
        assert await world.refused("auditor", "findings", body | {"lines": wrong}) == code, wrong
    assert (await world.call("hanbit", "GET", path)).status_code == 404
    return path


async def settled_but_for(ended: Ended, path: str) -> None:
    """The settlement waits for what is undecided, and asks for the verification of its amount."""
    world = ended.office
    await ended.begun(interest_krw="0")
    await world.post("operator", f"{SETTLEMENT}/return-unused")
    await world.post("operator", f"{SETTLEMENT}/report")
    assert await world.refused("operator", f"{SETTLEMENT}/verify") == (409, "verification_missing")
    verified = {"kind": "external", "reference": "검증-2026-17", "by": "한길회계법인"}
    shown = await world.post("operator", f"{SETTLEMENT}/verify", verified)
    assert (shown["verification_needed"], shown["verification_reference"]) == ("external", "검증-2026-17")
    assert await world.refused("operator", f"{SETTLEMENT}/settle") == (409, "findings_undecided")
    await world.post("operator", f"{path}/confirm", {"reason": "이의 기각"})
    assert (await world.get("gaonde", SETTLEMENT))["kept_on"] is None
    await world.post("operator", f"{SETTLEMENT}/settle")
    assert await world.refused("operator", f"{SETTLEMENT}/close") == (409, "claims_unpaid")
    accounts = (await world.books()).accounts
    assert accounts["company/gaonde/receivable"] == -1_350_075 * WON
    assert accounts["programme/ai-2026/clawed_back"] == 1_350_075 * WON


async def paid_back(ended: Ended, path: str) -> None:
    """Some from what came back of the self share, the rest by bank transfer."""
    world = ended.office
    assert await world.refused("operator", f"{path}/repay") == (409, "still_owed")
    over = await world.refused("operator", f"{path}/offset", {"amount_krw": 1_350_076})
    assert over == (409, "own_money_short")
    await world.post("operator", f"{path}/offset", {"amount_krw": 100_075})
    line = {"id": "KB-77", "amount_krw": 1_250_000, "paid_on": "2026-11-22"}
    await world.post("operator", "bank_lines", line)
    await world.post("operator", "bank_lines/KB-77/match", {"company": "gaonde"})
    assert (await world.post("operator", f"{path}/repay"))["state"] == "repaid"
    accounts = (await world.books()).accounts
    assert accounts["company/gaonde/receivable"] == 0
    assert accounts["programme/ai-2026/clawed_back"] == 1_350_075 * WON
    assert accounts["company/gaonde/own"] == OWN_LEFT - 100_075 * WON
    assert (await world.post("operator", f"{SETTLEMENT}/close"))["kept_on"] == "2031-10-31"


async def test_what_is_disallowed_is_not_given_back_by_a_correction_too(world: OfficeWorld) -> None:
    await used(world, CALL_MICRO)
    async with world.pool.connection() as conn:
        await World(conn, world.secrets).apply(RIGHT)
    proposed = await world.post("operator", "corrections", WRONG_PRICE)
    approve = f"corrections/{proposed['id']}/approve"
    # The call, its product's month, and more than would be left of what was spent.
    for named in ({"call": "op-0"}, {"product": "nuri-x1", "month": "2026-09"}, {"amount_krw": "0.2"}):
        body = {"agreement": AGREEMENT, "lines": [named], "reason": "목적 외 사용"}
        found = await world.post("auditor", "findings", body)
        assert await world.refused("second", approve) == (409, "call_disallowed")
        await world.post("operator", f"findings/{found['id']}/dismiss", {"reason": "소명됨"})
    found = await world.post("auditor", "findings", body)
    await world.post("operator", f"findings/{found['id']}/confirm", {"reason": "확인"})
    assert await world.refused("second", approve) == (409, "call_disallowed")
    assert (await world.books()).accounts["provider/nuri/payable"] == CALL_MICRO


async def test_a_reported_line_that_is_disallowed_is_not_given_back_too(world: OfficeWorld) -> None:
    ended = await used(world)
    nuri = await selling(world, "item", report_days=90)
    first = await nuri.taken(line("item", "a", 2, day="2026-10-31"))
    fixed = await nuri.taken(line("item", "a-right", 0, day="2026-10-31", corrects="a"))
    body = {"agreement": AGREEMENT, "lines": [{"call": first["id"]}], "reason": "목적 외 사용"}
    found = await world.post("auditor", "findings", body)
    waiting = await world.post("gaonde", f"report_lines/{fixed['id']}/accept")
    assert (waiting["state"], waiting["waits_for"]) == ("accepted", "disallowed")
    await world.post("operator", f"findings/{found['id']}/dismiss", {"reason": "소명됨"})
    async with world.pool.connection() as conn:
        assert await charge_reports(ended.books.world.purse, conn, now=world.now) == 1
    assert (await world.books()).accounts["provider/nuri/payable"] == 0
