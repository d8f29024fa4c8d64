"""Rows of the casework as mappings: one, several, or a page of them behind a cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.rows import dict_row

from billing.database import Connection
from billing.lifecycle.table import Refused

Row = dict[str, Any]

PAGE_MAX: Final = 100

NOT_FOUND: Final = ("not_found", "There is nothing of this id.", "해당 항목이 없습니다.")


async def rows_of(
    conn: Connection, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def row_of(
    conn: Connection, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> Row:
    """Raises Refused where there is none."""
    found = await rows_of(conn, query, parameters)
    if not found:
        raise Refused(*NOT_FOUND)
    return found[0]


async def lock_budget(conn: Connection) -> None:
    """Whoever promises money, or changes what was declared, follows the others: as a declaration does."""
    await conn.execute("select 1 from directory_revision for update")
