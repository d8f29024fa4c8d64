"""Pages that are a table: each a View under the prefixes of the roles that may read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from billing.lifecycle.table import Role
from portal.api import answers
from portal.api.desk import Desk
from portal.web import call_views, view, views, words
from portal.web.serving import Page
from portal.web.view import Scope, View
from portal.web.visit import PREFIXES, Html, Reply, Visit

INSIDE: Final[tuple[Role, ...]] = ("operator", "auditor")
EVERYBODY: Final[tuple[Role, ...]] = (*INSIDE, "company", "provider")


@dataclass(frozen=True, slots=True)
class Listed:
    """`make`: what a role may make here, as a path below its prefix and a text."""

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


def own(desk: Desk) -> Scope:
    return answers.own(desk, company="company_id", provider="provider_id")


def announced(desk: Desk) -> Scope:
    return answers.EVERYTHING if desk.sees_everything else ("state <> %s", ["draft"])


def offered(desk: Desk) -> Scope:
    """What is sold, to those who buy; to a provider its own."""
    return own_provider(desk) if desk.actor.role == "provider" else answers.EVERYTHING


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
    Listed("/products", "nav.products", EVERYBODY, views.PRODUCTS, offered),
    Listed(
        "/deliveries",
        "nav.deliveries",
        EVERYBODY,
        views.DELIVERIES,
        own,
        make=dict.fromkeys(("operator", "company", "provider"), ("/my_alerts", "nav.my_alerts")),
    ),
    Listed(
        "/webhooks",
        "nav.webhooks",
        EVERYBODY,
        views.WEBHOOKS,
        own,
        make=dict.fromkeys(("operator", "company", "provider"), ("/webhooks/new", "do.webhook.make")),
    ),
    Listed("/companies", "nav.companies", INSIDE, views.COMPANIES, everything),
    Listed("/api_keys", "nav.api_keys", INSIDE, views.KEYS_INSIDE, everything),
    Listed("/providers", "nav.providers", INSIDE, views.PROVIDERS, everything),
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
