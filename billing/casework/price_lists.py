"""Price lists in PostgreSQL: entries added for a later time, or taken back before they begin."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from billing.casework import notices, products
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.declaration.fields import Instant
from billing.lifecycle import price

FIND: Final = (
    "select e.product_id || '@' || e.valid_from_text as id, e.*, p.provider_id, n.on_sale_at,"
    " w.at as withdrawn_at, (select min(x.valid_from) from price_list x where x.product_id = e.product_id"
    "  and x.valid_from > e.valid_from) as next_from"
    " from price e join product p on p.id = e.product_id join product_now n on n.product_id = e.product_id"
    " left join price_withdrawal w on w.product_id = e.product_id and w.valid_from = e.valid_from"
)


async def find(conn: Connection, price_id: str) -> Row:
    return await row_of(
        conn,
        f"{FIND} where e.product_id = %s and e.valid_from_text = %s",
        [*price_id.partition("@")[::2]],
    )


def state_of(row: Row, now: datetime) -> str:
    return price.state_at(
        now,
        valid_from=row["valid_from"],
        next_from=row["next_from"],
        is_withdrawn=row["withdrawn_at"] is not None,
    )


async def add(conn: Connection, product_id: str, valid_from: Instant, *, deed: Deed) -> str:
    """Judged, logged and told; the entry itself is the declaration's to write. -> its id."""
    await lock_budget(conn)
    row = await products.find(conn, product_id)
    taken = await rows_of(
        conn,
        "select 1 from price where product_id = %s and valid_from = %s",
        [product_id, valid_from.at],
    )
    price_id = f"{product_id}@{valid_from.text}"
    await take_step(
        conn,
        price.TABLE,
        "add",
        deed=deed,
        thing_id=price_id,
        state=None,
        provider=row["provider_id"],
        facts=price.Facts(deed.now, valid_from.at, row["state"], is_free=not taken),
    )
    await _tell(conn, product_id, "price_added", valid_from.text, deed=deed)
    return price_id


async def withdraw(conn: Connection, price_id: str, *, deed: Deed) -> None:
    await lock_budget(conn)
    row = await find(conn, price_id)
    await take_step(
        conn,
        price.TABLE,
        "withdraw",
        deed=deed,
        thing_id=price_id,
        state=state_of(row, deed.now),
        provider=row["provider_id"],
        facts=price.Facts(deed.now, row["valid_from"]),
    )
    await conn.execute(
        "insert into price_withdrawal (product_id, valid_from, at) values (%s, %s, %s)",
        [row["product_id"], row["valid_from"], deed.now],
    )
    await _tell(conn, row["product_id"], "price_withdrawn", row["valid_from_text"], deed=deed)


async def _tell(conn: Connection, product_id: str, kind: str, from_text: str, *, deed: Deed) -> None:
    detail: dict[str, Any] = {"from": from_text}
    await notices.tell(conn, [product_id], kind, deed=deed, detail=detail)
