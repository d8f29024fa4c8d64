"""A company's own money by pages: what is there, a payment begun, the bank's lines and whose they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from billing.casework.rows import rows_of
from billing.ledger import accounts
from portal.api.answers import etag_of
from portal.web import entries, forms, money_views, names, view, words
from portal.web.facts import Fact, lines
from portal.web.forms import Choice, Field
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit, with_query

_LINE: Final = (
    *(Fact("amount_krw"), Fact("paid_on"), Fact("sender"), Fact("memo"), Fact("entered_at")),
    *(Fact("company"), Fact("payment", "payments")),
)


def pages(operations: Operations) -> list[Page]:
    lines_of = [
        Page(
            f"{PREFIXES[role]}/bank-lines/{{id}}",
            (role,),
            partial(_show_line, operations),
            partial(_match, operations) if role == "operator" else None,
        )
        for role in INSIDE
    ]
    card = Page(
        "/company/card", ("company",), partial(_show_card, operations), partial(_change_card, operations)
    )
    remove = Page(
        "/company/card/remove",
        ("company",),
        partial(_show_removal, operations),
        partial(_remove_card, operations),
    )
    return [Page("/company/funds", ("company",), _funds), card, remove, *lines_of]


async def _funds(visit: Visit) -> Reply:
    """What is free, beside the ledger's account; what each voucher has of it; what was paid."""
    company = visit.desk.actor.company
    assert company is not None, "the page is for companies"
    conn = visit.desk.conn
    mine: view.Scope = ("company_id = %s", [company])
    [own] = (await view.read(conn, money_views.OWN_MONEY, ("id = %s", [company]), {})).rows
    [ledger] = await rows_of(
        conn,
        "select coalesce(sum(amount_micro), 0)::bigint as micro from posting where account = %s",
        [accounts.own_money(company)],
    )
    vouchers = await rows_of(
        conn,
        "select v.id, p.name as programme_name, v.self_micro, f.charged_micro"
        "   - floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint as spent_micro,"
        " f.expired_self_micro as returned_micro from voucher v join programme p on p.id = v.programme_id"
        " join funds f on f.voucher_id = v.id where v.company_id = %s order by v.id",
        [company],
    )
    kept = await rows_of(conn, "select label, automatic, paused from card where company_id = %s", [company])
    return Html(
        "funds.html",
        {
            "own_micro": own["own_micro"],
            "owed_micro": own["owed_micro"],
            "is_ledger_equal": ledger["micro"] == own["own_micro"],
            "vouchers": vouchers,
            "card": kept[0] if kept else None,
            "payments": await view.read(conn, replace(money_views.PAYMENTS, filters=()), mine, {}),
            "trail": ((None, words.text("nav.funds", visit.language)),),
        },
    )


async def _vouchers(visit: Visit) -> tuple[Choice, ...]:
    found = await rows_of(
        visit.desk.conn,
        "select v.id, p.name from voucher v join programme p on p.id = v.programme_id"
        " where v.company_id = %s and v.state in ('active', 'suspended') order by v.id",
        [visit.desk.actor.company],
    )
    return tuple(Choice(row["id"], f"{row['id']} ({row['name']})") for row in found)


async def payment_fields(visit: Visit) -> tuple[Field, ...]:
    """Card only where this installation takes cards."""
    methods = ("checkout", "transfer") if visit.desk.api.cards is not None else ("transfer",)
    return (
        Field("amount_krw", "won", required=True, help="help.payment"),
        Field(
            "method",
            "choice",
            required=True,
            choices=entries.choices(visit, "method", *methods),
            initial=methods[0],
        ),
        Field("voucher", "choice", choices=await _vouchers(visit), help="help.payment_voucher"),
        *((Field("save_card", "yes"),) if len(methods) > 1 else ()),
    )


async def begin(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    """Shows where to go on: an address of Stripe's, or what to write on the transfer. In this answer only.

    A form may not lead to another house by itself (the content policy's `form-action`); a link may.
    """
    values = {name: value for name, value in values.items() if value != ""}
    made = await operations.call(visit.desk, "POST /payments", values, once=visit.form.one("once"))
    title = words.text("do.payment.begin", visit.language)
    return Html(
        "payment_begun.html",
        {
            "made": made,
            "title": title,
            "trail": (("/company/funds", words.text("nav.funds", visit.language)), (None, title)),
        },
    )


async def line_fields(_: Visit) -> tuple[Field, ...]:
    return (
        Field("id", required=True, help="help.bank_id", characters_max=100),
        Field("amount_krw", "won", required=True),
        Field("paid_on", "day", required=True),
        Field("sender"),
        Field("memo", help="help.bank_memo"),
    )


async def enter_line(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /bank_lines", values)
    return Go(with_query(f"/operator/bank-lines/{quote(made['id'], safe='')}", {"done": "bank_line.enter"}))


async def _match_fields(visit: Visit) -> tuple[Field, ...]:
    companies = await rows_of(visit.desk.conn, "select id, name from company where active order by name, id")
    choices = tuple(Choice(row["id"], row["name"]) for row in companies)
    return (Field("company", "choice", required=True, choices=choices),)


async def _show_line(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /bank_lines/{id}", id=visit.part("id"))
    fields = await _match_fields(visit) if shown["payment"] is None and visit.role == "operator" else ()
    named = await names.of(visit.desk.conn, shown)
    return Html(
        "bank_line.html",
        {
            "name": shown["id"],
            "lines": lines(_LINE, shown, visit.language, named=named, role=visit.role),
            "fields": fields,
            "is_open": shown["payment"] is None,
            "entered": forms.entered(fields, visit.form),
            "done": words.text("do.bank_line.enter", visit.language) if "done" in visit.query else None,
            "trail": (
                (f"{visit.prefix}/bank-lines", words.text("nav.bank_lines", visit.language)),
                (None, shown["id"]),
            ),
        },
    )


async def _match(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(await _match_fields(visit), visit.form)
    made = await operations.call(visit.desk, "POST /bank_lines/{id}/match", values, id=visit.part("id"))
    return Go(with_query(f"/operator/payments/{made['payment']}", {"done": "payment.receive"}))


async def _card_fields(visit: Visit, shown: dict[str, Any]) -> tuple[Field, ...]:
    return (
        Field("automatic", "yes", initial="yes" if shown["automatic"] else ""),
        Field("voucher", "choice", choices=await _vouchers(visit), initial=shown["voucher"] or ""),
        Field("threshold_krw", "won", initial=shown["threshold_krw"], help="help.threshold"),
        Field("amount_krw", "won", initial=shown["amount_krw"]),
    )


async def own_fund_fields(_: Visit) -> tuple[Field, ...]:
    return (Field("limit_krw", "won", required=True, help="help.own_fund_limit"),)


async def opt_in(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /own_funds", values)
    return Go(with_query(f"/company/own_funds/{quote(made['id'], safe='')}", {"done": "own_fund.opt_in"}))


async def _show_card(operations: Operations, visit: Visit) -> Reply:
    company = visit.desk.actor.company
    shown = await operations.call(visit.desk, "GET /cards/{id}", id=company)
    return _entry(visit, "do.card.change", await _card_fields(visit, shown))


def _entry(visit: Visit, title: str, fields: tuple[Field, ...], lead: str | None = None) -> Html:
    said = words.text(title, visit.language)
    return Html(
        "entry.html",
        {
            "title": said,
            "lead": lead,
            "has_file": False,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": "/company/funds",
            "trail": (("/company/funds", words.text("nav.funds", visit.language)), (None, said)),
        },
    )


async def _change_card(operations: Operations, visit: Visit) -> Reply:
    company = visit.desk.actor.company
    shown = await operations.call(visit.desk, "GET /cards/{id}", id=company)
    values = forms.values_of(await _card_fields(visit, shown), visit.form)
    values.setdefault("voucher", None)
    await operations.call(visit.desk, "PATCH /cards/{id}", values, id=company, etag=etag_of(shown))
    return Go(with_query("/company/funds", {"done": "card.change"}))


async def _show_removal(operations: Operations, visit: Visit) -> Reply:
    await operations.call(visit.desk, "GET /cards/{id}", id=visit.desk.actor.company)
    return _entry(visit, "do.card.remove", (), "card.remove_lead")


async def _remove_card(operations: Operations, visit: Visit) -> Reply:
    await operations.call(visit.desk, "POST /cards/{id}/remove", id=visit.desk.actor.company)
    return Go(with_query("/company/funds", {"done": "card.remove"}))
