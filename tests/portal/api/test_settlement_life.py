"""The end of an agreement over the API: what is unused goes back, and the ledger says so at every step."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from tests.fakes.audited_world import SEED
from tests.fakes.books_world import VOUCHER, WON
from tests.fakes.declared_world import World
from tests.fakes.office_world import OfficeWorld, opened
from tests.independent.checker import check
from tests.portal.api.a_settlement import (
    AFTER_THE_END,
    AGREEMENT,
    CALL_MICRO,
    CALLS,
    RIGHT_MICRO,
    SETTLEMENT,
    price_corrected,
    used,
)

USED_MICRO = sum(CALLS)
GOVERNMENT_MICRO = USED_MICRO * 3 // 4
LEFT = (3_000_000 * WON - GOVERNMENT_MICRO, 1_000_000 * WON - (USED_MICRO - GOVERNMENT_MICRO))


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


def krw(micro: int) -> str:
    return f"{micro / WON:.6f}".rstrip("0").rstrip(".")


async def test_the_unused_part_goes_back_to_the_programme_and_the_company(world: OfficeWorld) -> None:
    ended = await used(world, *CALLS)
    # Not before the worker has expired it, and nobody guesses its interest.
    await world.post("operator", "settlements", {"agreement": AGREEMENT})
    again = await world.refused("operator", "settlements", {"agreement": AGREEMENT})
    assert again == (409, "settlement_exists")
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "not_expired")
    assert await ended.expire() == 1
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "interest_unknown")
    interest = {"amount_krw": "1234", "document": "이자 확인서"}
    await world.post("operator", f"{SETTLEMENT}/enter-interest", interest | {"amount_krw": 9})
    await world.post("operator", f"{SETTLEMENT}/enter-interest", interest)

    shown = await world.post("operator", f"{SETTLEMENT}/return-unused")
    accounts = (await world.books()).accounts
    assert accounts["programme/ai-2026/budget"] == -GOVERNMENT_MICRO
    assert accounts["programme/ai-2026/interest"] == 1234 * WON == -accounts["voucher/gaonde-2026/earned"]
    assert accounts["voucher/gaonde-2026/expired"] == 0
    assert accounts["company/gaonde/own"] == LEFT[1]
    assert accounts["company/gaonde/deposits"] == -1_000_000 * WON
    assert accounts["provider/nuri/payable"] == USED_MICRO
    back = {"number": 1, "government_krw": krw(LEFT[0]), "self_krw": krw(LEFT[1]), "interest_krw": "1234"}
    assert shown["returns"] == [back | {"at": "2026-11-22T00:00:00Z"}]
    assert (await world.get("gaonde", "own_money/gaonde"))["own_krw"] == shown["returned_self_krw"]
    await sheets_are_the_ledger_s(world, accounts)
    await nothing_undoes_it(world)

    await reported_and_closed(world)


async def reported_and_closed(world: OfficeWorld) -> None:
    await world.post("gaonde", f"{SETTLEMENT}/report")
    await world.post("operator", f"{SETTLEMENT}/send-back", {"reason": "증빙 보완"})
    await world.post("gaonde", f"{SETTLEMENT}/report")
    closing = {"reason": "사업 종료"}
    await world.post("operator", f"{SETTLEMENT}/verify")
    early = await world.refused("operator", "programmes/ai-2026/close", closing)
    assert early == (409, "agreements_unsettled")
    for action in ("settle", "close"):
        shown = await world.post("operator", f"{SETTLEMENT}/{action}")
    assert (shown["state"], shown["kept_on"]) == ("closed", "2031-10-31")
    kept = await world.refused("operator", f"{SETTLEMENT}/erase", {"reason": "보존 기한"})
    assert kept == (409, "retention_running")
    world.now = AFTER_THE_END.replace(year=2031, month=11, day=1)
    assert (await world.post("operator", f"{SETTLEMENT}/erase", {"reason": "보존 기한"}))["state"] == "erased"
    assert (await world.get("gaonde", "applications/ap-000001"))["plan"] == ""
    await world.post("operator", "programmes/ai-2026/close", closing)
    log = (await world.get("gaonde", f"{SETTLEMENT}/log"))["data"]
    assert [row["action"] for row in log] == [
        *("open", "enter_interest", "enter_interest", "return_unused", "report", "send_back", "report"),
        *("verify", "settle", "close", "erase"),
    ]


async def sheets_are_the_ledger_s(world: OfficeWorld, accounts: dict[str, int]) -> None:
    async def rows(path: str) -> list[dict[str, str]]:
        answer = await world.call("auditor", "GET", path)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    report = await rows(f"{SETTLEMENT}/sheet?format=csv&lang=en")
    assert [int(row["Total"]) for row in report] == [4_000_000, 2_800_001, 1_199_999, 1_234, 1_201_233]
    exact = report[1]["Total (Exact amount)"].replace(".", "")
    assert int(exact) == accounts["provider/nuri/payable"]
    daily = await rows(f"{SETTLEMENT}/sheet?form=daily&format=csv&lang=en")
    assert [row["Amount"] for row in daily] == ["1800000", "1000001", "2800001"]
    for form in ("summary", "registration"):
        for file, begins in (("xlsx", b"PK"), ("pdf", b"%PDF")):
            answer = await world.call("gaonde", "GET", f"{SETTLEMENT}/sheet?form={form}&format={file}")
            assert answer.content.startswith(begins)
    shown = await world.get("auditor", f"{SETTLEMENT}/sheet?lang=en")
    told = dict(zip(shown["columns"], shown["rows"][1], strict=True))
    assert (told["Total"], told["Total (Exact amount)"]) == (2_800_001, krw(int(exact)))
    ended = await world.get("auditor", "programmes/ai-2026/settlement?lang=en")
    told = dict(zip(ended["columns"], ended["totals"][0], strict=True))
    assert told["Spent"] == krw(-accounts["programme/ai-2026/budget"])
    end = await rows("programmes/ai-2026/settlement?format=csv&lang=en")
    total = end[-3]
    spent, returned = (int(total[name].replace(".", "")) for name in ("Spent", "Returned"))
    assert -spent == accounts["programme/ai-2026/budget"]
    never = int(end[-2]["Granted, fixed"].replace(".", ""))
    assert spent + returned + never == 10_000_000 * WON
    assert int(total["Interest"].replace(".", "")) == accounts["programme/ai-2026/interest"]


async def nothing_undoes_it(world: OfficeWorld) -> None:
    """What went back cannot be promised by the voucher again."""
    declared = "vouchers:\n- {id: gaonde-2026, ends_on: 2026-12-31}\n"
    async with world.pool.connection() as conn:
        assert "its settlement has begun" in await World(conn, world.secrets).refusal(declared)
        for table in ("settlement_return", "settlement_interest", "settlement_rule", "finding_line"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(f"delete from {table}".encode())
        with pytest.raises(psycopg.errors.CheckViolation, match="without a step"):
            await conn.execute("update settlement set state = 'closed'")
    clawed = await world.refused("operator", f"vouchers/{VOUCHER}/claw-back", {"reason": "부정수급"})
    assert clawed == (409, "settlement_begun")


async def test_what_comes_late_follows_as_an_entry_of_its_own(world: OfficeWorld, tmp_path: Path) -> None:
    """A hold that is open, a charge told after the return; then both checkers of the log agree."""
    ended = await used(world)
    books, n = ended.books.world, ended.books.n
    ops = [await books.call(n, CALL_MICRO) for _ in range(3)]
    await ended.posted()
    world.purse = books.purse
    async with world.pool.connection() as conn:
        await conn.execute("insert into gateway (id) values ('g1')")
    op = await books.reserve(n, CALL_MICRO)
    await ended.begun(interest_krw="0")
    assert await ended.expire() == 0  # the voucher waits for its hold
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "holds_open")
    await books.settle(op, n, CALL_MICRO)
    # Its end is in a stream, not in the books.
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "holds_open")
    await ended.posted()
    assert await ended.expire() == 1
    await world.post("operator", f"{SETTLEMENT}/return-unused")
    before = (await world.books()).accounts
    late = await world.refused("operator", f"{SETTLEMENT}/return-late", {"reason": "보정"})
    assert late == (409, "nothing_late")

    # A call told after the end costs the voucher nothing: nobody pays it.
    await ended.call("op-late", CALL_MICRO)
    assert await ended.balance("voucher/gaonde-2026/uncollected") == -CALL_MICRO
    assert await ended.balance("programme/ai-2026/budget") == before["programme/ai-2026/budget"]
    # A price was wrong: what is given back expires, and is returned by itself.
    assert await ended.balance("programme/ai-2026/budget") == -4 * CALL_MICRO * 3 // 4
    await corrected(world)
    assert await world.refused("operator", f"{SETTLEMENT}/report") == (409, "return_pending")
    assert await ended.expire() == 1
    shown = await world.post("operator", f"{SETTLEMENT}/return-late", {"reason": "단가 보정"})
    assert [one["number"] for one in shown["returns"]] == [1, 2]
    assert await ended.balance("programme/ai-2026/budget") == -4 * RIGHT_MICRO * 3 // 4
    assert await ended.balance("voucher/gaonde-2026/expired") == 0
    await disallowed(world, ops[:2])
    await published(world, tmp_path)


async def test_a_voucher_is_clawed_back_with_what_a_correction_gave_back(world: OfficeWorld) -> None:
    """Before the worker came by again: what is free or lent by then is neither forgotten nor made twice."""
    ended = await used(world, 3_500_000 * WON)  # more than was lent: the rest of it was free
    assert await ended.expire() == 1
    await corrected(world)
    await world.post("operator", f"vouchers/{VOUCHER}/claw-back", {"reason": "부정수급"})
    await world.books()
    assert await ended.expire() == 1
    accounts = (await world.books()).accounts
    assert accounts["voucher/gaonde-2026/expired"] == 4_000_000 * WON - RIGHT_MICRO


async def corrected(world: OfficeWorld) -> None:
    await world.post("second", f"{await price_corrected(world)}/approve")


async def disallowed(world: OfficeWorld, ops: list[str]) -> None:
    lines = [{"call": op} for op in ops]
    body = {"agreement": AGREEMENT, "lines": lines, "reason": "목적 외"}
    found = await world.post("auditor", "findings", body)
    await world.post("operator", f"findings/{found['id']}/confirm", {"reason": "확인"})
    assert (await world.books()).accounts["programme/ai-2026/clawed_back"] == 2 * RIGHT_MICRO * 3 // 4


async def published(world: OfficeWorld, folder: Path) -> None:
    url = str(world.pool.conninfo)
    await export_bundle(url, SEED, folder / "bundle", programme=None, now=AFTER_THE_END)
    with BundleFiles(folder / "bundle") as files:
        assert verify_bundle(files).findings == []
    assert check(folder / "bundle").findings == []
