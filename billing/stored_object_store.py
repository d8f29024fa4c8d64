"""Files and batches that vendors store: listed for their company alone, newest first.

What is deleted (`stored`) or past its end at the vendor is in no answer. A batch goes on as long as its call
stands in `unfinished`: until it is charged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from billing import stored_store
from billing.database import Connection
from billing.stored_store import StoredRow

RESULT_PURPOSE: Final = "batch_output"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    row: StoredRow
    shown: bytes
    purpose: str
    size_bytes: int
    expires_s: int | None
    bounds: str | None
    input_file: str | None


@dataclass(frozen=True, slots=True)
class Page:
    kind: str
    limit: int
    after: str | None
    oldest_first: bool
    purpose: str | None
    products: list[str] | None


_COLUMNS: Final = (
    "s.kind, s.vendor_id, s.company_id, s.product_id, s.target_id, s.base_url, s.op, o.shown, o.purpose,"
    " o.size_bytes, extract(epoch from o.expires_at)::bigint, o.bounds, o.input_file"
)
_TOTALS: Final = (
    "count(*) filter (where o.kind = 'file' and o.purpose <> %(result)s),"
    " coalesce(sum(o.size_bytes) filter (where o.kind = 'file' and o.purpose <> %(result)s), 0)::bigint,"
    " count(*) filter (where o.kind = 'batch' and exists (select from unfinished u where u.op = s.op))"
)
_THERE: Final = (
    " from stored_object o join stored s using (kind, base_url, vendor_id)"
    " where o.company_id = %(company)s and s.company_id = %(company)s and s.deleted_at is null"
    " and (o.expires_at is null or o.expires_at > clock_timestamp())"
)


async def add(conn: Connection, one: ObjectRow, *, gateway_id: str, call: str | None) -> bool:
    """Bound and listed; where the id is another company's (False), nothing is."""
    row, is_ours = one.row, False
    async with conn.transaction() as whole:
        is_ours = await stored_store.bind(conn, row, gateway_id=gateway_id, call=call)
        if not is_ours:
            raise psycopg.Rollback(whole)
        await conn.execute(
            "insert into stored_object (kind, base_url, vendor_id, company_id, shown, purpose, size_bytes,"
            "  expires_at, bounds, input_file)"
            " values (%s, %s, %s, %s, %s, %s, %s, to_timestamp(%s), %s, %s) on conflict do nothing",
            [
                *(row.kind, row.base_url, row.vendor_id, row.company_id),
                *(one.shown.decode(), one.purpose, one.size_bytes),
                *(one.expires_s, one.bounds, one.input_file),
            ],
        )
    return is_ours


async def find(conn: Connection, *, company_id: str, kind: str, vendor_id: str) -> ObjectRow | None:
    cursor = await conn.execute(
        f"select {_COLUMNS}{_THERE} and o.kind = %(kind)s and o.vendor_id = %(id)s"
        " order by o.number desc limit 1",
        {"company": company_id, "kind": kind, "id": vendor_id},
    )
    row = await cursor.fetchone()
    return None if row is None else _object(row)


async def made_by(conn: Connection, *, company_id: str, kind: str, op: str) -> tuple[ObjectRow | None, bool]:
    """What a call has made, as far as its id is known; and whether the call goes on."""
    cursor = await conn.execute(
        f"select {_COLUMNS}{_THERE} and o.kind = %(kind)s and s.op = %(op)s",
        {"company": company_id, "kind": kind, "op": op},
    )
    row = await cursor.fetchone()
    going = await conn.execute("select exists (select from unfinished where op = %s)", [op])
    [(goes_on,)] = await going.fetchall()
    return None if row is None else _object(row), bool(goes_on)


def _object(row: TupleRow) -> ObjectRow:
    return ObjectRow(StoredRow(*row[:7]), row[7].encode(), *row[8:])


async def show(conn: Connection, row: StoredRow, shown: bytes, *, instead_of: bytes | None) -> None:
    former = None if instead_of is None else instead_of.decode()
    await conn.execute(
        "update stored_object set shown = %s"
        " where (kind, base_url, vendor_id, company_id) = (%s, %s, %s, %s)"
        " and shown = coalesce(%s, shown)",
        [shown.decode(), row.kind, row.base_url, row.vendor_id, row.company_id, former],
    )


async def page(conn: Connection, company_id: str, asked: Page) -> tuple[list[bytes], bool] | None:
    """None: nothing of this company's to go on from. What was deleted meanwhile still marks a place."""
    named: dict[str, object] = {"company": company_id, "kind": asked.kind, "limit": asked.limit + 1}
    where = " and o.kind = %(kind)s"
    if asked.after is not None:
        cursor = await conn.execute(
            "select max(number) from stored_object"
            " where (company_id, kind, vendor_id) = (%(company)s, %(kind)s, %(after)s)",
            {**named, "after": asked.after},
        )
        [(number,)] = await cursor.fetchall()
        if number is None:
            return None
        named["after"] = number
        where += " and o.number > %(after)s" if asked.oldest_first else " and o.number < %(after)s"
    if asked.purpose is not None:
        named["purpose"] = asked.purpose
        where += " and o.purpose = %(purpose)s"
    if asked.products is not None:
        named["products"] = asked.products
        where += " and s.product_id = any(%(products)s)"
    order = "asc" if asked.oldest_first else "desc"
    cursor = await conn.execute(
        f"select o.shown{_THERE}{where} order by o.number {order} limit %(limit)s",
        named,
    )
    rows = [str(shown).encode() for (shown,) in await cursor.fetchall()]
    return rows[: asked.limit], len(rows) > asked.limit


async def totals(conn: Connection, company_id: str) -> tuple[int, int, int]:
    """(files, their bytes, batches that go on)"""
    cursor = await conn.execute(
        f"select {_TOTALS}{_THERE}",
        {"company": company_id, "result": RESULT_PURPOSE},
    )
    [(files, size, batches)] = await cursor.fetchall()
    return int(files), int(size), int(batches)


async def is_in_use(conn: Connection, row: StoredRow) -> bool:
    cursor = await conn.execute(
        "select exists (select from unfinished where op = %s)"
        " or exists (select from stored_object o join stored s using (kind, base_url, vendor_id)"
        "  join unfinished u on u.op = s.op"
        "  where o.input_file = %s and o.base_url = %s)",
        [row.op, row.vendor_id, row.base_url],
    )
    [(is_used,)] = await cursor.fetchall()
    return bool(is_used)


__all__ = ["ObjectRow", "Page", "add", "find", "is_in_use", "made_by", "page", "show", "totals"]
