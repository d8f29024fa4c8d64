"""Pages that are a table: each a View under the prefixes of the roles that may read it."""

from __future__ import annotations

from functools import partial
from typing import Final

from portal.api.objections import own_objections
from portal.web import (
    alert_views,
    call_views,
    ending_views,
    market_views,
    money_views,
    payable_views,
    people,
    report_lists,
    view,
    views,
    words,
)
from portal.web.listed import Listed, announced, between, everything, own_company, own_provider, sold
from portal.web.serving import Page
from portal.web.thing import EVERYBODY, INSIDE
from portal.web.visit import PREFIXES, Html, Reply, Visit

LISTS: Final = (
    Listed(
        "/programmes",
        "nav.programmes",
        INSIDE,
        views.PROGRAMMES,
        everything,
        make={"operator": ("/programmes/new", "do.programme.make")},
    ),
    Listed("/rounds", "nav.rounds", INSIDE, views.ROUNDS_INSIDE, everything),
    Listed("/rounds", "nav.rounds", ("company",), views.ROUNDS, announced),
    Listed("/applications", "nav.applications", (*INSIDE, "company"), views.APPLICATIONS, own_company),
    Listed("/agreements", "nav.agreements", (*INSIDE, "company"), views.AGREEMENTS, own_company),
    Listed("/amendments", "nav.amendments", (*INSIDE, "company"), views.AMENDMENTS, own_company),
    Listed("/settlements", "nav.settlements", (*INSIDE, "company"), ending_views.SETTLEMENTS, own_company),
    Listed("/findings", "nav.findings", (*INSIDE, "company"), ending_views.FINDINGS, own_company),
    Listed("/vouchers", "nav.vouchers", (*INSIDE, "company"), views.VOUCHERS, own_company),
    Listed("/usage", "nav.usage", ("company",), call_views.CALLS_OF_COMPANY, own_company),
    Listed("/calls", "nav.calls", INSIDE, call_views.CALLS_INSIDE, everything),
    Listed("/calls", "nav.calls", ("provider",), call_views.CALLS_OF_PROVIDER, own_provider),
    Listed(
        "/keys",
        "nav.keys",
        ("company",),
        views.KEYS,
        own_company,
        make={"company": ("/keys/new", "do.api_key.make")},
    ),
    Listed("/products", "nav.products", ("company",), market_views.PRODUCTS, sold),
    Listed(
        "/products",
        "nav.products",
        INSIDE,
        market_views.PRODUCTS_INSIDE,
        everything,
        make={"operator": ("/products/new", "do.product.make")},
    ),
    Listed(
        "/products",
        "nav.products",
        ("provider",),
        market_views.PRODUCTS_OF_PROVIDER,
        own_provider,
        make={"provider": ("/products/new", "do.product.make")},
    ),
    Listed(
        "/providers",
        "nav.providers",
        INSIDE,
        market_views.PROVIDERS,
        everything,
        make={"operator": ("/providers/new", "do.provider.register")},
    ),
    Listed(
        "/payments",
        "nav.payments",
        ("company",),
        money_views.PAYMENTS,
        own_company,
        make={"company": ("/payments/new", "do.payment.begin")},
    ),
    Listed("/payments", "nav.payments", INSIDE, money_views.PAYMENTS_INSIDE, everything),
    Listed("/own-money", "nav.own_money", INSIDE, money_views.OWN_MONEY, everything),
    Listed(
        "/own_funds",
        "nav.own_funds",
        (*INSIDE, "company"),
        money_views.OWN_FUNDS,
        own_company,
        make={"company": ("/own_funds/new", "do.own_fund.opt_in")},
    ),
    Listed(
        "/bank-lines",
        "nav.bank_lines",
        INSIDE,
        money_views.BANK_LINES,
        everything,
        make={"operator": ("/bank-lines/new", "do.bank_line.enter")},
    ),
    Listed(
        "/reconciliations",
        "nav.reconciliations",
        (*INSIDE, "provider"),
        money_views.RECONCILIATIONS,
        own_provider,
        make={
            role: ("/reconciliations/new", "do.reconciliation.make")
            for role in ("operator", "auditor", "provider")
        },
    ),
    Listed("/corrections", "nav.corrections", (*INSIDE, "provider"), money_views.CORRECTIONS, own_provider),
    Listed(
        "/payables",
        "nav.payables",
        (*INSIDE, "provider"),
        payable_views.PAYABLES,
        own_provider,
        make={
            "operator": ("/payout_batches", "nav.payout_batches"),
            "auditor": ("/payout_batches", "nav.payout_batches"),
            "provider": ("/objections", "nav.objections"),
        },
    ),
    Listed("/objections", "nav.objections", EVERYBODY, payable_views.OBJECTIONS, own_objections),
    Listed(
        "/payout_accounts",
        "nav.payout_accounts",
        (*INSIDE, "provider"),
        payable_views.PAYOUT_ACCOUNTS,
        own_provider,
        make={"provider": ("/payout_accounts/new", "do.payout_account.enter")},
    ),
    Listed(
        "/payout_batches",
        "nav.payout_batches",
        INSIDE,
        payable_views.PAYOUT_BATCHES,
        everything,
        make={"operator": ("/payout_batches/new", "do.payout_batch.make")},
    ),
    Listed(
        "/jobs",
        "nav.jobs",
        INSIDE,
        views.JOBS,
        everything,
        make={"operator": ("/jobs/new", "do.job.ask"), "auditor": ("/jobs/new", "do.job.ask")},
    ),
    Listed("/jobs", "nav.jobs", ("provider",), views.JOBS_OF_PROVIDER, own_provider),
    *report_lists.LISTS,
    Listed(
        "/deliveries",
        "nav.deliveries",
        EVERYBODY,
        alert_views.DELIVERIES,
        between,
        make=dict.fromkeys(("operator", "company", "provider"), ("/my_alerts", "nav.my_alerts")),
    ),
    Listed(
        "/webhooks",
        "nav.webhooks",
        EVERYBODY,
        alert_views.WEBHOOKS,
        between,
        make=dict.fromkeys(("operator", "company", "provider"), ("/webhooks/new", "do.webhook.make")),
    ),
    Listed(
        "/companies",
        "nav.companies",
        INSIDE,
        alert_views.COMPANIES,
        everything,
        make={"operator": ("/companies/new", "do.company.make")},
    ),
    Listed("/api_keys", "nav.api_keys", INSIDE, alert_views.KEYS_INSIDE, everything),
    Listed(
        "/users",
        "nav.users",
        INSIDE,
        people.USERS,
        everything,
        make={"operator": ("/users/new", "do.user.make")},
    ),
)


def pages() -> list[Page]:
    return [
        Page(f"{PREFIXES[role]}{one.path}", (role,), partial(_show, one))
        for one in LISTS
        for role in one.roles
    ]


async def _show(listed: Listed, visit: Visit) -> Reply:
    table = await view.read(visit.desk.conn, listed.view, listed.scope(visit.desk), visit.query)
    return Html(
        "list.html",
        {
            "title": listed.title,
            "table": table,
            "make": listed.make.get(visit.role),
            "trail": ((None, words.text(listed.title, visit.language)),),
        },
    )
