"""Companies by pages: entered and changed by the agency, as the declarative file has them."""

from __future__ import annotations

from typing import Any, Final

from portal.api.answers import etag_of
from portal.web import market_entries, words
from portal.web.forms import Choice, Field
from portal.web.operations import Operations, Shown
from portal.web.visit import Go, Reply, Visit, with_query

# What a form has and the API takes as nothing where it was emptied.
_EMPTIED: Final[dict[str, Any]] = {"brn": None, "data_locations": None}


def _fields(visit: Visit, now: Shown) -> tuple[Field, ...]:
    named = now.get("data_locations") or []
    countries = (*market_entries.COUNTRIES, *(one for one in named if one not in market_entries.COUNTRIES))
    return (
        Field("name", required=True, initial=now.get("name", "")),
        Field("brn", help="help.brn", initial=now.get("brn") or ""),
        Field("class", required=True, initial=now.get("class", ""), characters_max=64, help="help.class"),
        Field(
            "data_locations",
            "products",  # none chosen is all
            choices=tuple(
                Choice(one, words.named("data_location", one, visit.language)) for one in countries
            ),
            initial=named,
            help="help.data_locations",
        ),
    )


async def new_company_fields(visit: Visit) -> tuple[Field, ...]:
    return (Field("id", required=True, help="help.id", characters_max=64), *_fields(visit, {}))


async def make_company(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    made = await operations.call(visit.desk, "POST /companies", values)
    return Go(with_query(f"{visit.prefix}/companies/{made['id']}", {"done": "company.make"}))


async def company_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    return _fields(visit, shown)


async def change_company(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    etag = visit.form.one("etag") or etag_of(shown)
    whole = {**_EMPTIED, **values}
    await operations.call(visit.desk, "PATCH /companies/{id}", whole, id=shown["id"], etag=etag)
    return None
