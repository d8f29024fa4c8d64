"""Each event three times, shuffled, a tenth forged, Stripe failing, the worker killed in between.

It comes to what one ordered delivery comes to, told as it happened, in books of its own. The worker is a
process, with Stripe's own library over HTTP, and is ended by kill -9: while Stripe answers, or soon after.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable

from billing.casework.rows import rows_of
from tests.fakes.payments_process import WorkerProcess, worker_process
from tests.fakes.payments_world import SECRET, PaymentsWorld, payments_world
from tests.fakes.stripe_objects import Json
from tests.fakes.stripe_shapes import shape_faults
from tests.fakes.stripe_stand_in import signed

SEED = 20261122
FORGED_IN = 10
KILLED_IN = 7  # calls to Stripe
KILLED_AFTER_S = (0, 0.001, 0, 0.01, 0.03)  # 0: it never hears the answer
KILLS_MIN = 8

# 100,000 were there; 100,000 and 20,000 come in for the voucher, 50,000 and 60,000 as own money.
AFTER = {
    # 230,000 come in, 30,000 and 50,000 go back, a refund of 40,000 fails; 8,280 are kept of the payments and
    # 15,000 for the lost dispute. What it kept for the one that was won it gave back.
    "clearing/stripe": "-126720",
    "fees/stripe": "-23280",
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


async def everything(world: PaymentsWorld) -> dict[str, object]:
    """Balances, states, and which entries were booked for what."""
    return {
        "accounts": await world.accounts(),
        "own and owed": await world.own(),
        "self share": await world.deposit(),
        "payments": await rows_of(world.conn, "select id, state, intent_id from payment order by id"),
        "entries": await rows_of(world.conn, "select key, amount_micro from payment_entry order by key"),
    }


async def ordered(books_url: str) -> dict[str, object]:
    """What one delivery in order comes to."""
    async with payments_world(books_url) as world:
        events = await happens(world, told=True)
        assert await world.accounts() == AFTER
        arrives = sum(moved["net"] for moved in world.objects.of("balance_transaction"))
        assert AFTER["clearing/stripe"] == f"-{arrives}"
        assert shape_faults(world.objects.things.values()) == []
        assert shape_faults(events) == []
        outcomes = await rows_of(
            world.conn, "select outcome, count(*) from stripe_event_end group by 1 order by 1"
        )
        ignored = [one["type"] for one in events if one["type"] in ("charge.succeeded", "customer.created")]
        assert outcomes == [
            {"outcome": "handled", "count": len(events) - len(ignored)},
            {"outcome": "ignored", "count": len(ignored)},
        ]
        return await everything(world)


def stormy(events: list[Json], chance: random.Random) -> list[tuple[bytes, str, int]]:
    """Bodies with their signatures and the status that they get: three of each event, and a tenth forged."""
    true = [(*signed(event, SECRET), 200) for event in events * 3]
    forged = []
    for number in range(round(len(true) / (FORGED_IN - 1))):
        lie = chance.choice(events) | {"id": f"evt_forged{number}"}
        body, guessed = signed(lie, "whsec_guessed")
        of_another = signed(chance.choice(events), SECRET)[1]
        forged.append((body, (guessed, of_another)[number % 2], 400))
    deliveries = true + forged
    assert abs(len(forged) * FORGED_IN - len(deliveries)) < FORGED_IN
    chance.shuffle(deliveries)
    return deliveries


def failing(worker: WorkerProcess, chance: random.Random) -> Callable[[str], str | None]:
    """Stripe's side: some calls fail, and in the middle of every seventh the worker is killed."""
    calls = itertools.count(1)
    after_s = itertools.cycle(KILLED_AFTER_S)

    def fault(_: str) -> str | None:
        if next(calls) % KILLED_IN == 0:
            delay_s = next(after_s)
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, worker.kill)
            else:
                worker.kill()
            return None
        return chance.choice([*[None] * 9, "before", "after", "busy"])

    return fault


async def test_a_storm_comes_to_what_one_ordered_delivery_comes_to(
    world: PaymentsWorld, module_books_url: str
) -> None:
    wanted = await ordered(module_books_url)
    chance = random.Random(SEED)
    events = await happens(world, told=False)
    with worker_process(world.url, stripe_base=world.stripe.base, now=world.office.now) as worker:
        world.stripe.faults = failing(worker, chance)
        for body, header, status in stormy(events, chance):
            assert await world.post(body, header) == status
            worker.live()
            await world.hurry()
        async with asyncio.timeout(150):
            while any(job["kind"] != "look" for job in await world.jobs()):
                worker.live()
                await world.hurry()
                await asyncio.sleep(0.02)
        world.stripe.faults = lambda what: None
    assert worker.killed > KILLS_MIN
    assert await everything(world) == wanted
    stored = await rows_of(
        world.conn,
        "select (select count(*) from stripe_event) as told,"
        " (select count(*) from stripe_event_end) as heard",
    )
    assert stored == [{"told": len(events), "heard": len(events)}]
