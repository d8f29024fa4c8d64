"""From a closed month to money that arrived: over the API, in the ledger, to the won."""

from __future__ import annotations

import hashlib

from billing.casework.rows import rows_of
from tests.fakes.books_world import WON
from tests.fakes.payables_world import PayablesWorld


async def test_a_month_is_closed_approved_and_paid(world: PayablesWorld) -> None:
    office = world.office
    await world.call(1_800 * WON + 300_000, "2026-09")
    assert await world.payables() == []
    await world.close("2026-09")
    [due] = await world.payables()
    figures = ("provider", "month", "kind", "state", "supply_krw", "holdback_krw", "amount_krw", "rest_krw")
    assert [due[name] for name in figures] == ["nuri", "2026-09", "month", "due", "1800", "0", "1800", "0.3"]
    assert await world.accounts() == {"provider/nuri/payable": 1_800 * WON + 300_000}
    path = f"payables/{due['id']}"
    lines = await office.get("nuri", f"{path}/lines")
    assert (lines["supply_krw"], [line["won"]["supply_krw"] for line in lines["lines"]]) == ("1800", ["1800"])

    await office.post("operator", f"{path}/propose")
    assert await office.refused("operator", f"{path}/approve") == (409, "own_payable_proposal")
    await office.post("second", f"{path}/approve")
    asked = {"payables": [due["id"]]}
    assert await office.refused("operator", "payout_batches", asked) == (409, "payout_account_missing")
    await world.account()
    batch_id = await world.batch(due["id"])
    assert await world.state(due["id"]) == "in_payment"
    assert await world.accounts() == {
        "provider/nuri/payable": 300_000,
        "provider/nuri/in_payment": 1_800 * WON,
    }
    assert await office.refused("operator", "payout_batches", asked) == (409, "wrong_state")

    file = await office.get("operator", f"payout_batches/{batch_id}/file")
    [line] = await world.file(batch_id)
    payout = line["payout"]
    assert file["content"] == (
        "bank_code,account_number,holder,amount_won,memo,payout\r\n"
        f"088,110123456789,누리모델(주),1800,2026-09 {due['id']},{payout}\r\n"
    )
    shown = await office.get("auditor", f"payout_batches/{batch_id}")
    assert hashlib.sha256(file["content"].encode()).hexdigest() == file["file_sha256"] == shown["file_sha256"]

    for paid in (1, 1):  # entered twice, the second time nothing happens
        assert (await world.results(batch_id, f"{payout},1800,paid,"))["paid"] == paid
        assert await world.accounts() == {
            "provider/nuri/payable": 300_000,
            "clearing/bank/out": 1_800 * WON,
        }
    assert await world.state(due["id"]) == "paid"
    async with office.pool.connection() as conn:
        told = await rows_of(conn, "select kind, provider_id, about, detail from alert")
    alert = {"kind": "payout_made", "provider_id": "nuri", "about": payout}
    assert told == [alert | {"detail": {"amount_micro": 1_800 * WON}}]
    assert await world.owed_micro() == 300_000
    log = (await office.get("auditor", f"{path}/log"))["data"]
    assert [(row["action"], row["to"]) for row in log] == [
        ("make", "due"),
        ("propose", "proposed"),
        ("approve", "approved"),
        ("pay", "in_payment"),
        ("settle", "paid"),
    ]


async def test_what_comes_back_is_due_again_and_paid_anew(world: PayablesWorld) -> None:
    office = world.office
    await world.call(1_000 * WON, "2026-09")
    await world.close("2026-09")
    [payable] = await world.payables()
    await world.account()
    await world.paid(payable["id"])
    await world.results("pb-000001", "po-000001,1000,returned,계좌 해지")
    assert await world.state(payable["id"]) == "failed"
    assert await world.accounts() == {"provider/nuri/payable": 1_000 * WON}
    path = f"payables/{payable['id']}"
    assert await office.refused("operator", f"{path}/propose") == (409, "wrong_state")
    await office.post("operator", f"{path}/retry", {"reason": "새 계좌"})
    await world.account(number="110987654321")
    await world.paid(payable["id"])
    assert await world.accounts() == {"clearing/bank/out": 1_000 * WON}
    payouts = (await office.get("nuri", "payouts"))["data"]
    assert [(one["state"], one["account"], one["return_reason"]) for one in payouts] == [
        ("returned", "****6789", "계좌 해지"),
        ("paid", "****4321", None),
    ]
    # The bank's word on the first payment comes again, and changes nothing of the second.
    await world.results("pb-000001", "po-000001,1000,returned,계좌 해지")
    assert await world.state(payable["id"]) == "paid"
