"""What becomes of money and rights where a voucher, an agreement or a round does not go straight on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest

from billing.directory_store import load_directory
from billing.expiry import expire_vouchers
from metering.directory import Voucher
from metering.purse_memory import MemoryPurse
from tests.fakes.declared_world import World
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS

VOUCHER = "vouchers/gaonde-2026"


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


@pytest.fixture
async def issued(world: OfficeWorld) -> OfficeWorld:
    """gaonde has a voucher of 3,000,000 + 1,000,000 won, and asked for a longer period."""
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    return world


async def at_gateways(world: OfficeWorld) -> Voucher:
    async with world.pool.connection() as conn:
        [voucher] = (await load_directory(conn, secrets=world.secrets)).vouchers
    return voucher


async def revision(world: OfficeWorld) -> int:
    async with world.pool.connection() as conn:
        return (await load_directory(conn, secrets=world.secrets)).revision


async def test_gateways_hear_of_every_turn(issued: OfficeWorld) -> None:
    """As of `apply`: by the directory's revision, which they ask for every second and are notified of."""
    before = await revision(issued)
    for action, state in (("suspend", "suspended"), ("resume", "active"), ("end", "ended")):
        await issued.post("operator", f"{VOUCHER}/{action}", {"reason": "점검"})
        assert (await at_gateways(issued)).state == state
        now = await revision(issued)
        assert now > before
        before = now
        await issued.books()
    for action in ("suspend", "resume", "end"):
        again = await issued.refused("operator", f"{VOUCHER}/{action}", {"reason": "다시"})
        assert again == (409, "wrong_state")


async def test_an_ended_voucher_gives_its_unused_part_back_and_stays_ended(issued: OfficeWorld) -> None:
    await issued.post("operator", f"{VOUCHER}/end", {"reason": "협약 위반"})
    async with issued.pool.connection() as conn:
        assert await expire_vouchers(MemoryPurse(now_ms=lambda: 0), conn, lanes=range(64)) == 1
        refusal = await World(conn, issued.secrets).refusal(
            "vouchers:\n- {id: gaonde-2026, state: active, ends_on: 2026-12-31}\n"
        )
    assert "this voucher was ended by the office, for good" in refusal
    accounts = (await issued.books()).accounts
    assert accounts["voucher/gaonde-2026/expired"] == 4_000_000_000_000
    shown = await issued.get("gaonde", VOUCHER)
    assert (shown["state"], shown["returned_government_krw"], shown["returned_self_krw"]) == (
        "ended",
        "3000000",
        "1000000",
    )


async def test_the_clock_ends_a_voucher_and_says_so_in_its_log(issued: OfficeWorld) -> None:
    issued.now = datetime(2026, 10, 31, 15, 0, tzinfo=UTC)  # midnight in Korea
    assert (await issued.get("gaonde", VOUCHER))["state"] == "expired"
    late = await issued.refused("operator", f"{VOUCHER}/deposit", {"amount_krw": 1})
    assert late == (409, "wrong_state")
    async with issued.pool.connection() as conn:
        await conn.execute("update funds set ends_ms = 1")  # the worker has a clock of its own
        await expire_vouchers(MemoryPurse(now_ms=lambda: 0), conn, lanes=range(64))
    log = (await issued.get("auditor", f"{VOUCHER}/log"))["data"]
    assert [(row["action"], row["to"], row["person"]) for row in log][1:] == [("expire", "expired", "clock")]
    clawed = await issued.post("operator", f"{VOUCHER}/claw-back", {"reason": "부정수급"})
    assert (clawed["state"], clawed["claimed_krw"]) == ("clawed_back", "0")
    beyond = await issued.refused("operator", f"{VOUCHER}/claw-back", {"reason": "다시", "amount_krw": 1})
    assert beyond == (409, "wrong_state")
    await issued.books()


async def test_a_deposit_moves_the_end_of_the_line(issued: OfficeWorld) -> None:
    await issued.post("operator", f"{VOUCHER}/deposit", {"amount_krw": "0.5"})
    assert (await issued.books()).accounts["voucher/gaonde-2026/self"] == 1_000_000_500_000
    mine = await issued.refused("operator", f"{VOUCHER}/extend", {"ends_on": "2026-12-31", "reason": "연장"})
    assert mine == (409, "agreement_rules")
    direct = await issued.patch("operator", VOUCHER, {"government_krw": 9_000_000})
    assert direct.json()["code"] == "agreement_rules"


async def test_an_amendment_is_bound_by_the_cap_of_the_year(issued: OfficeWorld) -> None:
    path = "agreements/ag-000001/amendments"
    capped = {"company_year_cap_krw": 3_500_000}
    assert (await issued.patch("operator", "programmes/ai-2026", capped)).status_code == 200
    beyond = await issued.post("gaonde", path, {"reason": "증액", "government_krw": "3500000.000001"})
    refused = await issued.refused("operator", f"amendments/{beyond['id']}/approve")
    assert refused == (409, "company_cap_exceeded")
    within = await issued.post("gaonde", path, {"reason": "증액", "government_krw": 3_500_000})
    await issued.post("operator", f"amendments/{within['id']}/approve")
    # Lowered afterwards, it hinders nothing that raises no grant.
    assert (
        await issued.patch("operator", "programmes/ai-2026", {"company_year_cap_krw": 1})
    ).status_code == 200
    await issued.post("operator", "amendments/am-000001/approve")
    await issued.books()


async def test_an_amendment_holds_for_the_voucher_and_is_bound_by_the_budget(issued: OfficeWorld) -> None:
    await issued.post("operator", "amendments/am-000001/approve")
    assert (await at_gateways(issued)).ends_ms == datetime(2026, 11, 30, 15, tzinfo=UTC).timestamp() * 1000
    again = await issued.refused("operator", "amendments/am-000001/approve")
    assert again == (409, "wrong_state")
    path = "agreements/ag-000001/amendments"
    for government, code in ((6_000_001, "company_cap_exceeded"), (10_000_001, "budget_exceeded")):
        asked = await issued.post("gaonde", path, {"reason": "증액", "government_krw": government})
        refused = await issued.refused("operator", f"amendments/{asked['id']}/approve")
        assert refused == (409, code)
        assert (await issued.get("gaonde", f"amendments/{asked['id']}"))["state"] == "requested"
    versions = (await issued.get("gaonde", "agreements/ag-000001/terms"))["data"]
    assert [(one["version"], one["ends_on"]) for one in versions] == [(1, "2026-10-31"), (2, "2026-11-30")]
    nothing = await issued.refused("gaonde", path, {"reason": "변경", "ends_on": "2026-11-30"})
    assert nothing == (409, "nothing_changes")
    await issued.books()


async def test_terminating_an_agreement_ends_its_voucher(issued: OfficeWorld) -> None:
    await issued.post("operator", "agreements/ag-000001/terminate", {"reason": "폐업"})
    assert (await issued.get("gaonde", VOUCHER))["state"] == "ended"
    log = (await issued.get("gaonde", f"{VOUCHER}/log"))["data"]
    assert (log[-1]["action"], log[-1]["reason"]) == ("end", "폐업")


async def test_an_award_is_reserved_until_it_is_a_voucher_or_let_go(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION | {"government_krw": 5_000_000})
    await world.selected(application, "ai-2026-1")
    # 5,000,000 of 10,000,000 are spoken for: a declaration cannot promise them again, nor go above the cap.
    declared = "vouchers:\n- {{id: v, company: {}, programme: ai-2026, government_krw: {}}}\n"
    async with world.pool.connection() as conn:
        file = World(conn, world.secrets)
        assert "above its budget" in await file.refusal(declared.format("hanbit", 5_000_001))
        assert "above its cap per company" in await file.refusal(declared.format("gaonde", 1_000_001))
    agreement = (await world.post("operator", "agreements", {"application": application, **TERMS}))["id"]
    offered = await world.refused("gaonde", f"applications/{application}/withdraw", {"reason": "취소"})
    assert offered == (409, "agreement_offered")
    await world.post("gaonde", f"agreements/{agreement}/decline", {"reason": "사업 계획 변경"})
    assert (await world.get("gaonde", f"applications/{application}"))["state"] == "withdrawn"
    async with world.pool.connection() as conn:
        await World(conn, world.secrets).apply(declared.format("hanbit", 6_000_000))
    await world.books()


async def test_a_share_changes_from_a_day_on(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION)
    path = "programmes/ai-2026/change-share"
    past = await world.refused("operator", path, {"class": "sme", "from": "2026-03-01", "share": "0.5"})
    assert past == (409, "share_backdated")
    await world.post("operator", path, {"class": "sme", "from": "2026-03-24", "share": "0.6"})
    await world.post("operator", path, {"class": "sme", "from": "2026-12-01", "share": "0.5"})
    await world.selected(application, "ai-2026-1")
    agreement = await world.post("operator", "agreements", {"application": application, **TERMS})
    assert (agreement["share"], agreement["self_cash_krw"]) == ("0.6", "2000000")
    shares = (await world.get("gaonde", "programmes/ai-2026"))["shares"]
    assert shares == {"sme": "0.6", "startup": "0.9"}


async def test_no_state_changes_without_its_step_and_what_was_said_stays_said(issued: OfficeWorld) -> None:
    unlogged = (
        "update application set state = 'withdrawn'",
        "update round set state = 'cancelled'",
        "update agreement set state = 'completed'",
        "update amendment set state = 'approved'",
        "update programme_life set state = 'closed'",
    )
    kept = {
        "step": "person",
        "document": "person",
        "evaluation": "comment",
        "agreement_terms": "products",
        "voucher_ending": "kind",
        "share_change": "share_ppm",
    }
    async with issued.pool.connection() as conn:
        for change in unlogged:
            with pytest.raises(psycopg.errors.CheckViolation, match="without a step"):
                await conn.execute(change.encode())
        for table, column in kept.items():
            for change in (
                f"delete from {table}",
                f"truncate {table}",
                f"update {table} set {column} = {column}",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await conn.execute(change.encode())
        for table in ("round", "application", "agreement", "amendment"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(f"delete from {table}".encode())


async def test_the_programme_of_own_money_is_nobody_s_to_change(world: OfficeWorld) -> None:
    await world.post("gaonde", "own_funds", {"limit_krw": 1_000})
    changed = await world.patch("operator", "programmes/_own", {"ends_on": "2026-03-31"})
    assert (changed.status_code, changed.json()["code"]) == (409, "own_fund")
    for step, body in (
        ("change-share", {"class": "sme", "from": "2026-12-01", "share": "0.5"}),
        ("close", {"reason": "종료"}),
    ):
        assert await world.refused("operator", f"programmes/_own/{step}", body) == (409, "own_fund")
