"""The tables of what is stopped at once, and of alerts."""

from __future__ import annotations

from typing import Final

from billing.alerts import places
from billing.casework import companies
from billing.lifecycle import company, delivery, webhook
from portal.web.view import Column, Filter, View
from portal.web.views import KEY, KEY_COLUMNS


def _states(thing: str, names: tuple[str, ...]) -> tuple[Filter, ...]:
    return (Filter("state", "state", "choice", names, thing=thing),)


COMPANIES: Final = View(
    caption="nav.companies",
    query=companies.FIND,
    columns=(
        Column("id", "id", sorts=True, link="/companies/{id}"),
        Column("name", sorts=True),
        Column("state", "state", thing="company"),
        Column("class_name", "word"),
    ),
    order="id",
    filters=_states("company", tuple(company.TABLE.states)),
)
KEYS_INSIDE: Final = View(
    caption="nav.api_keys",
    query=f"select k.company_id || '/' || k.name as id, c.name as company_name, {KEY}"
    " join company c on c.id = k.company_id",
    columns=(
        Column("key_name", "id", link="/api_keys/{company_id}/{key_name}"),
        Column("company_name", sorts=True, link="/companies/{company_id}"),
        *KEY_COLUMNS,
    ),
    order="-created_at",
    filters=_states("api_key", ("active", "suspended", "expired", "revoked")),
)
DELIVERIES: Final = View(
    caption="nav.deliveries",
    query=f"select d.*, d.sent_at as delivered_at, array[d.kind] as kinds from ({places.DELIVERIES}) d",  # noqa: S608 - a constant
    columns=(
        Column("id", "id", sorts=True, link="/deliveries/{id}"),
        Column("kinds", "list"),
        Column("about", "id"),
        Column("address"),
        Column("state", "state", thing="delivery"),
        Column("attempts", "number"),
        Column("made_at", "instant", sorts=True),
        Column("delivered_at", "instant"),
    ),
    order="-id",
    filters=_states("delivery", tuple(delivery.TABLE.states)),
)
WEBHOOKS: Final = View(
    caption="nav.webhooks",
    query=(
        "select id, company_id, provider_id, split_part(url, '?', 1) as url, state, created_at from webhook"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/webhooks/{id}"),
        Column("url"),
        Column("state", "state", thing="webhook"),
        Column("created_at", "instant"),
    ),
    order="-id",
    filters=_states("webhook", tuple(webhook.TABLE.states)),
)
