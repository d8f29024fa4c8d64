"""Stripe Connect by its own SDK over HTTP: sent once whatever is lost, and back by its word."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.casework.rows import rows_of
from billing.database import Connection, connect
from billing.payables.stripe_reading import read_transfer, takes_transfers
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

    # A part goes back by hand: nothing is booked. All of it does: the following entries.
    stripe.connect.reverse(sent["id"], 1)
    await connected.hear()
    assert await world.state(payable) == "paid"
    stripe.connect.reverse(sent["id"])
    await connected.hear()
    assert await world.state(payable) == "failed"
    assert await world.accounts() == {"provider/nuri/payable": 1_000 * WON}
    [payout] = (await world.office.get("nuri", "payouts"))["data"]
    assert (payout["state"], payout["return_reason"]) == ("returned", "reversed at Stripe")
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


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
GOOD = {
    "id": "tr_1",
    "amount": 10,
    "amount_reversed": 0,
    "reversed": False,
    "currency": "krw",
    "transfer_group": "po-000001",
    "metadata": {"payout": "po-000001"},
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ["paid"]),
        ({"amount_reversed": 10, "reversed": True}, ["paid", "returned"]),
        ({"amount_reversed": 9}, ["paid"]),
        ({"amount_reversed": 9, "reversed": True}, ["paid"]),
        ({"metadata": {"payout": "po-000002"}}, None),
        ({"metadata": {}}, None),
        ({"metadata": []}, None),
        ({"transfer_group": None}, None),
        ({"currency": "usd"}, None),
        ({"amount": True}, None),
        ({"amount": 10.0}, None),
        ({"amount_reversed": 11}, None),
        ({"id": 7}, None),
    ],
)
def test_a_transfer_is_read(changed: dict[str, object], words: list[str] | None) -> None:
    read = read_transfer(GOOD | changed)
    assert (None if read is None else [one.word for one in read.told]) == words


@given(ANYTHING, ANYTHING)
def test_any_json_is_read_or_left(value: object, other: object) -> None:
    for name in GOOD:
        read_transfer(GOOD | {name: value})
    assert takes_transfers({"capabilities": value, "deleted": other}) in (True, False)
