"""Everything that is in a database, as a number per table: whether anything at all has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from billing.database import Connection

_WRITTEN = """
    select relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
        + pg_stat_get_xact_tuples_deleted(oid)
    from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"""


@dataclass(slots=True)
class WholeBooks:
    """Of a connection's one long SQL transaction. Only tables written to since are looked at again.

    The server counts what the transaction wrote, and counts on where a part of it was undone.
    """

    conn: Connection
    _seen: dict[str, tuple[int, str]] = field(default_factory=dict)  # how much was written, what was held

    async def seen(self) -> dict[str, str]:
        """Rows of each table, and a hash over all that they hold."""
        written = await self._written()
        new = [name for name, count in written.items() if self._seen.get(name, (-1, ""))[0] != count]
        for name, held in await self._looked(new):
            self._seen[name] = (written[name], held)
        return {name: held for name, (_, held) in self._seen.items()}

    @asynccontextmanager
    async def undone(self, undoing: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
        """What was seen before it is there again after it."""
        before = await self.seen()
        async with undoing:
            yield
        after = await self._written()
        self._seen = {name: (after[name], held) for name, held in before.items()}

    async def _written(self) -> dict[str, int]:
        return dict(await (await self.conn.execute(_WRITTEN)).fetchall())

    async def _looked(self, names: Sequence[str]) -> list[tuple[str, str]]:
        if not names:
            return []
        query = " union all ".join(
            f"select '{name}', count(*) || ' rows, ' ||"
            f' coalesce(sum(hashtextextended(t::text, 0)), 0) from "{name}" t'
            for name in names
        )
        return await (await self.conn.execute(query.encode())).fetchall()


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
