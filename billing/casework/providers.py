"""Providers in PostgreSQL: registered, approved, suspended with all their products, ended for good."""

from __future__ import annotations

from typing import Final

from billing.casework import notices
from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import provider

FIND: Final = "select p.*, l.state from provider p join provider_life l on l.provider_id = p.id"
_NOTICES: Final = {"suspend": "provider_suspended", "resume": "provider_resumed", "end": "product_withdrawn"}


async def find(conn: Connection, provider_id: str) -> Row:
    return await row_of(conn, f"{FIND} where p.id = %s", [provider_id])


async def begin(conn: Connection, provider_id: str, action: str, *, deed: Deed) -> None:
    """`make` one that is approved at once, as a declaration does, or `register` one that waits for it."""
    row = await find(conn, provider_id)
    state = await take_step(
        conn,
        provider.TABLE,
        action,
        deed=deed,
        thing_id=provider_id,
        state=None,
        facts=provider.Facts(row["brn"]),
    )
    await conn.execute("update provider_life set state = %s where provider_id = %s", [state, provider_id])


async def change(conn: Connection, provider_id: str, *, deed: Deed, fields: list[str]) -> None:
    await _take(conn, provider_id, "change", deed=deed, detail={"fields": fields})


async def move(conn: Connection, provider_id: str, action: str, *, deed: Deed) -> None:
    """Approve, suspend, resume or end it."""
    after = await _take(conn, provider_id, action, deed=deed)
    sold = await rows_of(
        conn,
        "select id, state from product join product_now on product_id = id where provider_id = %s"
        " and state <> 'withdrawn' order by id",
        [provider_id],
    )
    await conn.execute("update provider_life set state = %s where provider_id = %s", [after, provider_id])
    if action in _NOTICES:
        await notices.tell(conn, [row["id"] for row in sold], _NOTICES[action], deed=deed)
    if after == "ended":
        for row in sold:
            await _withdraw(conn, row, deed=deed)


async def _withdraw(conn: Connection, row: Row, *, deed: Deed) -> None:
    """With a provider that ends go its products, each with the same reason."""
    await log_step(
        conn,
        "product",
        "withdraw",
        deed=deed,
        thing_id=row["id"],
        before=row["state"],
        after="withdrawn",
    )
    await conn.execute(
        "update product_life set state = 'withdrawn', suspended_by = null where product_id = %s", [row["id"]]
    )


async def _take(
    conn: Connection,
    provider_id: str,
    action: str,
    *,
    deed: Deed,
    detail: dict[str, list[str]] | None = None,
) -> str:
    await lock_budget(conn)
    row = await find(conn, provider_id)
    return await take_step(
        conn,
        provider.TABLE,
        action,
        deed=deed,
        thing_id=provider_id,
        state=row["state"],
        facts=provider.Facts(row["brn"]),
        detail=detail,
    )
