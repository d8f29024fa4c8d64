"""A payment at localstripe, a process of its own: paid there, told by its webhook, refunded from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.fakes import local_stripe
from tests.fakes.hook_catcher import Catcher, catching
from tests.fakes.local_stripe import LocalStripe
from tests.fakes.payments_world import SECRET, VOUCHER_ID, PaymentsWorld, payments_world


@pytest.fixture(scope="module")
def process() -> Iterator[LocalStripe]:
    with local_stripe.started() as local:
        yield local


@pytest.fixture
async def catcher(process: LocalStripe) -> AsyncIterator[Catcher]:
    async with catching() as catcher:
        process.forget_everything()
        process.send_webhooks_to(catcher.url, SECRET)
        yield catcher


@pytest.fixture
async def world(books_url: str, process: LocalStripe) -> AsyncIterator[PaymentsWorld]:
    async with payments_world(books_url, base=process.base) as world:
        yield world


async def test_a_payment_raises_what_the_voucher_may_spend(
    world: PaymentsWorld, process: LocalStripe, catcher: Catcher
) -> None:
    begun = await world.begin(50_000, voucher=VOUCHER_ID)
    assert begun["state"] == "started"
    # The payer, in the browser: the first card is refused, the second is not.
    intent = f"payment_intents/{begun['client_secret'].partition('_secret_')[0]}"
    process.post(intent, payment_method="pm_card_chargeCustomerFail")
    with pytest.raises(httpx2.HTTPStatusError):
        process.post(f"{intent}/confirm")
    [declined] = await catcher.until(1)
    assert await world.post(declined.body, declined.signature) == 200
    await world.worked()
    assert (await world.state(begun["id"]), await world.deposit()) == ("started", "100000")
    again = await world.begin(50_000, voucher=VOUCHER_ID)
    intent = f"payment_intents/{again['client_secret'].partition('_secret_')[0]}"
    process.post(intent, payment_method="pm_card_visa")
    process.post(f"{intent}/confirm")
    paid = (await catcher.until(2))[1]
    assert [await world.post(paid.body, paid.signature) for _ in range(3)] == [200, 200, 200]
    await world.worked()
    assert (await world.state(again["id"]), await world.deposit()) == ("paid", "150000")
    funds = await world.conn.execute("select self_micro, capacity_micro >= 400000000000 from funds")
    assert await funds.fetchone() == (150_000_000_000, True)
    # localstripe says nothing of refunds: the worker looks for itself.
    back = {"amount_krw": 20_000, "reason": "과오납"}
    await world.office.post("operator", f"payments/{again['id']}/refund", back)
    await world.worked()
    assert (await world.state(again["id"]), await world.deposit()) == ("partly_refunded", "130000")
    assert (await world.accounts())["clearing/stripe"] == "-30000"
    assert [job["kind"] for job in await world.jobs()] == ["look", "look"]
