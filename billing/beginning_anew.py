"""Books that have gone back to an earlier time: made fit to be used with whatever purse there is.

What was booked after the copy is not known any more. The purse may know of it: loans that these books never
made, epochs they never opened, holds of gateways they never saw. So every epoch that either of them knows
is over, as after a loss of the purse: what its calls still have to say is posted, what is left returns to the
vouchers, and the next call gets an epoch that nobody has used.
"""

from __future__ import annotations

from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from billing.database import Connection
from billing.figures import Figures
from billing.gateways import mark_all_ended
from metering.remains import Remains


async def begin_anew(conn: Connection, remains: Remains, *, taken_at: str, copied: Figures) -> None:
    """In one SQL transaction. No process may use these books or this purse meanwhile."""
    async with conn.transaction():
        await mark_all_ended(conn)
        await conn.execute(
            "insert into gateway (id, ended_at) select id, clock_timestamp() from unnest(%s::text[]) id"
            " on conflict do nothing",
            [sorted(remains.gateways)],
        )
        await conn.execute(
            "update lane_epoch set state = 'closing', fenced_at = clock_timestamp() where state = 'open'"
        )
        lanes, numbers = zip(*sorted(remains.epochs), strict=True) if remains.epochs else ((), ())
        await conn.execute(
            "insert into lane_epoch (lane, n, ticket, state, fenced_at)"
            " select lane, n, format('seen by the purse: %%s/%%s', lane, n), 'closing', clock_timestamp()"
            " from unnest(%s::smallint[], %s::bigint[]) seen (lane, n) on conflict do nothing",
            [list(lanes), list(numbers)],
        )
        # Another server counts its transactions anew: one of them may have the number that is kept here.
        await conn.execute("update directory_revision set writer = null")
        told = {"taken_at": taken_at, "log_size": copied.log_size, "log_root": copied.log_root}
        await conn.execute("select record_change('restored', %s)", [Jsonb(told)])


async def protect_appended(conn: Connection, tables: tuple[str, ...]) -> None:
    """Rights are not copied, since they name people of another server; these are the schema's own."""
    for table in tables:
        await conn.execute(
            SQL("revoke update, delete, truncate on {} from public, current_user").format(Identifier(table))
        )
