"""The tables of money: what was paid in, what was matched with a provider's books, what was corrected."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import correction, payment
from billing.payments import bank_transfer, own_fund
from billing.payments import rows as payments
from billing.reconciliation.matching import MATCHES
from portal.web.view import Column, Filter, View

_PAYMENTS: Final = (
    f"select p.*, c.name as company_name from ({payments.FIND}) p"  # noqa: S608 - a constant
    " join company c on c.id = p.company_id"
)
_PAYMENT_STATES: Final = Filter("state", "state", "choice", tuple(payment.TABLE.states), thing="payment")


def _payments(*of: Column) -> View:
    return View(
        caption="nav.payments",
        query=_PAYMENTS,
        columns=(
            Column("created_at", "instant", sorts=True, link="/payments/{id}"),
            *of,
            Column("method", "word"),
            Column("state", "state", thing="payment"),
            Column("voucher_id", "id", link="/vouchers/{voucher_id}", empty="own_money"),
            Column("amount_micro", "amount", total=True),
            Column("paid_micro", "amount", total=True),
            Column("refunded_micro", "amount", total=True),
            Column("lost_micro", "amount", total=True),
        ),
        order="-created_at",
        filters=(_PAYMENT_STATES,),
    )


PAYMENTS: Final = _payments()
PAYMENTS_INSIDE: Final = _payments(Column("company_name", sorts=True))
BANK_LINES: Final = View(
    caption="nav.bank_lines",
    query=(
        f"select b.*, coalesce(c.name, '') as company_name,"  # noqa: S608 - a constant
        " case when b.payment_id is null then 'open' else 'matched' end as belongs"
        f" from ({bank_transfer.FIND_LINES}) b left join company c on c.id = b.company_id"
    ),
    columns=(
        Column("id", "id", link="/bank-lines/{id}"),
        Column("paid_on", "day", sorts=True),
        Column("belongs", "word"),
        Column("sender"),
        Column("memo"),
        Column("company_name"),
        Column("payment_id", "id", link="/payments/{payment_id}"),
        Column("amount_micro", "amount", total=True),
    ),
    order="-paid_on",
    filters=(Filter("belongs", "belongs", "choice", ("open", "matched")),),
)
OWN_MONEY: Final = View(
    caption="nav.own_money",
    query=(
        "select c.id, c.name, coalesce(o.own_micro, 0) as own_micro, coalesce(o.owed_micro, 0) as owed_micro"
        " from company c left join own_money o on o.company_id = c.id"
    ),
    columns=(
        Column("name", sorts=True),
        Column("own_micro", "amount", sorts=True, total=True),
        Column("owed_micro", "amount", sorts=True, total=True),
    ),
    order="name",
)
OWN_FUNDS: Final = View(
    caption="nav.own_funds",
    query=(
        f"select o.*, c.name as company_name from ({own_fund.FIND}) o"  # noqa: S608 - a constant
        " join company c on c.id = o.company_id"
    ),
    columns=(
        Column("company_name", sorts=True, link="/own_funds/{id}"),
        Column("state", "state", thing="own_fund"),
        Column("limit_micro", "amount", total=True),
        Column("filled_micro", "amount", total=True),
        Column("spent_micro", "amount", total=True),
    ),
    order="company_name",
)
_RESULT: Final = "(r.result -> '{match}' ->> 'count')::bigint as {match}"
RECONCILIATIONS: Final = View(
    caption="nav.reconciliations",
    query=(
        "select r.id, r.provider_id, p.name as provider_name, r.month, r.file_name, r.rows, r.at, "  # noqa: S608
        + ", ".join(_RESULT.replace("{match}", match) for match in MATCHES)
        + " from reconciliation r join provider p on p.id = r.provider_id"
    ),
    columns=(
        Column("id", "id", link="/reconciliations/{id}"),
        Column("provider_name", sorts=True),
        Column("month"),
        Column("file_name"),
        Column("rows", "number"),
        Column("matched", "number"),
        Column("differs", "number"),
        Column("only_theirs", "number"),
        Column("only_ours", "number"),
        Column("at", "instant", sorts=True),
    ),
    order="-id",
    filters=(Filter("month", "month"),),
)
_LINES: Final = (
    "select lpad(l.number::text, 6, '0') as id, l.reconciliation_id, l.class, l.upstream_request_id, l.op,"
    " l.reasons,"
    " (l.theirs ->> 'input_tokens')::bigint as their_input, (l.ours ->> 'input_tokens')::bigint as our_input,"
    " (l.theirs ->> 'output_tokens')::bigint as their_output,"
    " (l.ours ->> 'output_tokens')::bigint as our_output,"
    " (l.theirs ->> 'amount_micro')::bigint as their_micro,"
    " (l.ours ->> 'charge_micro')::bigint as our_micro"
    " from reconciliation_line l"
)


def reconciliation_lines(call_link: str | None) -> View:
    """`call_link`: where a call of ours has a page for this reader."""
    return View(
        caption="reconciliation.lines",
        query=_LINES,
        columns=(
            Column("upstream_request_id", "id"),
            Column("class", "state", thing="match"),
            Column("reasons", "list"),
            Column("op", "id", link=call_link),
            Column("their_input", "number", empty="blank"),
            Column("our_input", "number", empty="blank"),
            Column("their_output", "number", empty="blank"),
            Column("our_output", "number", empty="blank"),
            Column("their_micro", "amount", total=True, empty="blank"),
            Column("our_micro", "amount", total=True, empty="blank"),
        ),
        order="id",
    )


_CORRECTIONS: Final = (
    "select c.id, c.state, c.provider_id, c.run_id, p.name as provider_name, c.cause, c.reason, c.created_at,"
    " count(l.op) as calls, coalesce(sum(l.before_micro), 0)::bigint as before_micro,"
    " coalesce(sum(l.after_micro), 0)::bigint as after_micro,"
    " coalesce(sum(l.after_micro - l.before_micro), 0)::bigint as difference_micro"
    " from correction c join provider p on p.id = c.provider_id"
    " left join correction_call l on l.correction_id = c.id group by c.id, p.name"
)
CORRECTIONS: Final = View(
    caption="nav.corrections",
    query=_CORRECTIONS,
    columns=(
        Column("id", "id", link="/corrections/{id}"),
        Column("provider_name", sorts=True),
        Column("state", "state", thing="correction"),
        Column("cause", "word"),
        Column("reason"),
        Column("calls", "number", total=True),
        Column("before_micro", "amount", total=True),
        Column("after_micro", "amount", total=True),
        Column("difference_micro", "amount", total=True),
    ),
    order="-id",
    filters=(Filter("state", "state", "choice", tuple(correction.TABLE.states), thing="correction"),),
)


def corrected_calls(call_link: str | None) -> View:
    return View(
        caption="correction.calls",
        query=(
            "select l.op as id, l.correction_id, l.price_from::timestamptz as price_from,"
            " l.before_micro, l.after_micro,"
            " l.after_micro - l.before_micro as difference_micro from correction_call l"
        ),
        columns=(
            Column("id", "id", link=call_link),
            Column("price_from", "instant"),
            Column("before_micro", "amount", total=True),
            Column("after_micro", "amount", total=True),
            Column("difference_micro", "amount", total=True),
        ),
        order="id",
    )
