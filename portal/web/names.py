"""The names of what a page shows by its id: people know a company by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from billing.casework.rows import rows_of
from billing.database import Connection

_NAMED: Final = ("company", "provider", "programme", "round")


async def of(conn: Connection, shown: Mapping[str, Any]) -> dict[str, str]:
    """By the name of the fact that is an id."""
    found: dict[str, str] = {}
    for table in _NAMED:
        thing_id = shown.get(table)
        if isinstance(thing_id, str):
            named = await names_in(conn, table, [thing_id])
            found[table] = named.get(thing_id, thing_id)
    return found


async def names_in(conn: Connection, table: str, ids: Iterable[str]) -> dict[str, str]:
    assert table in _NAMED
    rows = await rows_of(conn, f"select id, name from {table} where id = any(%s)", [sorted(ids)])  # noqa: S608
    return {row["id"]: row["name"] for row in rows}
