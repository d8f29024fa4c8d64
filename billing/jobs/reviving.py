"""Jobs whose worker died are given out again, and so are those that the queue has lost.

A dead attempt is known by its lock, which PostgreSQL lets go with the connection. The queue's own sign, a
heart that stands still, is for what dies between being fetched and being begun, and for machines that vanish.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from billing.casework.rows import Row, rows_of
from billing.database import JOB_LOCK, Connection
from billing.jobs import queue, store
from billing.jobs.queue import Queue
from billing.lifecycle import job as life

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reviver:
    """`_quiet`: attempts whose lock was free at the last look; at the second one they are dead."""

    queue: Queue
    _quiet: set[tuple[str, int]] = field(default_factory=set)

    async def look(self, conn: Connection) -> int:
        """-> how many were given out again. `conn` is outside any SQL transaction."""
        await store.drop_old_files(conn)
        rows = await rows_of(
            conn, "select * from job where state = any(%s) order by id", [list(life.UNENDED)]
        )
        revived, quiet = 0, set()
        for row in rows:
            entry = await self.queue.entry(row["queue_id"])
            if entry is None:
                # While somebody is at it all the same, another attempt would only put an end to that one.
                is_left = not row["attempt"] or await _is_free(conn, row)
                revived += await self._put_in_again(conn, row) if is_left else 0
            elif entry.is_out and row["attempt"] and entry.turn == row["turn"] and await _is_free(conn, row):
                one = (row["id"], row["attempt"])
                if one in self._quiet:
                    _log.warning("job_revived job=%s attempt=%s", *one)
                    await self.queue.give_out_again(row["queue_id"])
                    revived += 1
                else:
                    quiet.add(one)
        self._quiet = quiet
        for queue_id in await self.queue.of_dead_workers():
            await self.queue.give_out_again(queue_id)
            revived += 1
        return revived

    async def _put_in_again(self, conn: Connection, row: Row) -> int:
        async with conn.transaction():
            again = await rows_of(
                conn,
                "select 1 from job where id = %s and state = any(%s) and queue_id is not distinct from %s"
                " for update",
                [row["id"], list(life.UNENDED), row["queue_id"]],
            )
            if not again or await self.queue.entry(row["queue_id"]) is not None:
                return 0
            _log.warning("job_put_in_again job=%s", row["id"])
            queue_id = await queue.put_in(conn, row["id"], priority=store.PRIORITIES[row["kind"]])
            await conn.execute("update job set queue_id = %s where id = %s", [queue_id, row["id"]])
        return 1


async def _is_free(conn: Connection, row: Row) -> bool:
    async with conn.transaction():
        cursor = await conn.execute(
            "select pg_try_advisory_xact_lock(%s, hashtext(%s))", [JOB_LOCK, f"{row['id']}/{row['attempt']}"]
        )
        found = await cursor.fetchone()
    return found is not None and bool(found[0])
