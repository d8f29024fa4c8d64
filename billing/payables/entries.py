"""Entries of payables and payments to providers: each under a key of its own, which says what happened."""

from __future__ import annotations

from collections.abc import Sequence

from billing.database import Connection
from billing.ledger.journal import Entry
from billing.ledger.store import append_entries


async def book(conn: Connection, payable_id: str, entries: Sequence[tuple[str, int, Entry]]) -> None:
    """With their amounts in won; a key that is there fails."""
    if not entries:
        return
    ids = await append_entries(conn, [entry for _, _, entry in entries])
    for (key, won, _), entry_id in zip(entries, ids, strict=True):
        await conn.execute(
            "insert into payable_entry (key, payable_id, amount_won, entry_id) values (%s, %s, %s, %s)",
            [key, payable_id, won, entry_id],
        )
