"""The people of the office by pages: invited by a link that is shown once, let in no more, let in again."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from billing.casework.rows import rows_of
from portal.api.answers import etag_of
from portal.people import ROLES
from portal.web import forms, market_entries, words
from portal.web.entries import choices
from portal.web.facts import Fact, lines
from portal.web.forms import Choice, EntriesRefused, Field
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.view import Column, Filter, View
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit

USERS: Final = View(
    caption="nav.users",
    query=(
        "select email as id, role, coalesce(c.name, v.name) as organisation,"
        " password_hash is not null as has_password, disabled_at is not null as is_disabled"
        " from person left join company c on c.id = company left join provider v on v.id = provider"
    ),
    columns=(
        Column("id", sorts=True, link="/users/{id}"),
        Column("role", "word"),
        Column("organisation"),
        Column("has_password", "yes"),
        Column("is_disabled", "yes"),
    ),
    order="id",
    filters=(Filter("role", "role", "choice", ROLES),),
)
_FACTS: Final = (
    *(Fact("email"), Fact("role", key="role"), Fact("company"), Fact("provider")),
    *(Fact("has_password"), Fact("disabled")),
)


def pages(operations: Operations) -> list[Page]:
    made = [Page("/operator/users/new", ("operator",), _show_new, partial(_invite, operations))]
    for role in INSIDE:
        act = partial(_change, operations) if role == "operator" else None
        made.append(Page(f"{PREFIXES[role]}/users/{{id}}", (role,), partial(_show, operations), act))
    return made


async def _fields(visit: Visit) -> tuple[Field, ...]:
    companies = await rows_of(visit.desk.conn, "select id, name from company order by name, id")
    return (
        Field("email", required=True, characters_max=254),
        Field("role", "choice", required=True, choices=choices(visit, "role", *ROLES)),
        Field(
            "company",
            "choice",
            choices=tuple(Choice(one["id"], one["name"]) for one in companies),
            help="help.user_company",
        ),
        Field("provider", "choice", choices=await market_entries.providers(visit), help="help.user_provider"),
    )


async def _show_new(visit: Visit) -> Reply:
    fields, title = await _fields(visit), words.text("do.user.make", visit.language)
    return Html(
        "entry.html",
        {
            "title": title,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": "/operator/users",
            "once": "",  # shown once means: a repeated form finds that there is such a person
            "trail": (("/operator/users", words.text("nav.users", visit.language)), (None, title)),
        },
    )


async def _invite(operations: Operations, visit: Visit) -> Reply:
    """The link is in this answer only."""
    values = forms.values_of(await _fields(visit), visit.form)
    for role in ("company", "provider"):
        if (role in values) != (values["role"] == role):
            raise EntriesRefused({role: "error.belongs"})
    made = await operations.call(visit.desk, "POST /users", values)
    return Html("user_made.html", {"made": made, "trail": _trail(visit, made["email"])})


def _trail(visit: Visit, email: str) -> tuple[tuple[str | None, str], ...]:
    return ((f"{visit.prefix}/users", words.text("nav.users", visit.language)), (None, email))


async def _show(operations: Operations, visit: Visit) -> Reply:
    shown: dict[str, Any] = await operations.call(visit.desk, "GET /users/{id}", id=visit.part("id"))
    may = visit.role == "operator" and shown["email"] != visit.desk.actor.person
    return Html(
        "user.html",
        {
            "name": shown["email"],
            "shown": shown,
            "lines": lines(_FACTS, shown, visit.language),
            "etag": etag_of(shown),
            "word": ("do.user.enable" if shown["disabled"] else "do.user.disable") if may else None,
            "trail": _trail(visit, shown["email"]),
        },
    )


async def _change(operations: Operations, visit: Visit) -> Reply:
    disabled = visit.form.one("disabled") == "yes"
    etag = visit.form.one("etag")
    body = {"disabled": disabled}
    await operations.call(visit.desk, "PATCH /users/{id}", body, id=visit.part("id"), etag=etag)
    return Go(visit.path)
