"""A closed month without its calls, for tests that look at what follows from one and not at the books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing.casework.deeds import Deed, log_step
from billing.database import Connection
from billing.payables.making import make_payables

CLOSED: Final = "2026-01"
WON: Final = 1_800


async def a_closed_month(conn: Connection, *, deed: Deed) -> None:
    """nuri is owed 1,800 won for calls of gaonde's voucher."""
    async with conn.transaction():
        await a_closed_line(conn, {"nuri": WON}, deed=deed)
        await make_payables(conn, deed=deed)


async def a_closed_line(conn: Connection, won: Mapping[str, int], *, deed: Deed) -> None:
    """A line for each of these providers, and no payable yet."""
    await log_step(conn, "month", "close", deed=deed, thing_id=CLOSED, before="open", after="closed")
    await conn.execute(
        "insert into closed_month (month, lines, charge_micro, lines_sha256) values (%s, %s, %s, %s)",
        [CLOSED, len(won), sum(won.values()) * 1_000_000, "0" * 64],
    )
    for provider_id, charge_won in won.items():
        await conn.execute(
            "insert into statement_line values (%s, 'ai-2026', 'gaonde', 'gaonde-2026', %s, 'nuri-x1',"
            " 'usage', %s, 1, %s, 0, 0, 0, %s, 0, 0, 0)",
            [CLOSED, provider_id, CLOSED, charge_won * 1_000_000, charge_won],
        )
