"""Pages that are a table: each a View under the prefixes of the roles that may read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role
from portal.api import answers
from portal.api.desk import Desk
from portal.web import view, views
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.view import Scope, View
from portal.web.visit import PREFIXES, Html, Reply, Visit

INSIDE: Final[tuple[Role, ...]] = ("operator", "auditor")


@dataclass(frozen=True, slots=True)
class Listed:
    path: str
    title: str
    roles: tuple[Role, ...]
    view: View
    scope: Callable[[Desk], Scope]
    make: Mapping[Role, tuple[str, str]] | None = None  # what may be made: path and text


def everything(_: Desk) -> Scope:
    return answers.EVERYTHING


LISTS: Final = (
    Listed(
        "/programmes",
        "nav.programmes",
        INSIDE,
        views.PROGRAMMES,
        everything,
        make={"operator": ("/programmes/new", "do.programme.make")},
    ),
)


def pages(_: Operations) -> list[Page]:
    return [Page(f"{PREFIXES[role]}{one.path}", (role,), _show(one)) for one in LISTS for role in one.roles]


def _show(listed: Listed) -> Callable[[Visit], object]:
    async def show(visit: Visit) -> Reply:
        table = await view.read(visit.desk.conn, listed.view, listed.scope(visit.desk), visit.query)
        return Html(
            "list.html",
            {
                "title": listed.title,
                "table": table,
                "make": (listed.make or {}).get(visit.role),
                "trail": ((None, visit_word(visit, listed.title)),),
            },
        )

    return show


def visit_word(visit: Visit, key: str) -> str:
    from portal.web import words

    return words.text(key, visit.language)
