"""The lives of what is stopped at once, and of what alerts are sent by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from billing.alerts import outbox
from billing.alerts.outbox import Outcome
from billing.casework.rows import row_of
from billing.lifecycle import api_key, company, delivery, webhook
from tests.portal.api.route_table import BODIES
from tests.portal.lives.life import Ask, Life, Stage, Turn

EXPIRES: Final = datetime(2099, 1, 1, tzinfo=UTC)
HOOK: Final = {"url": "https://hooks.example.com/lives"}
KEY: Final = {"company": "gaonde", "name": "lives", "expires_at": EXPIRES.isoformat()}


async def _expires(stage: Stage, _: str) -> None:
    stage.office.now = max(stage.office.now, EXPIRES)


async def _a_test_message(stage: Stage) -> None:
    hook = (await stage.office.post("operator", "webhooks", HOOK))["id"]
    await stage.office.post("operator", f"webhooks/{hook}/test")
    stage.names["delivery"] = (await stage.office.get("operator", "deliveries"))["data"][0]["id"]


async def _is_refused(stage: Stage, webhook_id: str) -> None:
    """A receiver that answers 410 wants no more."""
    row = {"id": "none", "webhook_id": webhook_id, "attempts": 1}
    await outbox.settle(
        stage.conn, row, Outcome("answered 410", is_final=True, is_gone=True), now=stage.office.now
    )


def _ends(outcome: Outcome) -> Turn:
    async def turn(stage: Stage, delivery_id: str) -> None:
        row = await row_of(stage.conn, "select * from delivery where id = %s", [delivery_id])
        await outbox.settle(stage.conn, row, outcome, now=stage.office.now)

    return turn


LIVES: Final = (
    Life(
        company.TABLE,
        "companies",
        there="gaonde",
        asks={
            "make": Ask("POST companies", BODIES["Company"]),
            "change": Ask("PATCH companies/{id}", {"data_locations": ["KR"]}),
        },
        again={"make": frozenset({"id_taken"})},
    ),
    Life(
        api_key.TABLE,
        "api_keys",
        asks={
            "make": Ask("POST api_keys", KEY),
            "change": Ask("PATCH api_keys/{id}", {"allowed_ips": ["192.0.2.1"]}),
            "revoke": Ask("PATCH api_keys/{id}", {"revoked": True}),
        },
        clock={"expire": _expires},
        again={"make": frozenset({"id_taken"})},
    ),
    Life(
        webhook.TABLE,
        "webhooks",
        asks={
            "make": Ask("POST webhooks", HOOK, of_asker=True),
            "change": Ask("PATCH webhooks/{id}", {"kinds": ["programme_balance"]}),
        },
        clock={"refuse": _is_refused},
        takers=frozenset({"operator"}),
    ),
    Life(
        delivery.TABLE,
        "deliveries",
        begin=_a_test_message,
        there="{delivery}",
        clock={"send": _ends(Outcome()), "give_up": _ends(Outcome("answered 410", is_final=True))},
        takers=frozenset({"operator"}),
    ),
)
