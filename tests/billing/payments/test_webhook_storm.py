"""Each event three times, shuffled, a tenth forged, Stripe failing, the worker killed in between.

The balances are those of one ordered delivery, told as it happened. The worker is killed as a process is:
its task is cancelled at one await after another, its connection closed, and another worker begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

from billing.database import connect
from billing.payments.work import PaymentWork
from tests.fakes.payments_world import PaymentsWorld
from tests.fakes.stripe_objects import Json
from tests.fakes.stripe_shapes import shape_faults
from tests.fakes.stripe_stand_in import signed

SEED = 20261122
FORGED_IN = 10
KILLED_AFTER_S = (0, 0.002, 0.01, 0.03, 0.1, 0.3)

# 100,000 were there; 100,000 and 20,000 come in for the voucher, 50,000 and 60,000 as own money.
AFTER = {
    "clearing/stripe": "-150000",  # 230,000 come in, 30,000 and 50,000 go back; a refund of 40,000 fails
    "company/gaonde/deposits": "-100000",
    "company/gaonde/own": "60000",
    "programme/ai-2026/budget": "-300000",
    "voucher/gaonde-2026/free": "400000.000001",
    "voucher/gaonde-2026/government": "300000",
    "voucher/gaonde-2026/line": "-400000.000001",
    "voucher/gaonde-2026/self": "190000",
}


async def happens(world: PaymentsWorld, *, told: bool) -> list[Json]:
    """A week at Stripe. `told`: after each turn the events are delivered once, in their order."""
    objects, events = world.objects, []

    async def turn() -> None:
        events.extend(objects.events)
        if told:
            await world.heard()
        objects.events.clear()

    _, refunded = await world.paid(100_000)
    await turn()
    begun = await world.begin(50_000, "checkout")
    session_id = begun["checkout_url"].split("/")[-1]
    disputed = objects.pay_session(session_id)["id"]
    await turn()
    objects.refund(refunded, 30_000)
    await turn()
    dispute = objects.dispute(disputed, 50_000)
    await turn()
    _, won = await world.paid(20_000)
    await turn()
    friendly = objects.dispute(won, 20_000)
    await turn()
    objects.decide(dispute["id"], "lost")
    objects.decide(friendly["id"], "won")
    await turn()
    _, failing = await world.paid(60_000, voucher=None)
    back = objects.refund(failing, 40_000)
    await turn()
    objects.refund_becomes(back["id"], "failed")
    expiring = (await world.begin(70_000, "checkout"))["checkout_url"].split("/")[-1]
    objects.expire_session(expiring)
    objects.tell("customer.created", {"id": "cus_1", "object": "customer"})
    await turn()
    return events


async def test_one_ordered_delivery(world: PaymentsWorld) -> None:
    events = await happens(world, told=True)
    assert await world.accounts() == AFTER
    assert shape_faults(world.objects.things.values()) == []
    assert shape_faults(events) == []
    cursor = await world.conn.execute("select outcome, count(*) from stripe_event_end group by 1 order by 1")
    ignored = [event["type"] for event in events if event["type"] in ("charge.succeeded", "customer.created")]
    handled = len(events) - len(ignored)
    assert await cursor.fetchall() == [("handled", handled), ("ignored", len(ignored))]


async def test_a_storm_comes_to_the_same(world: PaymentsWorld) -> None:
    chance = random.Random(SEED)
    events = await happens(world, told=False)
    world.stripe.faults = lambda what: chance.choice([None, None, None, "before", "after", "busy"])
    deliveries = events * 3
    chance.shuffle(deliveries)
    refused = 0
    for number, event in enumerate(deliveries):
        if number % FORGED_IN == 0:
            # Under a secret of the forger's, and with a signature of something else.
            forged = event | {"id": f"evt_forged{number}"}
            refused += await world.tell(forged, secret="whsec_guessed") == 400
            of_another = signed(event, "whsec_guessed")[1]
            refused += await world.post(signed(forged, "whsec_guessed")[0], of_another) == 400
        assert await world.tell(event) == 200
        if number % 7 == 0:
            await killed_after(world, chance.choice(KILLED_AFTER_S))
    assert refused == 2 * -(-len(deliveries) // FORGED_IN)
    world.stripe.faults = lambda what: None
    for _ in range(3):
        await world.hurry()
        await world.worked()
    assert await world.accounts() == AFTER
    assert [job for job in await world.jobs() if job["kind"] != "look"] == []
    cursor = await world.conn.execute(
        "select (select count(*) from stripe_event), (select count(*) from stripe_event_end)"
    )
    assert await cursor.fetchone() == (len(events), len(events))


async def killed_after(world: PaymentsWorld, seconds: float) -> None:
    """A worker that is ended after a while, wherever it is then."""
    await world.hurry()
    conn = await connect(world.url)
    try:
        task = asyncio.create_task(PaymentWork(world.rail, now=lambda: world.office.now).work_once(conn))
        await asyncio.wait({task}, timeout=seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        await conn.close()
