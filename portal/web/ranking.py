"""A round's ranking as it stands: who would be where, and what decided between two with the same points."""

from __future__ import annotations

from functools import partial

from portal.web import formats, names, words
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.visit import PREFIXES, Html, Reply, Visit


def pages(operations: Operations) -> list[Page]:
    return [
        Page(f"{PREFIXES[role]}/rounds/{{id}}/ranking", (role,), partial(_show, operations))
        for role in INSIDE
    ]


async def _show(operations: Operations, visit: Visit) -> Reply:
    round_id = visit.part("id")
    shown = await operations.call(visit.desk, "GET /rounds/{id}", id=round_id)
    ranked = (await operations.call(visit.desk, "GET /rounds/{id}/ranking", id=round_id))["data"]
    title = words.text("ranking", visit.language)
    named = await names.names_in(visit.desk.conn, "company", {one["company"] for one in ranked})
    rows = [
        {
            **one,
            "government_micro": formats.micro_of(one["government_krw"]),
            "company": named.get(one["company"], one["company"]),
        }
        for one in ranked
    ]
    return Html(
        "ranking.html",
        {
            "title": title,
            "name": shown["name"],
            "rows": rows,
            "budget_micro": formats.micro_of(shown["budget_krw"]),
            "trail": (
                (f"{visit.prefix}/rounds", words.text("nav.rounds", visit.language)),
                (f"{visit.prefix}/rounds/{round_id}", shown["name"]),
                (None, title),
            ),
        },
    )
