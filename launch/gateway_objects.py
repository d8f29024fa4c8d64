"""The gateway's port on files and batches, on billing's store of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from billing import stored_object_store, stored_store
from billing.database import Connection, Pool
from billing.stored_object_store import ObjectRow
from gateway import ports
from launch.gateway_books import AWAY, stored_row, stored_thing


class ObjectRows:
    """gateway.ports.StoredObjects on billing's store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, one: ports.StoredObject, *, gateway_id: str, call: str | None = None) -> bool:
        row = ObjectRow(
            stored_row(one.thing),
            one.shown,
            one.purpose,
            one.size_bytes,
            one.expires_s,
            one.bounds,
            one.input_file,
        )
        async with self._conn() as conn:
            return await stored_object_store.add(conn, row, gateway_id=gateway_id, call=call)

    async def find(self, company_id: str, kind: str, vendor_id: str) -> ports.StoredObject | None:
        async with self._conn() as conn:
            found = await stored_object_store.find(
                conn, company_id=company_id, kind=kind, vendor_id=vendor_id
            )
        return None if found is None else _object(found)

    async def seek(self, thing: ports.StoredThing, *, gateway_id: str, call: str) -> None:
        async with self._conn() as conn:
            await stored_store.bind(conn, stored_row(thing), gateway_id=gateway_id, call=call)

    async def made_by(self, company_id: str, kind: str, op: str) -> tuple[ports.StoredObject | None, bool]:
        async with self._conn() as conn:
            found, goes_on = await stored_object_store.made_by(conn, company_id=company_id, kind=kind, op=op)
        return None if found is None else _object(found), goes_on

    async def show(self, thing: ports.StoredThing, shown: bytes, *, instead_of: bytes | None = None) -> None:
        async with self._conn() as conn:
            await stored_object_store.show(conn, stored_row(thing), shown, instead_of=instead_of)

    async def delete(self, thing: ports.StoredThing) -> None:
        async with self._conn() as conn:
            await stored_store.delete(conn, stored_row(thing))

    async def page(self, company_id: str, asked: ports.PageAsked) -> tuple[Sequence[bytes], bool] | None:
        products = None if asked.products is None else sorted(asked.products)
        page = stored_object_store.Page(
            asked.kind, asked.limit, asked.after, asked.oldest_first, asked.purpose, products
        )
        async with self._conn() as conn:
            return await stored_object_store.page(conn, company_id, page)

    async def totals(self, company_id: str) -> ports.Totals:
        async with self._conn() as conn:
            return ports.Totals(*await stored_object_store.totals(conn, company_id))

    async def is_in_use(self, thing: ports.StoredThing) -> bool:
        async with self._conn() as conn:
            return await stored_object_store.is_in_use(conn, stored_row(thing))

    @asynccontextmanager
    async def _conn(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as conn:
                yield conn
        except AWAY as error:
            raise ports.BooksUnavailable from error


def _object(found: ObjectRow) -> ports.StoredObject:
    return ports.StoredObject(
        stored_thing(found.row),
        found.shown,
        found.purpose,
        found.size_bytes,
        found.expires_s,
        found.bounds,
        found.input_file,
    )
