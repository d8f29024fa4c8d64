"""The things of the lifecycle, each one page for every role that may read it, with the steps it has for them.

`/operator/rounds/7` and `/audit/rounds/7` are one page: what is shown is the API's answer to that person, and
what may be done is what billing.casework.standing offers that person now.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from billing.casework import standing
from billing.casework.deeds import steps_of
from billing.lifecycle.table import Refused
from portal.api import show_casework
from portal.api.answers import etag_of
from portal.web import forms, view, words
from portal.web.actions import ACTIONS, REASON, Action
from portal.web.facts import Line, lines
from portal.web.formats import Language
from portal.web.forms import Field
from portal.web.ledger import against_the_ledger
from portal.web.operations import Operations, Shown
from portal.web.related import Related, related_to
from portal.web.serving import Page
from portal.web.thing_table import THINGS, Thing
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit, with_query

NO_SUCH_STEP: Final = ("wrong_state", "This cannot be done now.", "지금은 할 수 없는 작업입니다.")


def pages(operations: Operations) -> list[Page]:
    made = []
    for thing in THINGS:
        for role in thing.readers:
            path = f"{PREFIXES[role]}/{thing.kind}/{thing.id_path}"
            if role != "auditor":
                step = partial(_show_step, operations, thing)
                made.append(Page(f"{path}/do/{{step}}", (role,), step, partial(_take, operations, thing)))
            if thing.has_page:
                made.append(Page(path, (role,), partial(_show, operations, thing)))
    return made


async def load(operations: Operations, thing: Thing, visit: Visit) -> Shown:
    """As the API shows it to this person. Raises Refused."""
    return await operations.call(visit.desk, f"GET /{thing.kind}/{{id}}", id=visit.part("id"))


async def offered(thing: Thing, visit: Visit) -> list[tuple[standing.Offered, Action]]:
    found = await standing.offered(visit.desk.conn, thing.thing, visit.part("id"), deed=visit.desk.deed())
    return [(one, ACTIONS[key]) for one in found if (key := (one.thing, one.step.action)) in ACTIONS]


async def _show(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    shown = await load(operations, thing, visit)
    steps = await steps_of(visit.desk.conn, thing.thing, visit.part("id"))
    log = [show_casework.step(one, to=visit.role) for one in steps] if _has_log(thing, visit) else []
    return Html(
        "thing.html",
        {
            "thing": thing.thing,
            "kind": thing.kind,
            "shown": shown,
            "name": shown[thing.name],
            "lines": lines(thing.facts, shown, visit.language),
            "offered": await offered(thing, visit),
            "related": [await _table(one, visit) for one in related_to(thing.kind, shown, visit)],
            "log": [one for one in log if one is not None],
            "compared": await against_the_ledger(thing.kind, shown["id"], visit),
            "done": done(visit),
            "trail": _trail(thing, visit),
        },
    )


def _has_log(thing: Thing, visit: Visit) -> bool:
    """As the API: of programmes and rounds it is for the agency and its auditors."""
    return visit.desk.sees_everything or thing.kind not in ("programmes", "rounds")


async def _table(one: Related, visit: Visit) -> tuple[Related, view.Table]:
    return one, await view.read(visit.desk.conn, one.view, one.scope, {})


def done(visit: Visit) -> str | None:
    """What the page before did, if that is a word of ours."""
    key = f"do.{visit.query.get('done', '')}"
    return words.text(key, visit.language) if key in words.TEXTS else None


def _trail(thing: Thing, visit: Visit, *more: tuple[str | None, str]) -> tuple[tuple[str | None, str], ...]:
    parent = f"{visit.prefix}/{thing.kind}"
    here = (f"{parent}/{visit.part('id')}" if more else None, visit.part("id"))
    return ((parent, words.text(f"nav.{thing.kind}", visit.language)), here, *more)


async def _found(thing: Thing, visit: Visit) -> tuple[standing.Offered, Action]:
    """The step that the path names, as far as this person may take it now. Raises Refused."""
    for one, action in await offered(thing, visit):
        if f"{one.thing}.{one.step.action}" == visit.part("step"):
            return one, action
    raise Refused(*NO_SUCH_STEP)


async def _fields(found: standing.Offered, action: Action, visit: Visit, shown: Shown) -> tuple[Field, ...]:
    asked = () if action.fields is None else await action.fields(visit, shown)
    return (*asked, REASON) if found.step.needs_reason else asked


async def _show_step(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    shown = await load(operations, thing, visit)
    found, action = await _found(thing, visit)
    if found.hindrance is not None:
        raise found.hindrance.refusal()
    fields = await _fields(found, action, visit, shown)
    title = words.action_word(found.thing, found.step.action, visit.language)
    return Html(
        "step.html",
        {
            "title": title,
            "thing": thing.thing,
            "shown": shown,
            "name": shown[thing.name],
            "lines": lines(thing.facts, shown, visit.language),
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "etag": visit.form.one("etag") or etag_of(shown),
            "is_risky": action.is_risky,
            "back": f"{visit.prefix}/{thing.kind}/{visit.part('id')}",
            "trail": _trail(thing, visit, (None, title)),
        },
    )


async def _take(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    shown = await load(operations, thing, visit)
    found, action = await _found(thing, visit)
    if found.hindrance is not None:
        raise found.hindrance.refusal()
    values = forms.values_of(await _fields(found, action, visit, shown), visit.form)
    path = await _run(operations, thing, visit, shown, found, action, values)
    below = path or f"/{thing.kind}/{visit.part('id')}"
    step = f"{found.thing}.{found.step.action}"
    return Go(with_query(f"{visit.prefix}{below}", {"done": step}))


async def _run(
    operations: Operations,
    thing: Thing,
    visit: Visit,
    shown: Shown,
    found: standing.Offered,
    action: Action,
    values: dict[str, Any],
) -> str | None:
    if action.run is not None:
        return await action.run(operations, visit, shown, values)
    name = f"POST /{thing.kind}/{{id}}/{found.step.action.replace('_', '-')}"
    await operations.call(visit.desk, name, values, id=visit.part("id"))
    return None


def lines_of(kind: str, shown: Shown, language: Language) -> list[Line]:
    [thing] = [one for one in THINGS if one.kind == kind]
    return lines(thing.facts, shown, language)


def titles() -> Mapping[str, str]:
    return {thing.kind: thing.name for thing in THINGS}
