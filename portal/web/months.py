"""The months of the books as a list: which are closed, and what they came to."""

from __future__ import annotations

from functools import partial

from portal.web import formats, words
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.visit import PREFIXES, Html, Reply, Visit


def pages(operations: Operations) -> list[Page]:
    return [Page(f"{PREFIXES[role]}/months", (role,), partial(_list, operations)) for role in INSIDE]


async def _list(operations: Operations, visit: Visit) -> Reply:
    months = (await operations.call(visit.desk, "GET /months"))["data"]
    rows = [
        {**one, "charge_micro": None if one["charge_krw"] is None else formats.micro_of(one["charge_krw"])}
        for one in months
    ]
    return Html("months.html", {"rows": rows, "trail": ((None, words.text("nav.months", visit.language)),)})
