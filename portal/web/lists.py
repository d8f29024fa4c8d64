"""Pages that are a table: each a View under the prefixes of the roles that may read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from billing.lifecycle.table import Role
from portal.api import answers
from portal.api.desk import Desk
from portal.api.objections import own_objections
from portal.web import (
    alert_views,
    call_views,
    ending_views,
    market_views,
    money_views,
    payable_views,
    report_views,
    view,
    views,
    words,
)
from portal.web.serving import Page
from portal.web.thing import EVERYBODY, INSIDE
from portal.web.view import Scope, View
from portal.web.visit import PREFIXES, Html, Reply, Visit


@dataclass(frozen=True, slots=True)
class Listed:
    """`make`: what a role may make here, or goes on to, as a path below its prefix and a text."""

    path: str
    title: str
    roles: tuple[Role, ...]
    view: View
    scope: Callable[[Desk], Scope]
    make: Mapping[Role, tuple[str, str]] = field(default_factory=dict)


def everything(_: Desk) -> Scope:
    return answers.EVERYTHING


def own_company(desk: Desk) -> Scope:
    return answers.own(desk, company="company_id")


def own_provider(desk: Desk) -> Scope:
    return answers.own(desk, provider="provider_id")


def between(desk: Desk) -> Scope:
    """What a company and a provider have between them, or each for itself."""
    return answers.own(desk, company="company_id", provider="provider_id")


def announced(desk: Desk) -> Scope:
    return answers.EVERYTHING if desk.sees_everything else ("state <> %s", ["draft"])


def sold(_: Desk) -> Scope:
    """To those who buy: a draft is its provider's own, and what was withdrawn is nothing to choose."""
    return "on_sale_at is not null and state <> 'withdrawn'", []


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
    Listed("/report_lines", "nav.report_lines", EVERYBODY, report_views.REPORT_LINES, between),
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
    Listed("/companies", "nav.companies", INSIDE, alert_views.COMPANIES, everything),
    Listed("/api_keys", "nav.api_keys", INSIDE, alert_views.KEYS_INSIDE, everything),
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
