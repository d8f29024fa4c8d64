"""Pages that pay: a provider's account entered, approved payables put into a bank file, its results read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from billing.casework.rows import rows_of
from billing.lifecycle.table import Refused, Role
from billing.payables.bank_file import CHARACTERS_MAX
from portal.problem import Problem
from portal.web import formats, forms, payable_views, view, words
from portal.web.facts import Fact, lines
from portal.web.forms import Choice, Field
from portal.web.operations import Operations, Shown
from portal.web.serving import Page
from portal.web.visit import PREFIXES, File, Go, Html, Reply, Visit

_FACTS: Final = (
    *(Fact("id"), Fact("at"), Fact("person"), Fact("payouts"), Fact("paid"), Fact("returned")),
    *(Fact("amount_krw"), Fact("file_sha256")),
)
_RESULTS: Final = (
    Field("content", "area", required=True, help="help.results", characters_max=CHARACTERS_MAX),
)
_READERS: Final[tuple[Role, ...]] = ("operator", "auditor")
_CHOICES_MAX: Final = 300  # of one page; a form has 400 fields at most


def pages(operations: Operations) -> list[Page]:
    made = [
        Page(
            "/provider/payout_accounts/new",
            ("provider",),
            _show_account,
            partial(_enter_account, operations),
        ),
        Page("/operator/payout_batches/new", ("operator",), _show_new, partial(_pay, operations)),
        Page("/operator/payout_batches/{id}/file", ("operator",), partial(_file, operations)),
        Page(
            "/operator/payout_batches/{id}/results",
            ("operator",),
            partial(_show_results, operations),
            partial(_enter_results, operations),
        ),
    ]
    for role in _READERS:
        path = f"{PREFIXES[role]}/payout_batches/{{id}}"
        made.append(Page(path, (role,), partial(_show_batch, operations)))
    return made


def _entry(visit: Visit, action: str, fields: tuple[Field, ...], back: str, nav: str) -> Mapping[str, Any]:
    title = words.text(action, visit.language)
    return {
        "title": title,
        "fields": fields,
        "entered": forms.entered(fields, visit.form),
        "back": back,
        "trail": ((back, words.text(nav, visit.language)), (None, title)),
    }


def _account_fields(visit: Visit) -> tuple[Field, ...]:
    rails = tuple(Choice(one, words.text(f"state.rail.{one}", visit.language)) for one in ("bank", "stripe"))
    return (
        Field("rail", "choice", choices=rails, initial="bank", required=True),
        Field("bank_code", help="help.bank_code", characters_max=3),
        Field("number", required=True, help="help.account_number", characters_max=70),
        Field("holder", required=True, characters_max=40),
    )


async def _show_account(visit: Visit) -> Reply:
    back = "/provider/payout_accounts"
    return Html(
        "entry.html",
        _entry(visit, "do.payout_account.enter", _account_fields(visit), back, "nav.payout_accounts"),
    )


async def _enter_account(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(_account_fields(visit), visit.form)
    made = await operations.call(visit.desk, "POST /payout_accounts", values)
    return Go(f"/provider/payout_accounts/{made['id']}?done=payout_account.enter")


async def _payable_fields(visit: Visit) -> tuple[Field, ...]:
    """Approved, of providers with an account at a bank; what cannot be paid now is not offered."""
    found = await rows_of(
        visit.desk.conn,
        "select p.id, p.month, p.amount_won, coalesce(v.name, p.provider_id) as name from payable p"
        " join provider v on v.id = p.provider_id where p.state = 'approved' and exists ("
        " select from payout_account a where (a.provider_id, a.rail, a.state) = (v.id, 'bank', 'confirmed'))"
        " and not exists (select from objection o where o.payable_id = p.id and o.state = 'open')"
        " order by p.id limit %s",
        [_CHOICES_MAX],
    )
    offered = tuple(
        Choice(
            row["id"],
            f"{row['id']} · {row['month']} · {row['name']} ·"
            f" {formats.won(row['amount_won'] * 1_000_000, visit.language)}",
        )
        for row in found
    )
    return (Field("payables", "checks", choices=offered, help="help.payables", required=True),)


async def _show_new(visit: Visit) -> Reply:
    back = "/operator/payout_batches"
    fields = await _payable_fields(visit)
    return Html("entry.html", _entry(visit, "do.payout_batch.make", fields, back, "nav.payout_batches"))


async def _pay(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(await _payable_fields(visit), visit.form)
    made = await operations.call(visit.desk, "POST /payout_batches", values)
    return Go(f"/operator/payout_batches/{made['id']}")


async def _batch(operations: Operations, visit: Visit) -> Shown:
    return await operations.call(visit.desk, "GET /payout_batches/{id}", id=visit.part("id"))


async def _show_batch(operations: Operations, visit: Visit) -> Reply:
    shown = await _batch(operations, visit)
    payouts = await view.read(
        visit.desk.conn, payable_views.PAYOUTS, ("batch_id = %s", [shown["id"]]), visit.query
    )
    parent = f"{visit.prefix}/payout_batches"
    return Html(
        "payout_batch.html",
        {
            "shown": shown,
            "lines": lines(_FACTS, shown, visit.language),
            "payouts": payouts,
            "trail": ((parent, words.text("nav.payout_batches", visit.language)), (None, shown["id"])),
        },
    )


async def _file(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /payout_batches/{id}/file", id=visit.part("id"))
    return File(shown["file_name"], "text/csv; charset=utf-8", shown["content"].encode())


async def _show_results(operations: Operations, visit: Visit) -> Reply:
    shown = await _batch(operations, visit)
    back = f"/operator/payout_batches/{shown['id']}"
    return Html("entry.html", _entry(visit, "do.payout_batch.results", _RESULTS, back, "nav.payout_batches"))


async def _enter_results(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(_RESULTS, visit.form)
    try:
        await operations.call(visit.desk, "POST /payout_batches/{id}/results", values, id=visit.part("id"))
    except Problem as problem:  # shown above what was entered
        raise Refused(problem.code, problem.detail, problem.korean or problem.detail) from problem
    return Go(f"/operator/payout_batches/{visit.part('id')}")
