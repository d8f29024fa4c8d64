"""The homes of operator, auditor and provider: what waits, and what the books say."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from billing.casework.rows import rows_of
from billing.ledger import accounts
from billing.ledger.store import trial_balance
from portal.web import market_views, view, views
from portal.web.serving import Page
from portal.web.visit import Go, Html, Reply, Visit, with_query

# What waits for the agency: a text, where it is decided, and a condition on a table.
_WAITING: Final = (
    (
        "todo.decide",
        "/rounds?state=announced",
        "select count(*) from round where state = 'announced' and closes_at <= %s",
    ),
    (
        "todo.screen",
        "/applications?state=submitted",
        "select count(*) from application a join round r on"
        " r.id = a.round_id where a.state = 'submitted' and r.closes_at <= %s",
    ),
    (
        "todo.score",
        "/applications?state=screened",
        "select count(*) from application where state = 'screened' and %s is not null",
    ),
    (
        "todo.offer",
        "/applications?state=selected",
        "select count(*) from application a where a.state = 'selected'"
        " and %s is not null and not exists (select from agreement g where g.application_id = a.id"
        " and g.state in ('offered', 'signed', 'completed'))",
    ),
    (
        "todo.issue",
        "/agreements?state=signed",
        "select count(*) from agreement where state = 'signed' and voucher_id is null and %s is not null",
    ),
    (
        "todo.amend",
        "/amendments?state=requested",
        "select count(*) from amendment where state = 'requested' and %s is not null",
    ),
    (
        "todo.review",
        "/products?state=in_review",
        "select count(*) from product_life where state = 'in_review' and %s is not null",
    ),
    (
        "todo.provider",
        "/providers?state=registered",
        "select count(*) from provider_life where state = 'registered' and %s is not null",
    ),
    (
        "todo.correction",
        "/corrections?state=proposed",
        "select count(*) from correction where state = 'proposed' and %s is not null",
    ),
    (
        "todo.bank_line",
        "/bank-lines?belongs=open",
        "select count(*) from bank_line b where %s is not null and not exists (select from payment p"
        " where p.rail = 'bank' and p.intent_id = b.id)",
    ),
    *(
        (text, path, f"select count(*) from {table} where state = '{state}' and %s is not null")  # noqa: S608
        for text, path, table, state in (
            ("todo.account", "/payout_accounts?state=entered", "payout_account", "entered"),
            ("todo.objection", "/objections?state=open", "objection", "open"),
            ("todo.propose", "/payables?state=due", "payable", "due"),
            ("todo.approve", "/payables?state=proposed", "payable", "proposed"),
            ("todo.pay", "/payables?state=approved", "payable", "approved"),
            ("todo.failed", "/payables?state=failed", "payable", "failed"),
        )
    ),
    (
        "todo.open_settlement",
        "/vouchers?settled=due",
        f"select count(*) from ({views.VOUCHERS.query}) v where settled = 'due' and %s is not null",  # noqa: S608
    ),
    (
        "todo.settle",
        "/settlements",
        "select count(*) from settlement where state not in ('closed', 'erased') and %s is not null",
    ),
    (
        "todo.findings",
        "/findings",
        "select count(*) from finding where state in ('found', 'objected') and %s is not null",
    ),
)


def pages() -> list[Page]:
    return [
        Page("/operator", ("operator",), _operator),
        Page("/audit", ("auditor",), _auditor),
        Page("/audit/checks", ("auditor",), _checks),
        Page("/audit/find", ("auditor",), _find),
        Page("/provider", ("provider",), _provider),
    ]


async def _operator(visit: Visit) -> Reply:
    waiting = []
    for text, path, query in _WAITING:
        [row] = await rows_of(visit.desk.conn, query, [visit.desk.now])
        waiting.append({"text": text, "path": path, "count": row["count"]})
    running: view.Scope = ("state <> 'closed'", ())
    programmes = await view.read(visit.desk.conn, replace(views.PROGRAMMES, filters=()), running, {})
    return Html("operator_home.html", {"waiting": waiting, "programmes": programmes})


async def _auditor(visit: Visit) -> Reply:
    """All postings sum to zero. The checks have a page of their own, since they read everything."""
    [row] = await rows_of(
        visit.desk.conn, "select coalesce(sum(amount_micro), 0)::bigint as micro from posting"
    )
    programmes = await view.read(visit.desk.conn, replace(views.PROGRAMMES, filters=()), view.EVERYTHING, {})
    return Html("audit_home.html", {"programmes": programmes, "total_micro": row["micro"]})


async def _checks(visit: Visit) -> Reply:
    books = await trial_balance(visit.desk.conn)
    return Html("checks.html", {"faults": books.faults, "balances": sorted(books.accounts.items())})


_KINDS: Final = (
    (
        "calls",
        "select op as id from usage where op = %s or request_id = %s or upstream_request_id = %s limit 1",
    ),
    ("reconciliations", "select id from reconciliation where id = %s and %s <> '' and %s <> ''"),
    ("corrections", "select id from correction where id = %s and %s <> '' and %s <> ''"),
    ("payments", "select id from payment where id = %s and %s <> '' and %s <> ''"),
    ("vouchers", "select id from voucher where %s in (id, company_id) and %s <> '' and %s <> '' limit 1"),
    ("programmes", "select id from programme where id = %s and %s <> '' and %s <> ''"),
    ("applications", "select id from application where id = %s and %s <> '' and %s <> ''"),
    ("agreements", "select id from agreement where id = %s and %s <> '' and %s <> ''"),
    ("rounds", "select id from round where id = %s and %s <> '' and %s <> ''"),
)


async def _find(visit: Visit) -> Reply:
    """From a number, whosever it is, to its page."""
    wanted = visit.query.get("q", "").strip()[:200].replace("\0", "")
    for kind, query in _KINDS if wanted else ():
        found = await rows_of(visit.desk.conn, query, [wanted] * 3)
        if found:
            return Go(f"/audit/{kind}/{found[0]['id']}")
    return Html("find.html", {"wanted": wanted, "again": with_query("/audit", {})}, status=404)


async def _provider(visit: Visit) -> Reply:
    """What the ledger owes the provider: the balance of its account, and the calls it is made of."""
    provider = visit.desk.actor.provider
    assert provider is not None, "the page is for providers"
    [row] = await rows_of(
        visit.desk.conn,
        "select coalesce(sum(amount_micro), 0)::bigint as micro from posting where account = %s",
        [accounts.provider_payable(provider)],
    )
    mine = ("provider_id = %s", [provider])
    products = await view.read(
        visit.desk.conn, replace(market_views.PRODUCTS_OF_PROVIDER, filters=()), mine, {}
    )
    return Html("provider_home.html", {"payable_micro": row["micro"], "products": products})
