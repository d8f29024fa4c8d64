"""The table of what providers reported: one for all, with the columns that say whose a row is."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import report_key, report_line, reported_product
from billing.reports import products
from portal.web.view import Column, Filter, View

REPORT_LINES: Final = View(
    caption="nav.report_lines",
    query=(
        "select l.id, l.provider_id, v.name as provider_name, l.company_id, c.name as company_name,"
        " l.product_id, l.line_id, l.from_on, l.to_on, l.amount_micro, l.state, l.voucher_id"
        " from report_line l join company c on c.id = l.company_id join provider v on v.id = l.provider_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/report_lines/{id}"),
        Column("provider_name", sorts=True),
        Column("company_name", sorts=True),
        Column("product_id", "id"),
        Column("to_on", "day", sorts=True),
        Column("state", "state", thing="report_line"),
        Column("voucher_id", "id"),
        Column("amount_micro", "amount", sorts=True, total=True),
    ),
    order="-id",
    filters=(
        Filter("state", "state", "choice", tuple(report_line.TABLE.states), thing="report_line"),
        Filter("product", "product_id"),
    ),
)
REPORTED_PRODUCTS: Final = View(
    caption="nav.reported_products",
    query=(
        "select p.id, p.name, p.provider_id, v.name as provider_name, p.unit, p.state from reported_product p"
        " join provider v on v.id = p.provider_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/reported_products/{id}"),
        Column("name", sorts=True),
        Column("provider_name", sorts=True),
        Column("unit", "word"),
        Column("state", "state", thing="reported_product"),
    ),
    order="id",
    filters=(
        Filter("state", "state", "choice", tuple(reported_product.TABLE.states), thing="reported_product"),
    ),
)
REPORT_KEYS: Final = View(
    caption="nav.report_keys",
    query=(
        "select k.id, k.provider_id, v.name as provider_name, k.state, k.from_at, k.until_at"
        " from report_key k join provider v on v.id = k.provider_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/report_keys/{id}"),
        Column("provider_name", sorts=True),
        Column("state", "state", thing="report_key"),
        Column("from_at", "instant", sorts=True),
        Column("until_at", "instant"),
    ),
    order="-id",
    filters=(Filter("state", "state", "choice", tuple(report_key.TABLE.states), thing="report_key"),),
)
MILESTONES: Final = View(
    caption="nav.milestones",
    query=(
        f"select m.*, c.name as company_name from ({products.MILESTONES}) m"  # noqa: S608 - a constant
        " join company c on c.id = m.company_id"
    ),
    columns=(
        Column("id", "id", sorts=True),
        Column("company_name", sorts=True),
        Column("name"),
        Column("product_id", "id"),
        Column("due_on", "day", sorts=True),
        Column("state", "state", thing="report_line", empty="milestone.open"),
        Column("amount_micro", "amount", total=True),
    ),
    order="id",
)
