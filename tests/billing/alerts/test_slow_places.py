"""Places that are slow, ask for a pause or are many: they hold up themselves, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from billing.alerts import outbox, places
from billing.alerts.mail import WHOLE_TIMEOUT_S, Relay
from billing.alerts.outbox import LEASE, WAIT_MAX
from billing.alerts.posting import TIMEOUT_S, Poster, outcome_of
from billing.lifecycle.table import Refused
from tests.billing.alerts.conftest import Told
from tests.billing.alerts.test_sending import ROW
from tests.fakes.mail_server import mail_server


async def test_a_receiver_that_asks_for_a_pause_has_it(told: Told) -> None:
    """Of all that waits for it, and not only of what it refused."""
    told.hook.answers, told.hook.retry_after = [429, 503], "600"
    await told.pay(3)
    await told.work()
    assert {row["last_error"] for row in await told.deliveries("webhook")} == {
        None,
        "answered 429: asks for 600 s",
        "answered 503: asks for 600 s",
    }
    told.later(timedelta(seconds=599))
    await told.work()
    assert len(told.hook.got) == 2
    told.later(timedelta(seconds=1))
    await told.work()
    assert {row["state"] for row in await told.deliveries("webhook")} == {"sent"}
    assert len(told.hook.got) == 5


async def test_a_receiver_that_asks_for_ever_is_tried_all_the_same(told: Told) -> None:
    told.hook.answers, told.hook.retry_after = [429], "999999"
    await told.pay()
    await told.work()
    told.later(WAIT_MAX)
    await told.work()
    assert await told.states("webhook") == [("sent", 2, None)]


@pytest.mark.parametrize(
    ("status", "retry_after", "wait_s", "is_final"),
    [
        (429, "120", 120, False),
        (503, " 5 ", 5, False),
        (429, None, 0, False),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", 0, False),
        (429, "-5", 0, False),
        (429, "9" * 400, 0, False),
        (500, "120", 0, False),
        (410, "120", 0, True),
        (200, "120", 0, False),
    ],
)
def test_which_pause_is_heard(status: int, retry_after: str | None, wait_s: int, is_final: bool) -> None:
    outcome = outcome_of(status, retry_after)
    assert (outcome.wait, outcome.is_final) == (timedelta(seconds=wait_s), is_final)


async def test_a_receiver_that_took_it_and_never_ends_its_answer_took_it(told: Told) -> None:
    told.hook.answers = ["stall"]
    await told.pay()
    await told.work()
    assert await told.states("webhook") == [("sent", 1, None)]


async def test_who_has_many_places_takes_turns_with_the_others(told: Told) -> None:
    async with told.office.pool.connection() as conn:
        async with conn.transaction():
            for _ in range(5):
                await places.make_hook(
                    conn, told.office.secrets, told.hook.url, None, deed=told.deed(), allow_private=True
                )
        await told.pay(2)
        await outbox.fan_out(conn, now=told.now, has_mail=True)
        told.later(timedelta(seconds=1))
        await conn.execute(
            "insert into alert (key, kind, company_id, for_agency, about, at)"
            " values ('k', 'voucher_suspended', 'gaonde', false, 'v1', %s)",
            [told.now],
        )
        await outbox.fan_out(conn, now=told.now, has_mail=True)
        taken = await outbox.take(conn, now=told.now, has_mail=True, most=4)
    assert len(taken) == 4
    assert "gaonde" in [row["of_company"] for row in taken]


async def test_a_name_that_nobody_answers_for_keeps_no_other_waiting(told: Told) -> None:
    """The threads of the whole process are all taken, as lookups of such names would."""
    url = told.hook.url.replace("127.0.0.1", "localhost")
    row = ROW | {"url": url, "webhook_id": told.webhook_id, "sealed_former": None}
    row |= {"of_company": None, "of_provider": "nuri"}
    async with told.office.pool.connection() as conn:
        row["sealed"] = (await places.find_hook(conn, told.webhook_id))["sealed"]
    free = threading.Event()
    taken = [asyncio.create_task(asyncio.to_thread(free.wait)) for _ in range(64)]
    poster = Poster(told.office.secrets, allow_private=True, timeout_s=2.0)
    try:
        outcome = await poster.send(row, now=told.now)
    finally:
        free.set()
        await asyncio.gather(*taken)
        await poster.close()
    assert outcome.error is None


async def test_a_mail_relay_has_less_time_than_a_delivery_is_taken_for() -> None:
    """Slow at each word, it would else be at work when another worker sends the same again."""
    assert max(WHOLE_TIMEOUT_S, TIMEOUT_S) < LEASE.total_seconds()
    async with mail_server() as server:
        server.slow_s = 0.4
        relay = Relay("127.0.0.1", server.port, "alerts@agency.example", security="none", whole_timeout_s=0.2)
        assert (await relay.send(ROW)).error == "no mail to the relay: TimeoutError"
        assert server.mails == []


async def test_one_test_message_at_a_time(told: Told) -> None:
    async def test() -> None:
        async with told.office.pool.connection() as conn, conn.transaction():
            await places.move_hook(conn, told.webhook_id, "test", deed=told.deed())

    async def mail() -> None:
        async with told.office.pool.connection() as conn, conn.transaction():
            await places.mail_test(conn, told.deed())

    for ask in (test, mail):
        told.payouts += 1  # another request
        await ask()
        told.payouts += 1
        with pytest.raises(Refused) as refused:
            await ask()
        assert refused.value.code == "test_waits"
        await told.work()
        await ask()
