"""Statements: a subject's months, a month with its lines and tax invoices, and the same as a file to keep."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from billing.lifecycle.table import Refused
from billing.statements import store
from billing.statements.month import month_of
from billing.statements.statement import SUBJECT_KINDS, Subject
from portal.web import formats, names, statement_lists, words
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.visit import PREFIXES, File, Html, Reply, Visit

FORMS: Final = ("pdf", "xlsx", "csv")
_PLURALS: Final = {"company": "companies", "provider": "providers", "programme": "programmes"}
_NOT_FOUND: Final = ("not_found", "There is nothing of this id.", "해당 항목이 없습니다.")


def pages(operations: Operations) -> list[Page]:
    """A company's and a provider's own are at its month; the agency and auditors say whose."""
    made = []
    for role in ("company", "provider"):
        below = f"/{role}/statements"
        made += [
            Page(below, (role,), _list),
            Page(f"{below}/{{month}}", (role,), partial(_show, operations)),
            Page(f"{below}/{{month}}/{{form}}", (role,), partial(_file, operations)),
        ]
    for inside in INSIDE:
        below = f"{PREFIXES[inside]}/statements/{{subject}}/{{id}}"
        made += [
            Page(below, (inside,), _list),
            Page(f"{below}/{{month}}", (inside,), partial(_show, operations)),
            Page(f"{below}/{{month}}/{{form}}", (inside,), partial(_file, operations)),
        ]
    return made


def _subject(visit: Visit) -> Subject:
    """One's own, or the one that the path names. Raises Refused."""
    actor = visit.desk.actor
    if actor.role == "company":
        assert actor.company is not None, "a person of a company has one"
        return Subject("company", actor.company)
    if actor.role == "provider":
        assert actor.provider is not None, "a person of a provider has one"
        return Subject("provider", actor.provider)
    kind = next((kind for kind in SUBJECT_KINDS if kind == visit.part("subject")), None)
    if kind is None:
        raise Refused(*_NOT_FOUND)
    return Subject(kind, visit.part("id"))


def _base(visit: Visit, subject: Subject) -> str:
    own = visit.role in ("company", "provider")
    whose = "" if own else f"/{subject.kind}/{quote(subject.id, safe='')}"
    return f"{visit.prefix}/statements{whose}"


async def _name(visit: Visit, subject: Subject) -> str:
    """Raises Refused: the one of the path may be nobody."""
    named = await names.names_in(visit.desk.conn, subject.kind, [subject.id])
    if subject.id not in named:
        raise Refused(*_NOT_FOUND)
    return named[subject.id]


async def _list(visit: Visit) -> Reply:
    subject = _subject(visit)
    name = await _name(visit, subject)
    found = await store.months_of(visit.desk.conn, subject, month_of(visit.desk.now))
    closed = await store.closed_until(visit.desk.conn)
    months = [
        {
            "month": str(month),
            "state": "final" if closed is not None and month <= closed else "provisional",
            "sums": sums,
        }
        for month, sums in statement_lists.newest_first(found)
    ]
    return Html(
        "statement_list.html",
        {
            "name": name,
            "months": months,
            "total": statement_lists.total([one["sums"] for one in months]),  # type: ignore[misc]
            "base": _base(visit, subject),
            "columns": statement_lists.COLUMNS,
            "trail": _trail(visit, subject, name),
        },
    )


def _trail(
    visit: Visit, subject: Subject, name: str, month: str | None = None
) -> tuple[tuple[str | None, str], ...]:
    title = words.text("nav.statements", visit.language)
    base = _base(visit, subject)
    here: tuple[tuple[str | None, str], ...] = (
        ((base if month else None, title),)
        if visit.role in ("company", "provider")
        else (
            (f"{visit.prefix}/months", words.text("nav.months", visit.language)),
            (base if month else None, name),
        )
    )
    return here if month is None else (*here, (None, formats.month(month, visit.language)))


async def _asked(operations: Operations, visit: Visit, form: str) -> Any:
    subject = _subject(visit)
    name = f"GET /{_PLURALS[subject.kind]}/{{id}}/statements/{{month}}"
    month = visit.part("month")
    return await operations.answer(
        visit.desk, name, id=subject.id, month=month, form=form, lang=visit.language
    )


async def _show(operations: Operations, visit: Visit) -> Reply:
    subject = _subject(visit)
    name = await _name(visit, subject)
    shown = operations.body_of(await _asked(operations, visit, "json"))
    return Html(
        "statement.html",
        {
            "name": name,
            "shown": shown,
            "lines": await _lines(visit, shown),
            "base": f"{_base(visit, subject)}/{visit.part('month')}",
            "forms": FORMS,
            "trail": _trail(visit, subject, name, shown["month"]),
        },
    )


async def _lines(visit: Visit, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """With the names of the other side, and what a rest is in words."""
    named = {
        kind: await names.names_in(visit.desk.conn, kind, {line[kind] for line in shown["lines"]})
        for kind in SUBJECT_KINDS
    }
    return [
        {**line, **{f"{kind}_name": named[kind].get(line[kind], line[kind]) for kind in SUBJECT_KINDS}}
        for line in shown["lines"]
    ]


async def _file(operations: Operations, visit: Visit) -> Reply:
    form = visit.part("form")
    if form not in FORMS:
        raise Refused(*_NOT_FOUND)
    await _name(visit, _subject(visit))
    answer = await _asked(operations, visit, form)
    name = answer.headers["content-disposition"].partition('filename="')[2].rstrip('"')
    return File(name, answer.media_type, bytes(answer.body))
