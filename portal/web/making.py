"""Making what no step of another thing leads to: each is a form, an operation, and where it leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from billing.lifecycle.table import Role
from portal.api.route import BODY_BYTES_MAX
from portal.web import directory, entries, forms, funds, market_entries, reported, uploads, words
from portal.web.forms import Field
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit, with_query

Fields = Callable[[Visit], Awaitable[tuple[Field, ...]]]
Run = Callable[[Operations, Visit, dict[str, Any]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Making:
    """`kind`: the list it is made from, and stands in afterwards. `has_file`: its form brings one."""

    kind: str
    title: str
    roles: tuple[Role, ...]
    fields: Fields
    run: Run
    lead: str | None = None
    has_file: bool = False


async def _programme_fields(visit: Visit) -> tuple[Field, ...]:
    return entries.programme_fields(visit)


async def _make_programme(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /programmes", values)
    return _done(visit, f"/programmes/{made['id']}", "programme.make")


async def _provider_fields(_: Visit) -> tuple[Field, ...]:
    return (
        Field("id", required=True, help="help.id", characters_max=64),
        Field("name", required=True),
        Field("brn", help="help.brn"),
    )


async def _make_provider(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    """Registered, so that somebody looks at its papers before anything of it is sold."""
    made = await operations.call(visit.desk, "POST /providers", {**values, "state": "registered"})
    return _done(visit, f"/providers/{made['id']}", "provider.register")


async def _make_product(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /products", market_entries.product_body(values, {}))
    return _done(visit, f"/products/{made['id']}", "product.make")


def _done(visit: Visit, below: str, what: str) -> Go:
    return Go(with_query(f"{visit.prefix}{below}", {"done": what}))


MAKINGS: Final = (
    Making("programmes", "do.programme.make", ("operator",), _programme_fields, _make_programme),
    Making("providers", "do.provider.register", ("operator",), _provider_fields, _make_provider),
    Making(
        "products",
        "do.product.make",
        ("provider", "operator"),
        market_entries.new_product_fields,
        _make_product,
        lead="product.lead",
    ),
    Making(
        "reported_products",
        "do.reported_product.make",
        ("provider",),
        reported.product_fields,
        reported.make_product,
    ),
    Making(
        "report_keys", "do.report_key.register", ("provider",), reported.key_fields, reported.register_key
    ),
    Making(
        "milestones", "do.milestone.plan", ("operator",), reported.milestone_fields, reported.plan_milestone
    ),
    Making(
        "companies",
        "do.company.make",
        ("operator",),
        directory.new_company_fields,
        directory.make_company,
    ),
    Making(
        "reconciliations",
        "do.reconciliation.make",
        ("operator", "auditor", "provider"),
        uploads.fields,
        uploads.run,
        lead="reconciliation.lead",
        has_file=True,
    ),
    Making("payments", "do.payment.begin", ("company",), funds.payment_fields, funds.begin),
    Making("own_funds", "do.own_fund.opt_in", ("company",), funds.own_fund_fields, funds.opt_in),
    Making("bank-lines", "do.bank_line.enter", ("operator",), funds.line_fields, funds.enter_line),
)


def pages(operations: Operations) -> list[Page]:
    return [
        Page(
            f"{PREFIXES[role]}/{making.kind}/new",
            (role,),
            partial(_show, making),
            partial(_make, operations, making),
            uploads.UPLOAD_BYTES_MAX if making.has_file else BODY_BYTES_MAX,
        )
        for making in MAKINGS
        for role in making.roles
    ]


async def _show(making: Making, visit: Visit) -> Reply:
    fields = await making.fields(visit)
    title = words.text(making.title, visit.language)
    above = f"{visit.prefix}/{making.kind}"
    return Html(
        "entry.html",
        {
            "title": title,
            "lead": making.lead,
            "has_file": making.has_file,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": above,
            "trail": ((above, words.text(f"nav.{making.kind}", visit.language)), (None, title)),
        },
    )


async def _make(operations: Operations, making: Making, visit: Visit) -> Reply:
    return await making.run(operations, visit, forms.values_of(await making.fields(visit), visit.form))
