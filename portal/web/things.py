"""The things of the lifecycle, each one page for every role that may read it, with the steps it has for them.

`/operator/rounds/7` and `/audit/rounds/7` are one page: what is shown is the API's answer to that person, and
what may be done is what billing.casework.standing offers that person now.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from billing.casework import standing
from billing.casework.deeds import steps_of
from billing.casework.offers import House, Offered
from billing.lifecycle.table import Refused, Role
from billing.lifecycle.tables import TABLES
from portal.api import show_casework
from portal.api.answers import etag_of
from portal.web import forms, names, view, words
from portal.web.action import REASON, Action
from portal.web.actions import ACTIONS
from portal.web.beside import beside
from portal.web.facts import Line, lines
from portal.web.forms import Field
from portal.web.kinds import THINGS
from portal.web.ledger import against_the_ledger
from portal.web.operations import Operations, Shown
from portal.web.related import Related, related_to
from portal.web.serving import Page
from portal.web.thing import Thing
from portal.web.visit import PREFIXES, Go, Html, Reply, Visit, with_query

Trail = tuple[tuple[str | None, str], ...]
NO_SUCH_STEP: Final = ("wrong_state", "This cannot be done now.", "지금은 할 수 없는 작업입니다.")


def pages(operations: Operations) -> list[Page]:
    made = []
    for thing in THINGS:
        for role in thing.readers:
            path = f"{PREFIXES[role]}/{thing.kind}/{thing.id_path}"
            if role in acting(thing):  # before its page, whose id may have a slash
                step = partial(_show_step, operations, thing)
                made.append(Page(f"{path}/do/{{step}}", (role,), step, partial(_take, operations, thing)))
            made.append(Page(path, (role,), partial(_show, operations, thing)))
    return made


def acting(thing: Thing) -> set[Role]:
    """The roles that any step of its page is open to."""
    return {
        one.role
        for table in TABLES
        for step in table.steps
        if (table.thing, step.action) in ACTIONS and thing.thing in _leads_from(table.thing, step.action)
        for one in step.allow
    }


def _leads_from(thing: str, action: str) -> tuple[str, ...]:
    """On whose page a step stands: a step that makes a thing stands on another's."""
    return _MAKES.get((thing, action), (thing,))


_MAKES: Final = {
    ("round", "make"): ("programme",),
    ("application", "make"): ("round",),
    ("application", "evaluate"): ("application",),
    ("agreement", "make"): ("application",),
    ("voucher", "issue"): ("agreement",),
    ("amendment", "make"): ("agreement",),
    ("price", "add"): ("product",),
    ("credential", "add"): ("product",),
    ("correction", "propose"): ("reconciliation",),
    ("settlement", "open"): ("agreement", "voucher"),
    ("finding", "find"): ("agreement", "voucher"),
    ("objection", "make"): ("payable",),
}


async def load(operations: Operations, thing: Thing, visit: Visit) -> Shown:
    """As the API shows it to this person. Raises Refused."""
    shown = await operations.call(visit.desk, f"GET /{thing.kind}/{{id}}", id=visit.part("id"))
    if thing.owner is not None and visit.role == "provider":
        visit.desk.must_see(provider=shown[thing.owner])
    return shown


async def _offered(thing: Thing, visit: Visit) -> list[tuple[Offered, Action]]:
    api = visit.desk.api
    house = House(api.allow_private, api.secrets, api.unbooked)
    found = await standing.offered(
        visit.desk.conn, thing.thing, visit.part("id"), deed=visit.desk.deed(), house=house
    )
    return [(one, ACTIONS[key]) for one in found if (key := (one.thing, one.step.action)) in ACTIONS]


async def _show(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    shown = thing.prepared(await load(operations, thing, visit), visit)
    log = []
    if visit.role in thing.log:
        steps = await steps_of(visit.desk.conn, thing.thing, visit.part("id"))
        log = [show_casework.step(one, to=visit.role) for one in steps]
    named = await names.of(visit.desk.conn, shown)
    return Html(
        thing.template,
        {
            "thing": thing.thing,
            "kind": thing.kind,
            "shown": shown,
            "name": shown[thing.name],
            "lines": lines(thing.facts, shown, visit.language, named=named, role=visit.role),
            "offered": await _offered(thing, visit),
            "related": [await _table(one, visit) for one in related_to(thing.kind, shown, visit)],
            "log": [one for one in log if one is not None],
            "compared": await against_the_ledger(thing.kind, shown["id"], visit),
            "beside": await beside(thing.kind, shown, visit),
            "here": here(thing, visit),
            "done": _done(visit),
            "trail": _trail(thing, visit, shown),
        },
    )


def here(thing: Thing, visit: Visit) -> str:
    return f"{visit.prefix}{_below(thing, visit)}"


def _below(thing: Thing, visit: Visit) -> str:
    safe = "/" if thing.id_path.endswith(":path}") else ""
    return f"/{thing.kind}/{quote(visit.part('id'), safe=safe)}"


async def _table(one: Related, visit: Visit) -> tuple[Related, view.Table]:
    return one, await view.read(visit.desk.conn, one.view, one.scope, {})


def _done(visit: Visit) -> str | None:
    """What the page before did, if that is a word of ours."""
    key = f"do.{visit.query.get('done', '')}"
    return words.text(key, visit.language) if key in words.TEXTS else None


def _trail(thing: Thing, visit: Visit, shown: Shown, *more: tuple[str | None, str]) -> Trail:
    around: list[tuple[str | None, str]] = []
    if thing.kind not in ("prices", "credentials"):
        path = f"{visit.prefix}/{thing.kind}"
        if _is_a_page(path, visit):
            around = [(path, words.text(f"nav.{thing.kind}", visit.language))]
    else:
        around = [
            (f"{visit.prefix}/products", words.text("nav.products", visit.language)),
            (f"{visit.prefix}/products/{quote(shown['product'], safe='')}", shown["product"]),
        ]
    return (*around, (here(thing, visit) if more else None, str(shown[thing.name])), *more)


def _is_a_page(path: str, visit: Visit) -> bool:
    """Who reads a thing does not always read the list of all such."""
    return any(page.path == path for page in visit.request.app.state.pages)


async def _found(thing: Thing, visit: Visit) -> tuple[Offered, Action]:
    """The step that the path names, as far as this person may take it now. Raises Refused."""
    for offered, action in await _offered(thing, visit):
        if f"{offered.thing}.{offered.step.action}" == visit.part("step"):
            return offered, action
    raise Refused(*NO_SUCH_STEP)


async def _fields(offered: Offered, action: Action, visit: Visit, shown: Shown) -> tuple[Field, ...]:
    found = () if action.fields is None else await action.fields(visit, shown)
    return (*found, REASON) if offered.step.needs_reason else found


async def _show_step(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    loaded = await load(operations, thing, visit)
    shown = thing.prepared(loaded, visit)
    offered, action = await _found(thing, visit)
    if offered.hindrance is not None:
        raise offered.hindrance.refusal()
    named = await names.of(visit.desk.conn, shown)
    fields = await _fields(offered, action, visit, shown)
    title = words.action_word(offered.thing, offered.step.action, visit.language)
    return Html(
        "step.html",
        {
            "title": title,
            "thing": thing.thing,
            "shown": shown,
            "name": shown[thing.name],
            "lines": lines(thing.facts, shown, visit.language, named=named, role=visit.role),
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "etag": visit.form.one("etag") or etag_of(loaded),
            "is_risky": action.is_risky,
            "back": here(thing, visit),
            "trail": _trail(thing, visit, shown, (None, title)),
        },
    )


async def _take(operations: Operations, thing: Thing, visit: Visit) -> Reply:
    shown = await load(operations, thing, visit)
    offered, action = await _found(thing, visit)
    if offered.hindrance is not None:
        raise offered.hindrance.refusal()
    values = forms.values_of(await _fields(offered, action, visit, shown), visit.form)
    path = await _run(operations, thing, visit, shown, offered, action, values)
    below = path or _below(thing, visit)
    done = f"{offered.thing}.{offered.step.action}"
    return Go(with_query(f"{visit.prefix}{below}", {"done": done}))


async def _run(
    operations: Operations,
    thing: Thing,
    visit: Visit,
    shown: Shown,
    offered: Offered,
    action: Action,
    values: dict[str, Any],
) -> str | None:
    if action.run is not None:
        return await action.run(operations, visit, shown, values)
    name = f"POST /{thing.kind}/{{id}}/{offered.step.action.replace('_', '-')}"
    await operations.call(visit.desk, name, values, id=visit.part("id"))
    return None


def lines_of(kind: str, shown: Shown, visit: Visit) -> list[Line]:
    """The facts of a thing, for a page of its own beside its steps."""
    [thing] = [one for one in THINGS if one.kind == kind]
    return lines(thing.facts, shown, visit.language, role=visit.role)
