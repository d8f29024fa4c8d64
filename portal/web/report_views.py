"""The table of what providers reported: one for all, with the columns that say whose a row is."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import report_line
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
