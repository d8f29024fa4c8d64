"""The tables of the end: settlements and what went back, findings and their lines."""

from __future__ import annotations

from typing import Any, Final

from billing.lifecycle import finding, settlement
from billing.lifecycle.table import Table
from billing.settlements import findings
from portal.web.view import Column, Filter, View


def _states(thing: str, table: Table[Any]) -> tuple[Filter, ...]:
    return (Filter("state", "state", "choice", tuple(table.states), thing=thing),)


SETTLEMENTS: Final = View(
    caption="nav.settlements",
    query="select s.id, s.agreement_id, s.voucher_id, s.programme_id, s.company_id, c.name as company_name,"
    " s.state, s.ended_on, coalesce(sum(r.government_micro), 0)::bigint as returned_micro,"
    " coalesce(sum(r.self_micro), 0)::bigint as returned_self_micro,"
    " coalesce(sum(r.interest_micro), 0)::bigint as interest_micro from settlement s"
    " join company c on c.id = s.company_id left join settlement_return r on r.settlement_id = s.id"
    " group by s.id, c.name",
    columns=(
        Column("id", "id", sorts=True, link="/settlements/{id}"),
        Column("company_name", sorts=True),
        Column("voucher_id", "id", link="/vouchers/{voucher_id}"),
        Column("state", "state", thing="settlement"),
        Column("ended_on", "day", sorts=True),
        Column("returned_micro", "amount", total=True),
        Column("returned_self_micro", "amount", total=True),
        Column("interest_micro", "amount", total=True),
    ),
    order="-id",
    filters=_states("settlement", settlement.TABLE),
)
RETURNS: Final = View(
    caption="returns",
    query="select s.id || '-' || r.number as id, r.settlement_id, s.company_id, r.number, r.at,"
    " r.government_micro, r.self_micro, r.interest_micro from settlement_return r"
    " join settlement s on s.id = r.settlement_id",
    columns=(
        Column("number", "number"),
        Column("at", "instant"),
        Column("government_micro", "amount", total=True),
        Column("self_micro", "amount", total=True),
        Column("interest_micro", "amount", total=True),
    ),
    order="id",
)
FINDINGS: Final = View(
    caption="nav.findings",
    query=f"select d.*, c.name as company_name from ({findings.FIND}) d"  # noqa: S608 - a constant
    " join company c on c.id = d.company_id",
    columns=(
        Column("id", "id", sorts=True, link="/findings/{id}"),
        Column("company_name", sorts=True),
        Column("state", "state", thing="finding"),
        Column("agreement_id", "id", link="/agreements/{agreement_id}"),
        Column("voucher_id", "id", link="/vouchers/{voucher_id}"),
        Column("created_at", "instant"),
        Column("government_micro", "amount", total=True),
        Column("self_micro", "amount", total=True),
    ),
    order="-id",
    filters=_states("finding", finding.TABLE),
)
FINDING_LINES: Final = View(
    caption="finding_lines",
    query="select d.id || '-' || lpad(l.number::text, 4, '0') as id, l.finding_id, d.company_id, l.number,"
    " l.call, l.product_id, l.month, l.government_micro, l.self_micro from finding_line l"
    " join finding d on d.id = l.finding_id",
    columns=(
        Column("number", "number"),
        Column("call"),
        Column("product_id"),
        Column("month"),
        Column("government_micro", "amount", total=True),
        Column("self_micro", "amount", total=True),
    ),
    order="id",
)
