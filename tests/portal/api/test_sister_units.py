"""Each sister unit from its product to the ledger and the statement: one conversation per unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.reports.charging import charge_reports
from metering.purse_memory import MemoryPurse
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import line, product_id, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

STATEMENT = "companies/gaonde/statements/2026-03"
WON = 1_000_000
APRIL = datetime(2026, 4, 6, 1, 0, tzinfo=UTC)


@pytest.fixture
async def office(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde has a voucher of 4,000,000 won, of which 75 % are the government's, for 2026-03 to 2026-10."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def paid(office: OfficeWorld, voucher: str = "gaonde-2026") -> tuple[int, int, int]:
    """What nuri is owed, and what the voucher has left of either source; micro-won, of sound books."""
    accounts = (await office.books()).accounts
    return (
        accounts.get("provider/nuri/payable", 0),
        accounts.get(f"voucher/{voucher}/government", 0),
        accounts.get(f"voucher/{voucher}/self", 0),
    )


async def work(office: OfficeWorld) -> int:
    """What the worker charges by the office's clock."""
    async with office.pool.connection() as conn:
        return await charge_reports(MemoryPurse(now_ms=lambda: 0), conn, now=office.now)


async def statement_line(office: OfficeWorld, unit: str) -> dict[str, Any]:
    lines = (await office.get("gaonde", STATEMENT))["lines"]
    [found] = [one for one in lines if one["product"] == product_id(unit)]
    assert found["unit"] == unit
    one: dict[str, Any] = found
    return one


async def test_items(office: OfficeWorld) -> None:
    nuri = await selling(office, "item", accept_from_krw=100_000)
    charged = await nuri.taken(line("item", "batch-1", "12.5"))
    assert (charged["state"], charged["voucher"]) == ("charged", "gaonde-2026")
    assert charged["amount_krw"] == "1506.25"
    assert (charged["quantity"], charged["units"], charged["per"]) == ("12.5", 12_500, 1_000)
    assert await paid(office) == (1_506_250_000, 2_998_870_312_500, 999_623_437_500)
    # A large one waits until the company has accepted it.
    large = await nuri.taken(line("item", "batch-2", 1_000))
    assert (large["state"], large["waits_for"]) == ("reported", "acceptance")
    accepted = await office.post("gaonde", f"report_lines/{large['id']}/accept")
    assert (accepted["state"], accepted["amount_krw"]) == ("charged", "120500")
    shown = await statement_line(office, "item")
    assert (shown["calls"], shown["exact"]["supply_krw"]) == (2, "122006.25")
    # What was charged is corrected by a new line, with the company's word, and stays one line of two steps.
    right = line("item", "batch-2-right", 900, corrects="batch-2")
    again = await nuri.taken(right)
    assert again["waits_for"] == "acceptance"
    assert await nuri.code(right | {"id": "once-more"}) == "not_correctable"
    await office.post("gaonde", f"report_lines/{again['id']}/accept")
    assert (await paid(office))[0] == 1_506_250_000 + 108_450 * WON
    lines = (await office.get("gaonde", STATEMENT))["lines"]
    assert [(one["kind"], one["won"]["supply_krw"]) for one in lines] == [
        ("correction", "-12050"),
        ("usage", "122006"),
    ]


async def test_months(office: OfficeWorld) -> None:
    nuri = await selling(office, "month", report_days=20)
    office.now = APRIL
    whole = {"from": "2026-03-01", "to": "2026-03-31"}
    fee = await nuri.taken(line("month", "pro", 1, tier="pro", **whole))
    part = {"from": "2026-03-22", "to": "2026-03-31"}
    prorated = await nuri.taken(line("month", "basic", 2, tier="basic", **part))
    assert (fee["amount_krw"], prorated["amount_krw"]) == ("900000", "200000")  # 10 of 31 days, twice
    assert (prorated["units"], prorated["per"]) == (20, 31)
    for twice in (line("month", "x", 1, tier="pro", **part), line("month", "y", 1, tier="pro", **whole)):
        assert await nuri.code(twice) == "period_reported"
    # The company has five days to object; then the rest is charged. What it objects to waits.
    assert fee["waits_for"] == prorated["waits_for"] == "objection_time"
    assert await work(office) == 0
    close = {"reason": "마감"}
    assert await office.refused("operator", "months/2026-03/close", close) == (409, "reports_undecided")
    await office.post("gaonde", f"report_lines/{prorated['id']}/object", {"reason": "이용하지 않음"})
    office.now = datetime(2026, 4, 11, 1, 1, tzinfo=UTC)
    assert await work(office) == 1
    assert await paid(office) == (900_000 * WON, 2_325_000 * WON, 775_000 * WON)
    await office.post("operator", f"report_lines/{prorated['id']}/reject", {"reason": "이의 인정"})
    shown = await statement_line(office, "month")
    assert (shown["won"]["government_krw"], shown["won"]["self_krw"]) == ("675000", "225000")
    assert (shown["vat_krw"], shown["total_krw"]) == ("90000", "990000")
    await office.post("operator", "months/2026-03/close", close)
    assert (await office.get("gaonde", STATEMENT))["state"] == "final"
    # Accepted, a fee is charged as soon as its days are over; the month being closed, it is late.
    anew = await nuri.taken(line("month", "basic-2", 1, tier="basic", **part))
    late = await office.post("gaonde", f"report_lines/{anew['id']}/accept")
    assert late["state"] == "charged"
    april = (await office.get("gaonde", "companies/gaonde/statements/2026-04"))["lines"]
    assert [(one["kind"], one["service_month"], one["won"]["supply_krw"]) for one in april] == [
        ("late", "2026-03", "100000")
    ]


async def test_tflops_months(office: OfficeWorld) -> None:
    """A programme of GPUs without a share of the company's own."""
    nuri = await selling(office, "tflops_month", objection_days=0)
    gpu = PROGRAMME | {"id": "gpu-2026", "name": "고성능 컴퓨팅 지원", "shares": {"sme": "1"}}
    await office.post("operator", "programmes", gpu)
    await office.post("operator", "programmes/gpu-2026/open")
    allotted = {"id": "gaonde-gpu", "company": "gaonde", "programme": "gpu-2026"}
    limits = {"government_krw": 6_000_000, "products": [product_id("tflops_month")], "ends_on": "2026-06-30"}
    await office.post("operator", "vouchers", allotted | limits)
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    for wrong in ({"tier": "10"}, {"tier": "15"}, {}):
        assert await nuri.code(line("tflops_month", "w", 20, **wrong, **march)) == "quantity_invalid"
    fee = await nuri.taken(line("tflops_month", "gpu-3", 20, tier="20", **march))
    assert (fee["state"], fee["waits_for"]) == ("reported", "objection_time")  # the month still runs
    office.now = APRIL
    assert await work(office) == 1
    # 20 TFlops of 41,250 won a month. Of two vouchers the one that ends earlier pays, all of it the grant's.
    assert await paid(office, "gaonde-gpu") == (825_000 * WON, 5_175_000 * WON, 0)
    shown = await statement_line(office, "tflops_month")
    assert (shown["voucher"], shown["won"]["government_krw"]) == ("gaonde-gpu", "825000")
    assert shown["won"]["self_krw"] == "0"


async def test_downloads(office: OfficeWorld) -> None:
    nuri = await selling(office, "download", "byte")
    by_count = await nuri.taken(line("download", "d-1", 3))
    by_volume = await nuri.taken(line("byte", "d-2", 2_500_000_001))
    assert (by_count["state"], by_count["amount_krw"]) == ("charged", "4500")
    assert (by_volume["state"], by_volume["amount_krw"]) == ("charged", "200")  # and 0.00000008 won
    assert (await paid(office))[0] == 4_700 * WON
    assert (await statement_line(office, "download"))["total_krw"] == "4950"
    assert (await statement_line(office, "byte"))["total_krw"] == "220"
    csv = await office.call("gaonde", "GET", f"{STATEMENT}?format=csv")
    assert "nuri-byte (GB)" in csv.text
    # The lines of a long report are the worker's to charge.
    await nuri.report(*(line("download", f"many-{number}", 1) for number in range(21)))
    assert (await paid(office))[0] == 4_700 * WON
    assert await work(office) == 21
    assert (await paid(office))[0] == (4_700 + 21 * 1_500) * WON


async def test_milestones(office: OfficeWorld) -> None:
    nuri = await selling(office, "milestone")
    plan = "agreements/ag-000001/milestones"
    first = {"number": 1, "name": "착수", "due_on": "2026-03-20", "amount_krw": 1_000_000}
    of = {"product": product_id("milestone")}
    assert (await office.post("operator", plan, first | of))["state"] is None
    outside = first | of | {"number": 2, "due_on": "2026-12-24"}
    assert await office.refused("operator", plan, outside) == (409, "outside_agreement")
    reached = line("milestone", "m-1", 1, agreement="ag-000001", milestone=1)
    assert await nuri.code(reached | {"milestone": 2}) == "price_missing"
    assert await nuri.code(reached | {"agreement": None}) == "quantity_invalid"
    waiting = await nuri.taken(reached)
    assert (waiting["amount_krw"], waiting["waits_for"]) == ("1000000", "acceptance")
    assert await nuri.code(reached | {"id": "m-1-again"}) == "period_reported"
    accept = f"report_lines/{waiting['id']}/accept"
    assert await office.refused("hanbit", accept) == (404, "not_found")
    assert (await office.post("gaonde", accept))["state"] == "charged"
    assert await paid(office) == (1_000_000 * WON, 2_250_000 * WON, 750_000 * WON)
    shown = await statement_line(office, "milestone")
    assert (shown["won"]["supply_krw"], shown["total_krw"]) == ("1000000", "1100000")
    [planned] = (await office.get("nuri", "milestones"))["data"]
    assert (planned["id"], planned["state"]) == ("ag-000001.01", "charged")
    assert (await office.get("other", "milestones"))["data"] == []
