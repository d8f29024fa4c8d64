"""A bank transfer comes to the same entries as a card: matched by its reference, or by a person's word."""

from __future__ import annotations

import asyncio

from billing.casework.deeds import Deed
from billing.lifecycle.table import Actor
from billing.payments.bank_transfer import reference_of
from billing.payments.beginning import payment_id_of
from tests.fakes.books_world import WON
from tests.fakes.office_world import opened
from tests.fakes.payments_world import VOUCHER_ID, PaymentsWorld
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS

ACTOR = Actor("kim@gaonde.example", "company", "gaonde")
LINE = {"amount_krw": 80_000, "paid_on": "2026-03-02", "sender": "가온데이터", "memo": ""}


async def test_a_line_with_the_reference_is_the_payment(world: PaymentsWorld) -> None:
    begun = await world.begin(80_000, "transfer", voucher=VOUCHER_ID)
    assert (begun["state"], begun["checkout_url"]) == ("started", None)
    memo = f"입금 {begun['transfer_reference'].lower()}"
    line = await world.office.post("operator", "bank_lines", LINE | {"id": "KB-1", "memo": memo})
    assert (line["payment"], line["company"]) == (begun["id"], "gaonde")
    assert (await world.state(begun["id"]), await world.deposit()) == ("paid", "180000")
    twice = await world.office.refused("operator", "bank_lines", LINE | {"id": "KB-1", "memo": memo})
    assert twice == (409, "line_entered")
    # The same reference again is another sum, and somebody's to look at.
    other = await world.office.post("operator", "bank_lines", LINE | {"id": "KB-2", "memo": memo})
    assert other["payment"] is None
    accounts = await world.accounts()
    assert accounts["clearing/bank"] == "-80000"
    assert accounts["voucher/gaonde-2026/self"] == "180000"
    await world.office.post(
        "operator", f"payments/{begun['id']}/refund", {"amount_krw": 30_000, "reason": "과오납"}
    )
    assert (await world.state(begun["id"]), await world.deposit()) == ("partly_refunded", "150000")
    assert world.stripe.asked == []
    await world.office.books()


async def test_nobody_chooses_what_others_write_into_their_transfers(world: PaymentsWorld) -> None:
    """A reference was a hash of what its company sent: of keys enough, one comes to the date in all memos."""
    key = "tried until its reference is 20260302"
    asked = {"amount_krw": 1, "method": "transfer"}
    await world.office.call("gaonde", "POST", "payments", asked, key=key)
    foreseen = reference_of(payment_id_of("kim@gaonde.example", key, Deed(ACTOR, world.office.now, "").today))
    line = await world.office.post("operator", "bank_lines", LINE | {"id": "KB-1", "memo": foreseen})
    assert (line["payment"], line["company"]) == (None, None)


async def test_of_two_lines_entered_at_once_one_is_the_payment(world: PaymentsWorld) -> None:
    """The other used to take its place, and what came by it was in no account."""
    for number in range(5):
        begun = await world.begin(80_000, "transfer")
        line = LINE | {"memo": begun["transfer_reference"]}
        lines = [line | {"id": f"KB-{number}-{which}", "amount_krw": 80_000 + which} for which in (1, 2)]
        await asyncio.gather(*(world.office.post("operator", "bank_lines", one) for one in lines))
        entered = (await world.office.get("operator", f"bank_lines?payment={begun['id']}"))["data"]
        shown = await world.office.get("gaonde", f"payments/{begun['id']}")
        assert [one["amount_krw"] for one in entered] == [shown["paid_krw"]]
    await world.office.books()


async def test_a_person_says_whose_a_line_is(world: PaymentsWorld) -> None:
    await world.office.post("operator", "bank_lines", LINE | {"id": "KB-3"})
    path = "bank_lines/KB-3/match"
    for body, code in (
        ({"company": "nobody"}, "company_unknown"),
        ({"company": "hanbit", "voucher": VOUCHER_ID}, "voucher_unknown"),
    ):
        assert await world.office.refused("operator", path, body) == (422, code)
    matched = await world.office.post("operator", path, {"company": "gaonde"})
    assert await world.state(matched["payment"]) == "paid"
    assert await world.own() == ("80000", "0")
    assert await world.office.refused("operator", path, {"company": "gaonde"}) == (409, "line_matched")
    await world.office.books()


async def test_a_voucher_is_issued_with_own_money(books_url: str) -> None:
    """The programme opens vouchers when the whole self share is there."""
    async with opened(books_url) as office:
        await office.opened_round(PROGRAMME, ROUND)
        application = await office.applied("gaonde", APPLICATION)
        await office.selected(application, "ai-2026-1")
        agreement = (await office.post("operator", "agreements", {"application": application, **TERMS}))["id"]
        await office.post("gaonde", f"agreements/{agreement}/sign")
        await office.post("operator", "bank_lines", LINE | {"id": "KB-4", "amount_krw": 1_200_000})
        await office.post("operator", "bank_lines/KB-4/match", {"company": "gaonde"})
        path = f"agreements/{agreement}/issue"
        short = {"id": "gaonde-2026", "own_krw": 999_999}
        assert await office.refused("operator", path, short) == (409, "deposit_missing")
        assert (await office.get("gaonde", "own_money/gaonde"))["own_krw"] == "1200000"
        more = {"id": "gaonde-2026", "own_krw": 1_200_001}
        assert await office.refused("operator", path, more) == (409, "own_money_short")
        await office.post("operator", path, {"id": "gaonde-2026", "own_krw": 1_000_000})
        assert (await office.get("gaonde", "own_money/gaonde"))["own_krw"] == "200000"
        accounts = (await office.books()).accounts
        assert accounts["voucher/gaonde-2026/self"] == 1_000_000 * WON
        assert accounts["company/gaonde/deposits"] == 0
