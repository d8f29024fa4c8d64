"""Who may tell of payments: only what is signed by a secret of ours, now, and within limits."""

from __future__ import annotations

import json
import time

import psycopg
import pytest

from billing.payments.webhooks import BODY_BYTES_MAX, TOLERANCE_S, is_signed, secrets_of
from tests.fakes.payments_world import OLDER, SECRET, PaymentsWorld
from tests.fakes.stripe_stand_in import signed

EVENT = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
NOW_S = int(time.time())


@pytest.mark.parametrize(
    ("text", "secrets"),
    [(None, ()), ("", ()), (" , ,", ()), ("a", ("a",)), ("a, b,", ("a", "b"))],
)
def test_an_empty_secret_is_none(text: str | None, secrets: tuple[str, ...]) -> None:
    assert secrets_of(text) == secrets


@pytest.mark.parametrize(
    ("age_s", "good"),
    [
        (0, True),
        (TOLERANCE_S - 20, True),
        (TOLERANCE_S + 20, False),
        (-TOLERANCE_S + 20, True),
        (-TOLERANCE_S - 20, False),
    ],
)
def test_a_signature_is_of_now(age_s: int, good: bool) -> None:
    body, header = signed(EVENT, SECRET, at_s=NOW_S - age_s)
    assert is_signed(body, header, [OLDER, SECRET], now_s=NOW_S) is good


def test_what_is_not_signed_by_us_is_not_believed() -> None:
    body, header = signed(EVENT, SECRET)
    bad = ["", "t=1", "v1=ff", "t=x,v1=ff", header.replace("v1=", "v0="), "t=1,v1=é", "t" * 5_000]
    assert [one for one in bad if is_signed(body, one, [SECRET], now_s=NOW_S)] == []
    assert not is_signed(body + b" ", header, [SECRET], now_s=NOW_S)
    assert not is_signed(b"\xff", header, [SECRET], now_s=NOW_S)
    assert not is_signed(body, header, ["other"], now_s=NOW_S)
    assert not is_signed(body, signed(EVENT, "")[1], ["", " "], now_s=NOW_S)
    assert not is_signed(body, signed(EVENT, "")[1], [], now_s=NOW_S)


async def test_an_event_is_stored_once_and_never_changed(world: PaymentsWorld) -> None:
    assert [await world.tell(EVENT), await world.tell(EVENT, secret=OLDER)] == [200, 200]
    unknown = EVENT | {"id": "evt_2", "type": "invented.by.them"}
    assert await world.tell(unknown) == 200
    # Of an account that is not ours: it is not there, and that is all. It used to be asked for ever.
    session = {"id": "evt_3", "type": "checkout.session.completed", "data": {"object": {"id": "cs_1"}}}
    assert await world.tell(session) == 200
    large, header = signed(EVENT | {"padding": "x" * BODY_BYTES_MAX}, SECRET)
    assert await world.post(large, header) == 413
    assert await world.post(*signed({"no": "event"}, SECRET)) == 400
    await world.worked()
    cursor = await world.conn.execute(
        "select s.id, s.type, e.outcome, s.body from stripe_event s"
        " left join stripe_event_end e on e.event_id = s.id order by 1"
    )
    stored = await cursor.fetchall()
    assert [row[:3] for row in stored] == [
        ("evt_1", "payment_intent.succeeded", "not ours"),
        ("evt_2", "invented.by.them", "ignored"),
        ("evt_3", "checkout.session.completed", "not ours"),
    ]
    assert json.loads(stored[0][3]) == EVENT
    for table in ("stripe_event", "stripe_event_end", "payment_fact", "payment_entry", "bank_line"):
        for change in (f"delete from {table}", f"truncate {table} cascade"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await world.conn.execute(change.encode())


async def test_a_signed_lie_moves_no_money(world: PaymentsWorld) -> None:
    """Even who has the secret only makes us look: what was paid is asked of Stripe."""
    begun = await world.begin(50_000)
    intent = begun["client_secret"]
    [row] = world.objects.of("payment_intent")
    lie = json.loads(json.dumps(row)) | {"status": "succeeded", "amount_received": 50_000}
    told = {"id": "evt_lie", "type": "payment_intent.succeeded", "data": {"object": lie}}
    assert intent
    assert await world.tell(told) == 200
    await world.worked()
    assert await world.state(begun["id"]) == "started"
    assert await world.own() == ("0", "0")


async def test_without_a_secret_no_webhook_is_believed(world: PaymentsWorld) -> None:
    from portal import webhooks
    from portal.problem import Problem

    route = webhooks.router(world.office.pool, secrets_of("")).routes[0]
    with pytest.raises(Problem) as refused:
        await route.endpoint(None)  # type: ignore[attr-defined]
    assert refused.value.status == 404
