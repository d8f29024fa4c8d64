"""Everything that is in a database, as a number per table: whether anything at all has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from billing.database import Connection

_TABLES = (
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = 'public' and c.relkind = 'r' order by 1"
)


@dataclass(slots=True)
class WholeBooks:
    conn: Connection
    _query: str = field(default="")

    async def seen(self) -> dict[str, str]:
        """Rows of each table, and a hash over all that they hold."""
        if not self._query:
            names = [row[0] for row in await (await self.conn.execute(_TABLES)).fetchall()]
            self._query = " union all ".join(
                f"select '{name}', count(*) || ' rows, ' ||"
                f' coalesce(sum(hashtextextended(t::text, 0)), 0) from "{name}" t'
                for name in names
            )
        return dict(await (await self.conn.execute(self._query.encode(), prepare=True)).fetchall())


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name, seen in after.items() if before[name] != seen]


class OneConnection:
    """In the place of a pool: one connection, and whatever uses it is a part of its SQL transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.conninfo = conn.info.dsn

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._conn.transaction():
            yield self._conn
