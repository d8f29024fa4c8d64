"""The statutory sheets as files of a page: those of a settlement, and a programme's end."""

from __future__ import annotations

from starlette.responses import Response

from billing.casework.rows import NOT_FOUND
from billing.lifecycle.table import Refused
from billing.settlements.sheets import FORMS
from portal.api import settlements
from portal.api.sheet_files import MEDIA, Format
from portal.web.serving import Page
from portal.web.visit import PREFIXES, File, Reply, Visit


def pages() -> list[Page]:
    """A company sees its own settlements; a programme's end is for the agency and its auditors."""
    made = [
        Page(f"{PREFIXES[role]}/settlements/{{id}}/sheet", (role,), _settlement)
        for role in ("operator", "auditor", "company")
    ]
    return made + [
        Page(f"{PREFIXES[role]}/programmes/{{id}}/sheet", (role,), _programme)
        for role in ("operator", "auditor")
    ]


async def _settlement(visit: Visit) -> Reply:
    asked = visit.query.get("form", "report")
    form = next((one for one in FORMS if one == asked), None)
    if form is None:
        raise Refused(*NOT_FOUND)
    answer = await settlements.settlement_sheet(
        visit.desk, visit.part("id"), form, _format(visit), visit.language
    )
    return _kept(answer)


async def _programme(visit: Visit) -> Reply:
    return _kept(
        await settlements.programme_end_sheet(visit.desk, visit.part("id"), _format(visit), visit.language)
    )


def _kept(answer: Response) -> File:
    name = answer.headers["content-disposition"].partition('filename="')[2].removesuffix('"')
    return File(name, answer.headers["content-type"], bytes(answer.body))


def _format(visit: Visit) -> Format:
    asked = visit.query.get("format", "pdf")
    found = next((one for one in MEDIA if one == asked), None)
    if found is None:
        raise Refused(*NOT_FOUND)
    return found
