"""The tables of payables, payments to providers, their accounts, bank files and objections."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import objection, payable, payout_account
from billing.payables import paying, rows
from portal.web.view import Column, Filter, View

_MICRO: Final = "::bigint * 1000000"

PAYABLES: Final = View(
    caption="nav.payables",
    query=(
        "select p.id, p.provider_id, p.provider_name, p.month, p.kind as payable_kind, p.state,"  # noqa: S608
        f" p.lines_won{_MICRO} as supply_micro, p.carried_won{_MICRO} as carried_micro,"
        f" p.holdback_won{_MICRO} as holdback_micro, p.amount_won{_MICRO} as amount_micro,"
        f" p.uncollected_won{_MICRO} as uncollected_micro, p.paid_at from ({rows.FIND}) p"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/payables/{id}"),
        Column("month", sorts=True),
        Column("provider_name", sorts=True),
        Column("payable_kind", "state", thing="payable_kind"),
        Column("state", "state", thing="payable"),
        Column("supply_micro", "amount", total=True),
        Column("carried_micro", "amount", total=True),
        Column("holdback_micro", "amount", total=True),
        Column("amount_micro", "amount", sorts=True, total=True),
        Column("paid_at", "instant"),
    ),
    order="-month",
    filters=(
        Filter("state", "state", "choice", tuple(payable.TABLE.states), thing="payable"),
        Filter("month", "month"),
    ),
)
# One provider's lines of one month, as its final statement has them.
PAYABLE_LINES: Final = View(
    caption="payable.lines",
    query=(
        "select voucher_id || ' ' || product_id || ' ' || service_month || ' ' || l.kind as id, l.month,"  # noqa: S608
        " l.provider_id, l.company_id, coalesce(c.name, l.company_id) as company_name, l.voucher_id,"
        " l.product_id, l.service_month, l.kind as line_kind, l.calls,"
        f" (government_won + self_won + own_won){_MICRO} as supply_micro,"
        f" uncollected_won{_MICRO} as uncollected_micro,"
        " government_micro + self_micro + own_micro + uncollected_micro as charge_micro"
        " from statement_line l left join company c on c.id = l.company_id"
    ),
    columns=(
        Column("service_month"),
        Column("company_name"),
        Column("product_id", "id"),
        Column("line_kind", "state", thing="line_kind"),
        Column("calls", "number", total=True),
        Column("supply_micro", "amount", total=True),
        Column("uncollected_micro", "amount", total=True),
        Column("charge_micro", "amount", total=True),
    ),
    order="id",
    hidden=(Column("id"),),
)
PAYOUTS: Final = View(
    caption="payable.payouts",
    query=(
        "select o.id, o.payable_id, o.provider_id, o.rail, o.state, o.batch_id, o.at as sent_at, o.paid_at,"  # noqa: S608
        f" o.returned_at, o.return_reason, o.amount_won{_MICRO} as amount_micro,"
        f" o.reversed_won{_MICRO} as reversed_micro,"
        f" '****' || o.last_characters as account from ({rows.FIND_PAYOUTS}) o"
    ),
    columns=(
        Column("id", "id"),
        Column("payable_id", "id", link="/payables/{payable_id}"),
        Column("rail", "state", thing="rail"),
        Column("account", "id"),
        Column("state", "state", thing="payout"),
        Column("sent_at", "instant"),
        Column("paid_at", "instant"),
        Column("returned_at", "instant"),
        Column("return_reason"),
        Column("reversed_micro", "amount", total=True),
        Column("amount_micro", "amount", total=True),
    ),
    order="-id",
)
OBJECTIONS: Final = View(
    caption="nav.objections",
    query=(
        "select o.id, o.payable_id, o.provider_id, coalesce(v.name, o.provider_id) as provider_name,"
        " o.company_id, c.name as company_name, o.month, o.product_id, o.state, o.reason, o.created_at"
        " from objection o left join provider v on v.id = o.provider_id"
        " left join company c on c.id = o.company_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/objections/{id}"),
        Column("month", sorts=True),
        Column("provider_name"),
        Column("company_name"),
        Column("product_id", "id"),
        Column("state", "state", thing="objection"),
        Column("reason"),
        Column("created_at", "instant"),
    ),
    order="-id",
    filters=(Filter("state", "state", "choice", tuple(objection.TABLE.states), thing="objection"),),
)
PAYOUT_ACCOUNTS: Final = View(
    caption="nav.payout_accounts",
    query=(
        "select a.id, a.provider_id, coalesce(v.name, a.provider_id) as provider_name, a.rail, a.bank_code,"
        " '****' || a.last_characters as account, a.holder, a.state, a.created_at"
        " from payout_account a left join provider v on v.id = a.provider_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/payout_accounts/{id}"),
        Column("provider_name", sorts=True),
        Column("rail", "state", thing="rail"),
        Column("bank_code", "id"),
        Column("account", "id"),
        Column("holder"),
        Column("state", "state", thing="payout_account"),
        Column("created_at", "instant"),
    ),
    order="-id",
    filters=(Filter("state", "state", "choice", tuple(payout_account.TABLE.states), thing="payout_account"),),
)
PAYOUT_BATCHES: Final = View(
    caption="nav.payout_batches",
    query=(
        "select b.id, b.payouts, b.paid, b.returned, b.person, b.at, b.file_sha256,"  # noqa: S608 - constants
        f" b.amount_won{_MICRO} as amount_micro from ({paying.FIND_BATCHES}) b"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/payout_batches/{id}"),
        Column("at", "instant"),
        Column("person"),
        Column("payouts", "number", total=True),
        Column("paid", "number", total=True),
        Column("returned", "number", total=True),
        Column("amount_micro", "amount", total=True),
    ),
    order="-id",
)
