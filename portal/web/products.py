"""A product as those see it who may buy it, with its price list; and as its provider sees it, read only.

Registration and review have pages of their own; they link here.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from portal.web import formats, things, words
from portal.web.facts import Fact, lines
from portal.web.lists import EVERYBODY
from portal.web.operations import Operations
from portal.web.serving import Page
from portal.web.thing_table import PRODUCT
from portal.web.visit import PREFIXES, Html, Reply, Visit

_FACTS: Final = (
    *(Fact("provider"), Fact("scale", key="scale"), Fact("purposes"), Fact("context_tokens")),
    *(Fact("max_output_tokens"), Fact("data_location", is_due=True)),
    *(Fact("trains_on_input", is_due=True), Fact("retention_days", is_due=True), Fact("active")),
)
_FACTS_INSIDE: Final = (Fact("provider", "providers"), *_FACTS[1:], *PRODUCT.facts[1:])
# In the order of a price list; what costs nothing anywhere is no column.
_PRICES: Final = (
    *("input", "cached_input", "cache_write", "output", "input_audio", "output_audio"),
    *("per_request", "per_image", "per_second", "per_1000_characters", "per_search"),
)


def pages(operations: Operations) -> list[Page]:
    return [
        Page(f"{PREFIXES[role]}/products/{{id}}", (role,), partial(_show, operations)) for role in EVERYBODY
    ]


async def _show(operations: Operations, visit: Visit) -> Reply:
    shown = await operations.call(visit.desk, "GET /products/{id}", id=visit.part("id"))
    if visit.role == "provider":
        visit.desk.must_see(provider=shown["provider"])
    prices: list[dict[str, Any]] = [
        {"from": entry["from"], **{name: formats.micro_of(entry[name]) for name in _PRICES}}
        for entry in shown["prices"]
    ]
    names = [name for name in _PRICES if any(entry[name] for entry in prices)]
    return Html(
        "product.html",
        {
            "name": shown["id"],
            "thing": "product",
            "kind": "products",
            "shown": shown,
            "lines": lines(_FACTS_INSIDE if visit.desk.sees_everything else _FACTS, shown, visit.language),
            "offered": await things.offered(PRODUCT, visit) if visit.role == "operator" else [],
            "done": things.done(visit),
            "prices": prices,
            "price_names": names or ["input"],
            "trail": (
                (f"{visit.prefix}/products", words.text("nav.products", visit.language)),
                (None, shown["id"]),
            ),
        },
    )
