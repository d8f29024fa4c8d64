"""What providers reported, as pages."""

from __future__ import annotations

from typing import Final

from portal.web import formats
from portal.web.facts import Fact
from portal.web.operations import Shown
from portal.web.thing import EVERYBODY, WITH_PROVIDERS, Thing
from portal.web.visit import Visit


def _product(shown: Shown, visit: Visit) -> Shown:
    """A price a line: of which tier, since when, how much."""
    prices = [
        " · ".join(
            (
                *([one["tier"]] if one["tier"] else []),
                formats.instant_of(one["from"], visit.language),
                formats.won(formats.micro_of(one["price_krw"]), visit.language),
            )
        )
        for one in shown["prices"]
    ]
    return {**shown, "unit_prices": prices}


THINGS: Final = (
    Thing(
        "reported_products",
        "reported_product",
        "name",
        (
            *(Fact("id"), Fact("provider"), Fact("unit", key="unit"), Fact("report_days")),
            *(Fact("objection_days"), Fact("accept_from_krw"), Fact("unit_prices")),
        ),
        EVERYBODY,
        WITH_PROVIDERS,
        prepared=_product,
        owner="provider",
    ),
    Thing(
        "report_keys",
        "report_key",
        "id",
        (Fact("provider"), Fact("public_key"), Fact("from_at"), Fact("until_at")),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
    ),
    Thing(
        "report_lines",
        "report_line",
        "id",
        (
            *(Fact("provider"), Fact("company"), Fact("product"), Fact("unit", key="unit"), Fact("tier")),
            *(Fact("quantity"), Fact("from_on"), Fact("to_on"), Fact("amount_krw"), Fact("price")),
            *(Fact("evidence"), Fact("line"), Fact("corrects", "report_lines"), Fact("due_at")),
            *(Fact("waits_for", key="waits_for"), Fact("agreement"), Fact("voucher")),
        ),
        EVERYBODY,
        EVERYBODY,
    ),
)
