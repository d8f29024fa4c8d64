"""Long jobs as pages: asked for, how far they are (read anew by a link: no script), cancelled, fetched."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from billing.casework import standing
from billing.casework.deeds import steps_of
from billing.lifecycle.job import UNENDED
from billing.lifecycle.table import Role
from portal.api import show_casework
from portal.api.jobs import file_of
from portal.web import forms, words
from portal.web.entries import choices
from portal.web.facts import Fact, lines
from portal.web.forms import EntriesRefused, Field
from portal.web.operations import Operations, Shown
from portal.web.serving import Page
from portal.web.thing import INSIDE, WITH_PROVIDERS
from portal.web.visit import PREFIXES, Go, Html, Raw, Reply, Visit, with_query

_KINDS: Final[Mapping[Role, tuple[str, ...]]] = {
    "operator": ("close_month", "statements", "bundle"),
    "auditor": ("statements", "bundle"),
}
FACTS: Final = (
    *(Fact("kind", key="job_kind"), Fact("month"), Fact("programme", "programmes"), Fact("provider")),
    *(Fact("person"), Fact("asked_at"), Fact("started_at"), Fact("ended_at"), Fact("attempt")),
)
FILE_FACTS: Final = (Fact("name"), Fact("bytes"), Fact("sha256"), Fact("expires_at"))


def pages(operations: Operations) -> list[Page]:
    made = []
    for role in WITH_PROVIDERS:
        path = f"{PREFIXES[role]}/jobs"
        one = (role,)
        if role in INSIDE:
            made.append(Page(f"{path}/new", one, _show_new, partial(_ask, operations)))
            made.append(Page(f"{path}/{{id}}/file", one, _file))
        made.append(Page(f"{path}/{{id}}", one, partial(_show, operations), partial(_cancel, operations)))
    return made


def _fields(visit: Visit) -> tuple[Field, ...]:
    kinds = _KINDS[visit.role]
    return (
        Field("kind", "choice", required=True, choices=choices(visit, "job_kind", *kinds)),
        Field("month", help="help.month"),
        Field("programme", help="help.bundle_programme"),
        *((Field("reason", "area", help="help.close_reason"),) if "close_month" in kinds else ()),
    )


async def _show_new(visit: Visit) -> Reply:
    fields, title = _fields(visit), words.text("do.job.ask", visit.language)
    return Html(
        "entry.html",
        {
            "title": title,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": f"{visit.prefix}/jobs",
            "trail": (_parent(visit), (None, title)),
        },
    )


def _parent(visit: Visit) -> tuple[str, str]:
    return f"{visit.prefix}/jobs", words.text("nav.jobs", visit.language)


async def _ask(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(_fields(visit), visit.form)
    made = await _asked(operations, visit, values)
    return Go(with_query(f"{visit.prefix}/jobs/{made['id']}", {"done": "job.ask"}))


async def _asked(operations: Operations, visit: Visit, values: Mapping[str, Any]) -> Shown:
    if values["kind"] == "bundle":
        return await operations.call(visit.desk, "POST /bundles", {"programme": values.get("programme")})
    needed = ("month", "reason") if values["kind"] == "close_month" else ("month",)
    if missing := {name: "error.required" for name in needed if name not in values}:
        raise EntriesRefused(missing)
    if values["kind"] == "close_month":
        body = {"reason": values["reason"]}
        return await operations.call(visit.desk, "POST /months/{id}/closings", body, id=values["month"])
    body = {"lang": visit.language}
    return await operations.call(visit.desk, "POST /months/{id}/statement_sets", body, id=values["month"])


async def _show(operations: Operations, visit: Visit) -> Reply:
    job_id = visit.part("id")
    shown = await operations.call(visit.desk, "GET /jobs/{id}", id=job_id)
    steps = await steps_of(visit.desk.conn, "job", job_id)
    log = [show_casework.step(one, to=visit.role) for one in steps]
    file = shown["file"]
    return Html(
        "job.html",
        {
            "shown": shown,
            "name": f"{words.text('job_kind.' + shown['kind'], visit.language)} {job_id}",
            "lines": lines(FACTS, shown, visit.language),
            "file_lines": [] if file is None else lines(FILE_FACTS, file, visit.language),
            "is_under_way": shown["state"] in UNENDED,
            "may_cancel": await _may_cancel(visit),
            "said": shown["message_ko" if visit.language == "ko" else "message"],
            "log": [one for one in log if one is not None],
            "done": words.text("do.job.ask", visit.language)
            if visit.query.get("done") == "job.ask"
            else None,
            "trail": (_parent(visit), (None, job_id)),
        },
    )


async def _may_cancel(visit: Visit) -> bool:
    found = await standing.offered(visit.desk.conn, "job", visit.part("id"), deed=visit.desk.deed())
    return any(one.step.action == "cancel" and one.hindrance is None for one in found)


async def _cancel(operations: Operations, visit: Visit) -> Reply:
    await operations.call(visit.desk, "POST /jobs/{id}/cancel", {}, id=visit.part("id"))
    return Go(f"{visit.prefix}/jobs/{visit.part('id')}")


async def _file(visit: Visit) -> Reply:
    return Raw(await file_of(visit.desk, visit.part("id")))
