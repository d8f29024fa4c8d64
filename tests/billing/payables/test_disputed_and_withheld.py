"""Holdback, holds, objections, and what is below nothing: each shown, each in the ledger, none of it paid."""

from __future__ import annotations

from typing import Any

from tests.fakes.books_world import WON
from tests.fakes.declared_world import PRODUCT, World, edited
from tests.fakes.payables_world import VOUCHER_ID, PayablesWorld

CHEAP_FROM = "2026-11-01T00:00:00+09:00"
CHEAP = edited(PRODUCT, '"5000.5"}\n', f'"5000.5"}}\n      - {{from: {CHEAP_FROM}, input: 0, output: 0}}\n')
WHY = {"reason": "확인"}


async def corrected(world: PayablesWorld) -> str:
    """All calls of September should have cost nothing. -> the correction that says so."""
    async with world.office.pool.connection() as conn:
        await World(conn, world.office.secrets).apply(CHEAP)
    wrong = {
        "product": "nuri-x1",
        "from": "2026-09-01T00:00:00+09:00",
        "until": "2026-10-01T00:00:00+09:00",
        "price_from": CHEAP_FROM,
        "reason": "단가 오기",
    }
    made: str = (await world.office.post("operator", "corrections", wrong))["id"]
    return made


def figures(payable: Any) -> tuple[str, ...]:
    names = ("month", "kind", "state", "supply_krw", "carried_krw", "holdback_krw", "amount_krw")
    return tuple(payable[name] for name in names)


async def test_a_part_is_withheld_and_released_by_its_own_step(world: PayablesWorld) -> None:
    office = world.office
    change = {"from": "2026-10", "basis_points": 1_250, "reason": "성능 보증"}
    await office.post("operator", "programmes/ai-2026/change-holdback", change)
    await world.call(1_001 * WON, "2026-09")
    await world.call(1_001 * WON, "2026-10")
    await world.close("2026-09")
    assert await office.refused(
        "operator", "programmes/ai-2026/change-holdback", change | {"from": "2026-09"}
    ) == (409, "holdback_backdated")
    await world.close("2026-10")
    first, second = await world.payables()
    assert figures(first) == ("2026-09", "month", "due", "1001", "0", "0", "1001")
    assert figures(second) == ("2026-10", "month", "due", "1001", "0", "125", "876")
    assert await world.accounts() == {
        "provider/nuri/payable": 1_877 * WON,
        "provider/nuri/holdback": 125 * WON,
    }
    assert await world.owed_micro() == 1_877 * WON
    await world.account()
    await world.paid(second["id"])
    path = f"payables/{second['id']}"
    assert await office.refused("operator", f"payables/{first['id']}/release", WHY) == (
        409,
        "nothing_withheld",
    )
    await office.post("operator", f"{path}/release", WHY)
    assert await office.refused("operator", f"{path}/release", WHY) == (409, "nothing_withheld")
    [released] = await world.payables(kind="holdback")
    assert figures(released) == ("2026-10", "holdback", "due", "0", "0", "-125", "125")
    assert released["of_payable"] == second["id"]
    await world.paid(released["id"])
    assert await world.accounts() == {"provider/nuri/payable": 1_001 * WON, "clearing/bank/out": 1_001 * WON}


async def test_what_is_objected_to_keeps_what_was_withheld_of_it(world: PayablesWorld) -> None:
    """It used to be released, and paid, while the month it was withheld of was objected to."""
    office = world.office
    change = {"from": "2026-09", "basis_points": 1_000, "reason": "성능 보증"}
    await office.post("operator", "programmes/ai-2026/change-holdback", change)
    await world.call(1_000 * WON, "2026-09")
    await world.close("2026-09")
    [month] = await world.payables()
    line = {"voucher": VOUCHER_ID, "product": "nuri-x1", "reason": "쓰지 않은 호출"}
    objecting = "companies/gaonde/statements/2026-09/object"
    first = (await office.post("gaonde", objecting, line))["id"]
    releasing = f"payables/{month['id']}/release"
    assert await office.refused("operator", releasing, WHY) == (409, "objection_open")
    await office.post("operator", f"objections/{first}/reject", WHY)
    await office.post("operator", releasing, WHY)
    [released] = await world.payables(kind="holdback")
    second = (await office.post("gaonde", objecting, line))["id"]
    proposing = f"payables/{released['id']}/propose"
    assert await office.refused("operator", proposing) == (409, "objection_open")
    await office.post("gaonde", f"objections/{second}/withdraw", WHY)
    await office.post("operator", proposing)


async def test_below_nothing_is_carried_and_never_paid(world: PayablesWorld) -> None:
    office = world.office
    for month in ("2026-09", "2026-10"):
        await world.call(1_000 * WON, month)
    await world.close("2026-09")
    [september] = await world.payables()
    await world.account()
    await world.paid(september["id"])
    await office.post("second", f"corrections/{await corrected(world)}/approve")
    await world.close("2026-10")
    [october] = await world.payables(month="2026-10")
    assert figures(october) == ("2026-10", "month", "carried", "0", "0", "0", "0")
    assert await office.refused("operator", f"payables/{october['id']}/propose") == (409, "wrong_state")


async def test_what_a_later_month_takes_along(world: PayablesWorld) -> None:
    """September was paid and then corrected to nothing: October owes it, and what is late comes with it."""
    office = world.office
    await world.call(1_000 * WON, "2026-09")
    await world.call(300 * WON, "2026-10")
    await world.close("2026-09")
    await world.account()
    await world.paid((await world.payables())[0]["id"])
    await office.post("second", f"corrections/{await corrected(world)}/approve")
    await world.call(50 * WON, "2026-09")  # told after the close
    await world.close("2026-10")
    [october] = await world.payables(month="2026-10")
    assert figures(october) == ("2026-10", "month", "carried", "-650", "0", "0", "-650")
    lines = (await office.get("nuri", f"payables/{october['id']}/lines"))["lines"]
    assert {(line["kind"], line["service_month"], line["won"]["supply_krw"]) for line in lines} == {
        ("usage", "2026-10", "300"),
        ("late", "2026-09", "50"),
        ("correction", "2026-09", "-1000"),
    }
    assert await world.owed_micro() == -650 * WON
    assert (await world.accounts())["provider/nuri/payable"] == -650 * WON


async def test_what_nobody_pays_is_paid_to_nobody(world: PayablesWorld) -> None:
    """A vendor's count beyond all that the voucher has: shown, left in the account, in no amount."""
    await world.call(500_000 * WON + 1, "2026-09")
    await world.close("2026-09")
    [payable] = await world.payables()
    assert (payable["amount_krw"], payable["uncollected_krw"]) == ("400000", "100000")
    await world.account()
    await world.paid(payable["id"])
    assert await world.accounts() == {
        "provider/nuri/payable": 100_000 * WON + 1,
        "clearing/bank/out": 400_000 * WON,
    }


async def test_a_hold_stops_the_payment_and_not_the_calls(world: PayablesWorld) -> None:
    office = world.office
    await world.call(1_000 * WON, "2026-09")
    await world.close("2026-09")
    [payable] = await world.payables()
    path = f"payables/{payable['id']}"
    await world.account()
    await world.approved(payable["id"])
    held = await office.post("operator", f"{path}/hold", {"reason": "동일 IP", "case": "FR-7"})
    assert (held["state"], held["hold_reason"], held["hold_case"]) == ("on_hold", "동일 IP", "FR-7")
    assert (await office.get("nuri", path))["hold_case"] == "FR-7"
    asked = {"payables": [payable["id"]]}
    assert await office.refused("operator", "payout_batches", asked) == (409, "wrong_state")
    await world.call(5 * WON, "2026-10")  # taken as before
    await office.post("operator", f"{path}/lift", WHY)
    assert await office.refused("operator", "payout_batches", asked) == (
        409,
        "wrong_state",
    )  # not approved now
    await world.paid(payable["id"])
    assert await world.state(payable["id"]) == "paid"


async def test_objections_wait_for_an_answer(world: PayablesWorld) -> None:
    office = world.office
    await world.call(1_000 * WON, "2026-09")
    line = {"voucher": VOUCHER_ID, "product": "nuri-x1", "reason": "쓰지 않은 호출"}
    statement = "companies/gaonde/statements/2026-09"
    assert await office.refused("gaonde", f"{statement}/object", line) == (409, "line_unknown")
    await world.close("2026-09")
    [payable] = await world.payables()
    path = f"payables/{payable['id']}"
    mine = await office.post("gaonde", f"{statement}/object", line)
    assert (mine["state"], mine["payable"], mine["company"]) == ("open", None, "gaonde")
    assert await office.refused("gaonde", f"{statement}/object", line) == (409, "objection_exists")
    assert await office.refused("hanbit", f"{statement}/object", line) == (404, "not_found")
    theirs = await office.post("nuri", f"{path}/object", {"reason": "호출이 더 있습니다"})
    assert await office.refused("operator", f"{path}/propose") == (409, "objection_open")
    assert (await office.get("nuri", path))["objections_open"] == 2
    assert [one["id"] for one in (await office.get("nuri", "objections"))["data"]] == [theirs["id"]]
    assert [one["id"] for one in (await office.get("gaonde", "objections"))["data"]] == [mine["id"]]
    assert await office.refused("nuri", f"objections/{mine['id']}/withdraw", WHY) == (404, "not_found")

    await office.post("operator", f"objections/{theirs['id']}/reject", {"reason": "대사 일치"})
    uphold = {"correction": "co-000009", "reason": "맞습니다"}
    answering = f"objections/{mine['id']}/uphold"
    assert await office.refused("operator", answering, uphold) == (409, "correction_missing")
    correction = await corrected(world)
    upheld = await office.post("operator", answering, uphold | {"correction": correction})
    assert (upheld["state"], upheld["answer"], upheld["correction"]) == ("upheld", "맞습니다", correction)
    assert (await office.get("gaonde", f"objections/{mine['id']}"))["answer"] == "맞습니다"
    assert (await office.get("operator", f"corrections/{correction}"))["state"] == "proposed"
    await world.account()
    await world.paid(payable["id"])
