"""A payment at localstripe, a process of its own: paid there, told by a webhook, spent here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from billing.database import connect
from billing.payments.stripe_adapter import StripeCards
from billing.payments.work import PaymentWork
from tests.fakes import local_stripe
from tests.fakes.hook_catcher import Catcher, Hook, catching
from tests.fakes.local_stripe import LocalStripe
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

SECRET = "whsec_of_the_tests"


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
async def rail(process: LocalStripe) -> AsyncIterator[StripeCards]:
    cards = StripeCards("sk_test_tests", base=process.base)
    yield cards
    await cards.aclose()


@pytest.fixture
async def world(books_url: str, rail: StripeCards) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url, cards=rail, webhook_secrets=("", "whsec_older", SECRET)) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def told(world: OfficeWorld, hook: Hook) -> int:
    answer = await world.http.post(
        "/webhooks/stripe", content=hook.body, headers={"Stripe-Signature": hook.signature}
    )
    return answer.status_code


async def worked(books_url: str, rail: StripeCards) -> int:
    async with await connect(books_url) as conn:
        return await PaymentWork(rail).work_once(conn)


async def test_a_payment_raises_what_the_voucher_may_spend(
    world: OfficeWorld, rail: StripeCards, process: LocalStripe, catcher: Catcher, books_url: str
) -> None:
    asked = {"amount_krw": 500_000, "method": "intent", "voucher": "gaonde-2026"}
    begun = await world.post("gaonde", "payments", asked)
    assert begun["state"] == "started"
    assert begun["client_secret"].startswith("pi_")
    # The payer, in the browser.
    intent = begun["client_secret"].partition("_secret_")[0]
    process.post(f"payment_intents/{intent}", payment_method="pm_card_visa")
    process.post(f"payment_intents/{intent}/confirm")
    hooks = await catcher.until(1)
    # localstripe signs with the real clock, and the office of the tests lives in March.
    world.now = world.now.now(tz=world.now.tzinfo)
    assert await told(world, hooks[0]) == 200
    assert await worked(books_url, rail) == 1
    assert (await world.get("gaonde", f"payments/{begun['id']}"))["state"] == "paid"
