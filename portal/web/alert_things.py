"""What is stopped at once, and what alerts are sent by, as pages."""

from __future__ import annotations

from typing import Final

from portal.web.facts import Fact
from portal.web.operations import Shown
from portal.web.thing import EVERYBODY, INSIDE, Thing
from portal.web.visit import Visit


def _delivery(shown: Shown, _: Visit) -> Shown:
    return {**shown, "happened_at": shown["at"]}


THINGS: Final = (
    Thing(
        "companies",
        "company",
        "name",
        (Fact("id"), Fact("brn"), Fact("class", key="class"), Fact("data_locations")),
        INSIDE,
        INSIDE,
    ),
    Thing(
        "api_keys",
        "api_key",
        "name",
        (
            *(Fact("company", "companies"), Fact("last_characters"), Fact("products")),
            *(Fact("allowed_ips"), Fact("created_at"), Fact("expires_at")),
        ),
        INSIDE,
        INSIDE,
        id_path="{id:path}",
    ),
    Thing(
        "webhooks",
        "webhook",
        "id",
        (
            *(Fact("url"), Fact("kinds"), Fact("company"), Fact("provider")),
            *(Fact("former_secret_until"), Fact("created_at")),
        ),
        EVERYBODY,
        EVERYBODY,
        template="webhook.html",
    ),
    Thing(
        "deliveries",
        "delivery",
        "id",
        (
            *(Fact("kind", key="kinds"), Fact("about"), Fact("happened_at"), Fact("channel", key="channel")),
            *(Fact("address"), Fact("attempts"), Fact("next_attempt_at"), Fact("last_error")),
            Fact("sent_at"),
        ),
        EVERYBODY,
        EVERYBODY,
        prepared=_delivery,
    ),
)
