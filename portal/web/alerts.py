"""A person's alerts: what comes by mail, and webhooks, whose secret is shown once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

from billing.lifecycle.table import Role
from portal.api.answers import etag_of
from portal.web import entries, forms, things, words
from portal.web.forms import Field
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit

ROLES: Final[tuple[Role, ...]] = ("operator", "company", "provider")


def pages(operations: Operations) -> list[Page]:
    made = []
    for role in ROLES:
        prefix = PREFIXES[role]
        mine, choose = partial(_show_mine, operations), partial(_choose, operations)
        rotating, rotate = partial(_show_rotating, operations), partial(_rotate, operations)
        made += [
            Page(f"{prefix}/my_alerts", (role,), mine, choose),
            Page(f"{prefix}/my_alerts/test", (role,), _show_test, partial(_test, operations)),
            Page(f"{prefix}/webhooks/new", (role,), _show_new, partial(_make, operations)),
            Page(f"{prefix}/webhooks/{{id}}/rotate", (role,), rotating, rotate),
        ]
    return made


# -- mail


async def _show_mine(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /my_alerts")
    fields = (
        Field(
            "kinds",
            "checks",
            choices=entries.choices(visit, "kinds", *shown["may_choose"]),
            initial=shown["kinds"],
            help="help.kinds" if shown["mail"] else "help.mail_off",
        ),
        Field(
            "language",
            "choice",
            choices=entries.choices(visit, "language_of_mail", "ko", "en"),
            initial=shown["language"],
        ),
    )
    page = _entry(visit, "nav.my_alerts", fields, "/deliveries")
    return replace(page, template="my_alerts.html") if shown["mail"] else page


async def _choose(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /my_alerts")
    values = {"kinds": visit.form.all("kinds"), "language": visit.form.one("language") or "ko"}
    await operations.call(visit.desk, "PATCH /my_alerts", values, etag=etag_of(shown))
    return Go(f"{visit.prefix}/my_alerts")


async def _show_test(visit: Visit) -> Reply:
    return _entry(visit, "alerts.test_mail", (), "/my_alerts")


async def _test(operations: Operations, visit: Visit) -> Reply:
    made = await operations.call(visit.desk, "POST /my_alerts/test")
    return Go(f"{visit.prefix}/deliveries/{made['id']}")


# -- webhooks


async def _show_new(visit: Visit) -> Reply:
    return _entry(visit, "do.webhook.make", await entries.webhook_fields(visit, {}), "/webhooks")


async def _make(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(await entries.webhook_fields(visit, {}), visit.form)
    values["kinds"] = values.get("kinds") or None
    return _secret(visit, await operations.call(visit.desk, "POST /webhooks", values))


async def _show_rotating(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /webhooks/{id}", id=visit.part("id"))
    return Html(
        "step.html",
        {
            "title": words.text("do.webhook.rotate", visit.language),
            "thing": "webhook",
            "shown": shown,
            "name": shown["id"],
            "lines": things.lines_of("webhooks", shown, visit),
            "fields": (),
            "entered": {},
            "etag": None,
            "is_risky": True,
            "back": f"{visit.prefix}/webhooks/{visit.part('id')}",
            "trail": _trail(visit, "/webhooks", "nav.webhooks", shown["id"]),
        },
    )


async def _rotate(operations: Operations, visit: Visit) -> Reply:
    made = await operations.call(visit.desk, "POST /webhooks/{id}/rotate", id=visit.part("id"))
    return _secret(visit, made)


def _secret(visit: Visit, made: dict[str, Any]) -> Html:
    trail = _trail(visit, "/webhooks", "nav.webhooks", made["id"])
    return Html("webhook_made.html", {"made": made, "trail": trail})


def _entry(visit: Visit, title: str, fields: tuple[Field, ...], back: str) -> Html:
    said = words.text(title, visit.language)
    return Html(
        "entry.html",
        {
            "title": said,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": f"{visit.prefix}{back}",
            "trail": _trail(visit, back, f"nav{back.replace('/', '.')}", said),
        },
    )


def _trail(visit: Visit, back: str, word: str, here: str) -> tuple[tuple[str | None, str], ...]:
    return ((f"{visit.prefix}{back}", words.text(word, visit.language)), (None, here))
