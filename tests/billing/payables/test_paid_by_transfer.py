"""Stripe Connect by its own SDK over HTTP: sent once whatever is lost, and back by its word."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from billing.casework.rows import rows_of
from billing.database import Connection, connect
from billing.payables.stripe_transfers import StripeTransfers
from billing.payables.work import PayoutWork
from billing.payments.stripe_adapter import StripeCards
from billing.payments.work import PaymentWork
from tests.fakes.books_world import WON
from tests.fakes.payables_world import PayablesWorld, payables_world
from tests.fakes.stripe_shapes import shape_faults
from tests.fakes.stripe_stand_in import Fault, StandIn, standing_in


@dataclass(slots=True)
class Connected:
    world: PayablesWorld
    stripe: StandIn
    work: PaymentWork
    conn: Connection  # the worker's

    async def approved(self, month: str = "2026-09") -> str:
        """A payable of 1,000 won of a provider with a connected account."""
        await self.world.call(1_000 * WON, month)
        await self.world.close(month)
        [payable] = await self.world.payables(month=month)
        await self.world.approved(payable["id"])
        return str(payable["id"])

    async def account(self, acct: str) -> str:
        entered = {"rail": "stripe", "number": acct, "holder": "누리모델"}
        made: str = (await self.world.office.post("nuri", "payout_accounts", entered))["id"]
        return made

    async def confirmed(self) -> str:
        acct = self.stripe.connect.account()["id"]
        await self.world.office.post("operator", f"payout_accounts/{await self.account(acct)}/confirm")
        return str(acct)

    async def paid(self, payable: str) -> None:
        await self.world.office.post("operator", f"payables/{payable}/pay")
        await self.worked()
        assert await self.world.state(payable) == "paid"

    async def worked(self) -> None:
        await self.conn.execute("update payment_job set due_at = clock_timestamp()")
        await self.work.work_once(self.conn)

    async def hear(self) -> None:
        """Webhooks, as the office would have stored them."""
        for event in self.stripe.objects.events:
            await self.conn.execute(
                "insert into stripe_event (id, type, body) values (%s, %s, %s)",
                [event["id"], event["type"], json.dumps(event).encode()],
            )
            await self.conn.execute("insert into payment_job (kind, ref) values ('event', %s)", [event["id"]])
        self.stripe.objects.events.clear()
        await self.worked()

    async def jobs(self) -> list[tuple[str, str | None]]:
        found = await rows_of(self.conn, "select kind, trouble from payment_job order by 1")
        return [(row["kind"], row["trouble"]) for row in found]


@pytest.fixture
async def connected(books_url: str) -> AsyncIterator[Connected]:
    async with standing_in() as stripe, await connect(books_url) as conn:
        transfers = StripeTransfers("sk_test_tests", base=stripe.base)
        cards = StripeCards("sk_test_tests", base=stripe.base)
        try:
            async with payables_world(books_url, transfers=transfers) as world:
                payouts = PayoutWork(transfers, world.office.secrets, now=lambda: world.office.now)
                work = PaymentWork(cards, payouts=payouts, now=lambda: world.office.now)
                yield Connected(world, stripe, work, conn)
        finally:
            await transfers.aclose()
            await cards.aclose()


async def test_sent_once_whatever_is_lost_and_back_by_its_word(connected: Connected) -> None:
    world, stripe = connected.world, connected.stripe
    payable = await connected.approved()
    assert await world.office.refused("operator", f"payables/{payable}/pay") == (
        409,
        "payout_account_missing",
    )
    acct = await connected.confirmed()
    await world.office.post("operator", f"payables/{payable}/pay")
    assert await world.state(payable) == "in_payment"
    assert await world.accounts() == {"provider/nuri/in_payment": 1_000 * WON}
    lost: list[Fault] = ["after", "after", "after"]
    stripe.faults = lambda what: lost.pop() if what.startswith("POST /v1/transfers") and lost else None
    await connected.worked()  # and once more by the SDK, under the same key
    assert [kind for kind, trouble in await connected.jobs() if trouble] == ["transfer"]
    assert await world.state(payable) == "in_payment"
    await connected.worked()
    assert await world.state(payable) == "paid"
    assert await world.accounts() == {"clearing/stripe/out": 1_000 * WON}
    [sent] = stripe.connect.sent
    assert (sent["amount"], sent["currency"], sent["destination"]) == (1_000, "krw", acct)
    assert await connected.jobs() == []

    # All of it goes back by hand: the following entries.
    stripe.connect.reverse(sent["id"])
    await connected.hear()
    assert await world.state(payable) == "failed"
    assert await world.accounts() == {"provider/nuri/payable": 1_000 * WON}
    [payout] = (await world.office.get("nuri", "payouts"))["data"]
    assert (payout["state"], payout["return_reason"]) == ("returned", "reversed at Stripe")
    assert shape_faults(stripe.objects.things.values()) == []


async def test_what_comes_back_in_parts_is_owed_again_and_paid_anew(connected: Connected) -> None:
    """It used to be logged, and the books said that all of it had arrived."""
    world, stripe = connected.world, connected.stripe
    payable = await connected.approved()
    await connected.confirmed()
    await connected.paid(payable)
    [sent] = stripe.connect.sent
    stripe.connect.reverse(sent["id"], 300)
    await connected.hear()
    out, owed = "clearing/stripe/out", "provider/nuri/payable"
    assert await world.accounts() == {owed: 300 * WON, out: 700 * WON}
    stripe.connect.reverse(sent["id"], 200)
    stripe.connect.reverse(sent["id"], 500)
    await connected.hear()
    await connected.hear()
    assert await world.accounts() == {owed: 1_000 * WON}
    # What arrived is settled, and stays so; each part has its own way, by two people.
    assert await world.state(payable) == "paid"
    parts = await world.payables(kind="reversal")
    assert {(one["back_krw"], one["amount_krw"], one["state"], one["of_payable"]) for one in parts} == {
        (won, won, "due", payable) for won in ("300", "200", "500")
    }
    shown = await world.office.get("nuri", f"payables/{payable}")
    assert (shown["reversed_krw"], shown["holdback_released"]) == ("1000", False)
    [payout] = (await world.office.get("nuri", "payouts"))["data"]
    assert (payout["state"], payout["reversed_krw"]) == ("paid", "1000")
    first = parts[0]["id"]
    log = (await world.office.get("nuri", f"payables/{first}/log"))["data"]
    assert [(one["action"], one["reason"]) for one in log] == [("make", "reversed at Stripe")]
    await world.approved(first)
    await connected.paid(first)
    assert await world.accounts() == {owed: 700 * WON, out: 300 * WON}
    # The next month knows nothing of it, and what is reversed of the new payment has its way too.
    await world.call(1_000 * WON, "2026-10")
    await world.close("2026-10")
    stripe.connect.reverse(stripe.connect.sent[1]["id"], 100)
    await connected.hear()
    assert await world.accounts() == {owed: 1_800 * WON, out: 200 * WON}
    assert shape_faults(stripe.objects.things.values()) == []


async def test_what_stripe_refuses_is_failed_with_its_reason(connected: Connected) -> None:
    world, stripe = connected.world, connected.stripe
    waiting = stripe.connect.account(transfers="pending")["id"]
    for acct in (waiting, "acct_1nobody"):
        entered = await connected.account(acct)
        refused = await world.office.refused("operator", f"payout_accounts/{entered}/confirm")
        assert refused == (409, "account_takes_nothing")
    stripe.faults = lambda _: "before"
    assert await world.office.refused("operator", f"payout_accounts/{entered}/confirm") == (
        409,
        "account_unchecked",
    )
    stripe.faults = lambda _: None
    payable = await connected.approved()
    await connected.confirmed()
    stripe.connect.available_won = 999
    await world.office.post("operator", f"payables/{payable}/pay")
    await connected.worked()
    assert await world.state(payable) == "failed"
    assert await world.accounts() == {"provider/nuri/payable": 1_000 * WON}
    log = (await world.office.get("operator", f"payables/{payable}/log"))["data"]
    assert (log[-1]["action"], log[-1]["role"]) == ("fail", "clock")
    assert "balance_insufficient" in log[-1]["reason"]
    stripe.connect.available_won = 1_000
    await world.office.post("operator", f"payables/{payable}/retry", {"reason": "잔액 확보"})
    await world.approved(payable)
    await world.office.post("operator", f"payables/{payable}/pay")
    await connected.worked()
    assert await world.state(payable) == "paid"
    assert [one["transfer_group"] for one in stripe.connect.sent] == ["po-000002"]
