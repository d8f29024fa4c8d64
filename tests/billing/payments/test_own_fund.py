"""Own money that calls may spend: opted into with a limit, offered last, shown as what it is, given back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from billing.database import connect
from billing.directory_store import load_directory
from billing.lifecycle.own_fund import PROGRAMME
from billing.posting import Poster
from gateway import balance
from gateway.admission import paying_vouchers
from gateway.directory import Directory
from gateway.problems import Problem
from tests.fakes.audited_world import SEED
from tests.fakes.books_world import LANE, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import API_KEY, World
from tests.fakes.payments_world import VOUCHER_ID, PaymentsWorld
from tests.independent.checker import check

FUND = f"{PROGRAMME}.gaonde"
IN_PERIOD = datetime(2026, 10, 1, tzinfo=UTC)
AFTER = datetime(2027, 1, 1, tzinfo=UTC)
SEPTEMBER = "companies/gaonde/statements/2026-09"
WHY = {"reason": "점검"}


async def opted_in(world: PaymentsWorld, *, own_krw: int = 50_000, limit_krw: int = 30_000) -> str:
    """-> the payment that the own money came from."""
    payment, _ = await world.paid(own_krw, voucher=None)
    await world.heard()
    await world.office.post("gaonde", "own_funds", {"limit_krw": limit_krw})
    return payment


async def filled(world: PaymentsWorld) -> tuple[str, str, str]:
    """Own money beside the fund, what lies in it, what of that is spent."""
    shown = await world.office.get("gaonde", "own_funds/gaonde")
    return (await world.own())[0], shown["filled_krw"], shown["spent_krw"]


async def calls(world: PaymentsWorld, *charges_krw: int) -> None:
    """Calls of September that the fund paid for, in the purse and the books. All of it was lent for them."""
    books = Books(world.office.pool, voucher=FUND)
    world.office.purse = books.purse
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=FUND, need_micro=30_000 * WON)
    for krw in charges_krw:
        await books.call(n, krw * WON)
    async with await connect(world.url) as conn:
        poster = Poster(conn, books.purse)
        await poster.take_lanes()
        await poster.post_once()


async def offered(world: PaymentsWorld, product: str, now: datetime) -> tuple[str, ...] | str:
    """Which vouchers a gateway would ask for a call now, in their order."""
    directory = Directory()
    directory.apply(await load_directory(world.conn, secrets=world.office.secrets))
    try:
        now_ms = int(now.timestamp() * 1000)
        paying = paying_vouchers(directory.vouchers_of("gaonde"), product, now_ms)
    except Problem as problem:
        return problem.code
    return tuple(voucher.voucher_id for voucher in paying)


async def test_gateways_ask_it_last_and_only_where_its_company_opted_in(world: PaymentsWorld) -> None:
    await World(world.conn, world.office.secrets).apply(API_KEY)
    assert await offered(world, "nuri-x1", IN_PERIOD) == (VOUCHER_ID,)
    assert await offered(world, "nuri-x1", AFTER) == "voucher_not_active"
    await opted_in(world)
    assert await filled(world) == ("20000", "30000", "0")
    assert await offered(world, "nuri-x1", IN_PERIOD) == (VOUCHER_ID, FUND)
    assert await offered(world, "nuri-x1", AFTER) == (FUND,)
    await world.office.post("operator", f"vouchers/{VOUCHER_ID}/suspend", WHY)
    assert await offered(world, "any product", IN_PERIOD) == (FUND,)
    await world.office.post("gaonde", "own_funds/gaonde/opt-out")
    assert await filled(world) == ("50000", "0", "0")
    assert await offered(world, "nuri-x1", AFTER) == "voucher_not_active"
    assert balance.OWN_PROGRAMME == PROGRAMME


async def test_what_it_pays_is_own_money_on_the_statement_and_in_the_ledger(
    world: PaymentsWorld, tmp_path: Path
) -> None:
    await opted_in(world)
    await calls(world, 7_000, 5_000)
    assert await filled(world) == ("20000", "30000", "12000")
    statement = await world.office.get("gaonde", SEPTEMBER)
    [line] = statement["lines"]
    won = line["won"]
    assert (won["own_krw"], won["self_krw"], won["government_krw"]) == ("12000", "0", "0")
    assert (won["supply_krw"], line["vat_krw"], line["total_krw"]) == ("12000", "1200", "13200")
    accounts = await world.accounts()
    assert (accounts["provider/nuri/payable"], accounts[f"voucher/{FUND}/self"]) == ("12000", "18000")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    await export_bundle(world.url, SEED, tmp_path / "bundle", programme=None, now=now)
    with BundleFiles(tmp_path / "bundle") as files:
        assert verify_bundle(files).findings == []
    found = check(tmp_path / "bundle").findings
    assert {one.rule for one in found} == {"price"}  # the charges are round figures, not those of the price


async def test_the_limit_holds_for_all_that_calls_spend(world: PaymentsWorld) -> None:
    await opted_in(world)
    await calls(world, 12_000)
    office = world.office
    for limit, refusal in ((0, "limit_spent"), (11_999, "limit_spent")):
        changed = await office.refused("gaonde", "own_funds/gaonde/change", {"limit_krw": limit})
        assert changed == (409, refusal)
    # All was lent: 18,000 come back from the purse, so that the limit is what is spent.
    await office.post("gaonde", "own_funds/gaonde/change", {"limit_krw": 12_000})
    assert await filled(world) == ("38000", "12000", "12000")
    # What comes in fills it up to the limit, and no further.
    await office.post("gaonde", "own_funds/gaonde/change", {"limit_krw": 60_000})
    assert await filled(world) == ("0", "50000", "12000")
    await world.paid(40_000, voucher=None)
    await world.heard()
    assert await filled(world) == ("30000", "60000", "12000")
    await office.books()


async def test_given_up_it_pays_nothing_more_and_comes_back(world: PaymentsWorld) -> None:
    await opted_in(world)
    await calls(world, 12_000)
    office = world.office
    # At once: what the purse was not lent. The rest when it is asked for again.
    await office.post("gaonde", "own_funds/gaonde/opt-out")
    assert await offered(world, "nuri-x1", AFTER) == "voucher_not_active"
    assert await filled(world) == ("20000", "30000", "12000")
    await office.post("gaonde", "own_funds/gaonde/opt-out")
    assert await filled(world) == ("38000", "12000", "12000")
    await office.post("gaonde", "own_funds/gaonde/reopen", {"limit_krw": 13_000})
    assert await filled(world) == ("37000", "13000", "12000")
    assert await offered(world, "nuri-x1", AFTER) == (FUND,)
    await office.books()


async def test_money_goes_back_from_it_too(world: PaymentsWorld) -> None:
    """A refund, and a lost dispute: what lies in the fund unspent is own money still."""
    payment = await opted_in(world, own_krw=30_000, limit_krw=30_000)
    refund = {"amount_krw": 10_000, **WHY}
    await world.office.post("operator", f"payments/{payment}/refund", refund)
    assert await filled(world) == ("0", "20000", "0")
    await world.heard()
    intent = world.objects.of("payment_intent")[0]["id"]
    world.objects.decide(world.objects.dispute(intent, 20_000)["id"], "lost")
    await world.heard()
    assert (await filled(world), await world.own()) == (("0", "0", "0"), ("0", "0"))
    await world.office.books()


async def test_what_was_paid_for_a_voucher_goes_back_from_it_too(world: PaymentsWorld) -> None:
    """Paid for a voucher that ended meanwhile, it lies in the fund: neither free, nor kept from a debt."""
    office = world.office
    await office.post("gaonde", "own_funds", {"limit_krw": 30_000})
    payment, intent = await world.paid(50_000)
    await office.post("operator", f"vouchers/{VOUCHER_ID}/end", WHY)
    await world.heard()
    assert await filled(world) == ("20000", "30000", "0")
    await office.post("operator", f"payments/{payment}/refund", {"amount_krw": 35_000, **WHY})
    assert await filled(world) == ("0", "15000", "0")
    await world.heard()
    world.objects.decide(world.objects.dispute(intent, 15_000)["id"], "lost")
    await world.heard()
    assert (await filled(world), await world.own()) == (("0", "0", "0"), ("0", "0"))
    await office.books()


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("suspend", WHY),
        ("end", WHY),
        ("claw-back", WHY),
        ("deposit", {"amount_krw": 1}),
        ("pay-in", {"amount_krw": 1}),
        ("extend", {"ends_on": "2099-12-31", **WHY}),
    ],
)
async def test_the_agency_does_nothing_to_it(
    world: PaymentsWorld, step: str, body: dict[str, object]
) -> None:
    await opted_in(world)
    assert await world.office.refused("operator", f"vouchers/{FUND}/{step}", body) == (409, "own_fund")


async def test_it_is_its_company_s_alone(world: PaymentsWorld) -> None:
    await opted_in(world)
    again = await world.office.refused("gaonde", "own_funds", {"limit_krw": 1})
    assert again == (409, "own_fund_exists")
    assert await world.office.refused("hanbit", "own_funds/gaonde/opt-out") == (404, "not_found")
    changed = await world.office.patch("operator", f"vouchers/{FUND}", {"government_krw": 1})
    assert (changed.status_code, changed.json()["code"]) == (409, "own_fund")
