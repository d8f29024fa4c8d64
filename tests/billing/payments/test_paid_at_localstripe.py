"""A payment at localstripe, a process of its own: paid there, told by its webhook, refunded from here."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.fakes import local_stripe
from tests.fakes.hook_catcher import Catcher, catching
from tests.fakes.local_stripe import LocalStripe
from tests.fakes.payments_world import SECRET, VOUCHER_ID, PaymentsWorld, payments_world
from tests.fakes.stripe_proxy import Proxy, proxy_before


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
async def proxy(process: LocalStripe) -> AsyncIterator[Proxy]:
    async with proxy_before(process.base) as proxy:
        yield proxy


@pytest.fixture
async def world(books_url: str, proxy: Proxy) -> AsyncIterator[PaymentsWorld]:
    async with payments_world(books_url, base=proxy.base) as world:
        yield world


def pay(process: LocalStripe, client_secret: str) -> None:
    """The payer, in the browser."""
    intent = f"payment_intents/{client_secret.partition('_secret_')[0]}"
    process.post(intent, payment_method="pm_card_visa")
    process.post(f"{intent}/confirm")


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
    pay(process, again["client_secret"])
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


async def test_webhooks_late_twice_shuffled_and_forged_behind_a_failing_proxy(
    world: PaymentsWorld, process: LocalStripe, catcher: Catcher, proxy: Proxy
) -> None:
    chance = random.Random(7)
    begun = [await world.begin(won, voucher=VOUCHER_ID) for won in (10_000, 20_000, 30_000)]
    for one in begun:
        pay(process, one["client_secret"])
    hooks = await catcher.until(len(begun))
    proxy.faults = lambda what: chance.choice([None, "before", "after"])
    for hook in chance.sample(hooks * 3, 3 * len(hooks)):
        forged = await world.post(hook.body.replace(b"succeeded", b"succeedad"), hook.signature)
        assert (forged, await world.post(hook.body, hook.signature)) == (400, 200)
        if chance.random() < 0.3:
            await world.work.work_once(world.conn)
    proxy.faults = lambda what: None
    for _ in range(2):
        await world.hurry()
        await world.worked()
    assert [await world.state(one["id"]) for one in begun] == ["paid"] * len(begun)
    assert (await world.accounts())["clearing/stripe"] == "-60000"
    # A refund whose answers are lost: localstripe makes one.
    proxy.faults = lambda what: "after" if what == "POST /v1/refunds" else None
    back = {"amount_krw": 5_000, "reason": "과오납"}
    await world.office.post("operator", f"payments/{begun[2]['id']}/refund", back)
    await world.work.work_once(world.conn)
    proxy.faults = lambda what: None
    await world.hurry()
    await world.worked()
    assert await world.state(begun[2]["id"]) == "partly_refunded"
    assert (await world.accounts())["clearing/stripe"] == "-55000"
    assert await world.deposit() == "155000"
