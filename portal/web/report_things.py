"""What providers reported, as pages."""

from __future__ import annotations

from typing import Final

from portal.web.facts import Fact
from portal.web.thing import EVERYBODY, Thing

THINGS: Final = (
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
