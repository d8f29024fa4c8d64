"""A card that its company let be kept: it tops up by itself, once at a time, until it must not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from billing.casework.rows import rows_of
from billing.database import Connection, connect
from billing.payments.cards import begin_charges
from tests.fakes.declared_world import World
from tests.fakes.payments_world import VOUCHER_ID, PaymentsWorld


async def kept_card(world: PaymentsWorld) -> None:
    begun = await world.begin(10_000, "checkout", save_card=True)
    world.objects.pay_session(begun["checkout_url"].split("/")[-1])
    await world.heard()


async def set_top_up(world: PaymentsWorld, **changes: object) -> int:
    asked = {"automatic": True, "voucher": VOUCHER_ID, "threshold_krw": 120_000, "amount_krw": 30_000}
    return (await world.office.patch("gaonde", "cards/gaonde", asked | changes)).status_code


async def automatic(world: PaymentsWorld) -> list[str]:
    rows = await rows_of(world.conn, "select state from payment where method = 'automatic' order by state")
    return [row["state"] for row in rows]


async def lower_share(world: PaymentsWorld) -> None:
    """The self share is what ends the line, at 90,000 of 120,000."""
    await World(world.conn, world.office.secrets).apply(
        f"vouchers:\n- {{id: {VOUCHER_ID}, self_deposit_krw: 90000}}\n"
    )


async def test_a_kept_card_tops_up_by_itself_once_at_a_time(world: PaymentsWorld) -> None:
    await kept_card(world)
    card = await world.office.get("gaonde", "cards/gaonde")
    assert (card["label"], card["automatic"]) == ("visa 4242", False)
    assert await set_top_up(world, voucher=None) == 409
    await lower_share(world)
    assert await set_top_up(world) == 200
    # Stripe takes the money and its answer is lost: nobody charges a second time.
    world.stripe.faults = lambda what: "after" if what == "POST /v1/payment_intents" else None
    before = len(world.objects.charged)
    for _ in range(3):
        await world.hurry()
        await world.worked()
    assert await automatic(world) == ["started"]
    world.stripe.faults = lambda what: None
    await world.hurry()
    await world.heard()
    assert len(world.objects.charged) == before + 1
    # The share is 120,000 again, no longer below the threshold, and is left alone.
    assert (await automatic(world), await world.deposit()) == (["paid"], "120000")
    await world.office.books()


@dataclass(frozen=True, slots=True)
class Late:
    """A connection of somebody who is held up between reading what is low and charging it."""

    conn: Connection
    meanwhile: Callable[[], Awaitable[None]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.conn, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self.meanwhile()
        async with self.conn.transaction():
            yield


async def test_a_worker_that_comes_late_charges_nothing_twice(world: PaymentsWorld) -> None:
    """The other one charged the card and booked it since this one read that the share is low."""
    await kept_card(world)
    await lower_share(world)
    assert await set_top_up(world) == 200
    async with await connect(world.url) as conn:
        late = cast("Connection", Late(conn, world.heard))
        assert await begin_charges(late, now=world.office.now) == 0
    await world.heard()
    assert (await automatic(world), await world.deposit()) == (["paid"], "120000")


async def test_the_card_of_a_company_that_is_stopped_is_left_alone(world: PaymentsWorld) -> None:
    await kept_card(world)
    await lower_share(world)
    assert await set_top_up(world) == 200
    await world.office.post("operator", "companies/gaonde/suspend", {"reason": "점검"})
    await world.heard()
    assert await automatic(world) == []


async def test_a_top_up_is_what_a_card_can_pay(world: PaymentsWorld) -> None:
    """Parts of a won used to be a fault of ours, and too much was found out at the charge."""
    await kept_card(world)
    for amount in ("30000.5", 999, 100_000_000):
        assert await set_top_up(world, amount_krw=amount) == 409


async def test_a_declined_card_is_not_tried_again_by_itself(world: PaymentsWorld) -> None:
    await kept_card(world)
    await lower_share(world)
    world.objects.declining.add("pm_card_visa")
    assert await set_top_up(world) == 200
    await world.heard()
    await world.heard()
    assert (await automatic(world), await world.deposit()) == (["failed"], "90000")
    card = await world.office.get("gaonde", "cards/gaonde")
    assert (card["automatic"], card["paused"]) == (False, "card_declined")
    world.objects.declining.clear()
    assert await set_top_up(world) == 200
    await world.heard()
    assert await automatic(world) == ["failed", "paid"]


async def test_a_dispute_turns_the_automatic_top_up_off(world: PaymentsWorld) -> None:
    await kept_card(world)
    _, intent = await world.paid(20_000, voucher=None)
    await world.heard()
    assert await set_top_up(world, threshold_krw=0) == 200
    world.objects.dispute(intent, 20_000)
    await world.heard()
    card = await world.office.get("gaonde", "cards/gaonde")
    assert (card["automatic"], card["paused"]) == (False, "disputed")


async def test_a_card_is_not_charged_again_for_a_voucher_that_takes_nothing(world: PaymentsWorld) -> None:
    """As near to the most that one voucher reaches as a top-up is to it."""
    await kept_card(world)
    await World(world.conn, world.office.secrets).apply(
        "programmes:\n- {id: ai-2026, budget_krw: 9000000000, max_voucher_krw: 9000000000}\n"
        f"vouchers:\n- {{id: {VOUCHER_ID}, government_krw: 7000000000, self_deposit_krw: 2251000000}}\n"
    )
    asked = {"threshold_krw": 2_252_000_000, "amount_krw": 50_000_000}
    assert await set_top_up(world, **asked) == 200
    for _ in range(3):
        await world.hurry()
        await world.heard()
    assert (await automatic(world), await world.deposit()) == (["paid"], "2251000000")
    card = await world.office.get("gaonde", "cards/gaonde")
    assert (card["automatic"], card["paused"]) == (False, "above_voucher_max")
    assert (await world.own())[0] == "50010000"
    await world.office.books()


async def test_later_news_of_an_old_payment_brings_no_old_card_back(world: PaymentsWorld) -> None:
    """A refund of the payment that an earlier card was kept with used to have that card charged again."""
    await kept_card(world)
    [first] = world.objects.of("payment_intent")
    begun = await world.begin(10_000, "checkout", save_card=True)
    world.objects.pay_session(begun["checkout_url"].split("/")[-1], "pm_card_newer")
    await world.heard()
    world.objects.refund(first["id"], 1_000)
    await world.heard()
    [card] = await rows_of(world.conn, "select method_id from card")
    assert card == {"method_id": "pm_card_newer"}


async def test_a_card_that_is_taken_away_stays_away(world: PaymentsWorld) -> None:
    await kept_card(world)
    assert await set_top_up(world, threshold_krw=0) == 200
    assert await world.office.refused("hanbit", "cards/gaonde/remove") == (404, "not_found")
    removed = await world.office.post("gaonde", "cards/gaonde/remove")
    assert removed == {"id": "gaonde", "company": "gaonde", "label": "visa 4242"}
    assert await world.office.refused("gaonde", "cards/gaonde/remove") == (404, "not_found")
    # Stripe forgets it and its answer is lost; asked again, it has no such card, and that is that.
    world.stripe.faults = lambda what: "after" if what.endswith("/detach") else None
    await world.worked()
    assert [job["kind"] for job in await world.jobs()] == ["forget", "look"]
    world.stripe.faults = lambda what: None
    await world.hurry()
    await world.worked()
    assert world.objects.detached == ["pm_card_visa"]
    assert [job["kind"] for job in await world.jobs()] == ["look"]
    # News of the payment it was kept with brings nothing back, and nobody charges it.
    [intent] = world.objects.of("payment_intent")
    world.objects.refund(intent["id"], 1_000)
    await world.heard()
    await lower_share(world)
    await world.worked()
    assert (await world.office.call("gaonde", "GET", "cards/gaonde")).status_code == 404
    assert await automatic(world) == []
    await world.office.books()
