"""Products that no gateway proxies, the keys of their reports, milestones: their forms, and what those do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args
from urllib.parse import quote

from billing.casework.rows import rows_of
from billing.reports.units import Unit
from portal.web.action import Action
from portal.web.entries import choices, plainly
from portal.web.forms import Choice, Field
from portal.web.operations import Operations, Shown
from portal.web.visit import Go, Reply, Visit, with_query


async def product_fields(visit: Visit) -> tuple[Field, ...]:
    units = choices(visit, "unit", *get_args(Unit))
    return (
        Field("id", required=True, help="help.product_id", characters_max=64),
        Field("name", required=True),
        Field("unit", "choice", required=True, choices=units),
        Field("report_days", "count", initial="10", help="help.report_days"),
        Field("objection_days", "count", initial="5", help="help.objection_days"),
        Field("accept_from_krw", "won", help="help.accept_from"),
    )


async def make_product(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /reported_products", values)
    return _done(visit, f"/reported_products/{made['id']}", "reported_product.make")


async def key_fields(_: Visit) -> tuple[Field, ...]:
    return (Field("public_key", required=True, help="help.public_key", characters_max=64),)


async def register_key(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /report_keys", values)
    return _done(visit, f"/report_keys/{made['id']}", "report_key.register")


async def milestone_fields(visit: Visit) -> tuple[Field, ...]:
    agreements = await rows_of(
        visit.desk.conn,
        "select g.id, c.name from agreement g join company c on c.id = g.company_id"
        " where g.state in ('offered', 'signed') order by g.id desc limit 300",
    )
    products = await rows_of(
        visit.desk.conn,
        "select id, name from reported_product where unit = 'milestone' and state <> 'withdrawn' order by id",
    )
    return (
        Field("agreement", "choice", required=True, choices=_named(agreements)),
        Field("number", "count", required=True, text="milestone_number"),
        Field("product", "choice", required=True, choices=_named(products)),
        Field("name", required=True),
        Field("due_on", "day", required=True),
        Field("amount_krw", "won", required=True),
    )


def _named(rows: list[dict[str, Any]]) -> tuple[Choice, ...]:
    return tuple(Choice(row["id"], f"{row['id']} ({row['name']})") for row in rows)


async def plan_milestone(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    agreement = values.pop("agreement")
    await operations.call(visit.desk, "POST /agreements/{id}/milestones", values, id=agreement)
    return Go(f"{visit.prefix}/milestones")


def _done(visit: Visit, below: str, what: str) -> Go:
    return Go(with_query(f"{visit.prefix}{below}", {"done": what}))


async def _add_price(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    body = {("from" if name == "holds_from" else name): value for name, value in values.items()}
    await operations.call(visit.desk, "POST /reported_products/{id}/prices", body, id=shown["id"])
    return f"/reported_products/{quote(shown['id'], safe='')}"


ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("reported_product", "price"): Action(
        plainly(
            Field("tier", characters_max=40, help="help.tier"),
            Field("holds_from", "instant", required=True, help="help.holds_from"),
            Field("price_krw", "won", required=True),
        ),
        _add_price,
    ),
    ("reported_product", "approve"): Action(is_risky=True),
    ("reported_product", "suspend"): Action(is_risky=True),
    ("reported_product", "resume"): Action(),
    ("reported_product", "withdraw"): Action(is_risky=True),
    ("report_key", "retire"): Action(plainly(Field("until", "instant", help="help.until")), is_risky=True),
    ("report_key", "revoke"): Action(is_risky=True),
}
