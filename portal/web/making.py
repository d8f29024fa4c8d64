"""Making what no other thing leads to: a programme."""

from __future__ import annotations

from functools import partial

from portal.web import entries, forms, words
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.visit import Go, Html, Reply, Visit


def pages(operations: Operations) -> list[Page]:
    return [Page("/operator/programmes/new", ("operator",), _show, partial(_make, operations))]


async def _show(visit: Visit) -> Reply:
    fields = entries.programme_fields(visit)
    title = words.text("do.programme.make", visit.language)
    return Html(
        "entry.html",
        {
            "title": title,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": "/operator/programmes",
            "trail": (("/operator/programmes", words.text("nav.programmes", visit.language)), (None, title)),
        },
    )


async def _make(operations: Operations, visit: Visit) -> Reply:
    values = forms.values_of(entries.programme_fields(visit), visit.form)
    made = await operations.call(visit.desk, "POST /programmes", values)
    return Go(f"/operator/programmes/{made['id']}?done=programme.make")
