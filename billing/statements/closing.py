"""Closing a month: its lines are written down once, and from then on nothing is booked into it.

Whoever books usage shares a lock that is taken here alone: what was booked before is in the month, what
comes after is late and belongs to the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import row_of, rows_of
from billing.database import MONTH_LOCK, Connection
from billing.directory_time import instant_ms
from billing.lifecycle import month as life
from billing.lifecycle.table import Guard
from billing.payables.making import make_payables
from billing.statements.lines import Line
from billing.statements.month import Month
from billing.statements.store import closed_until, first_used, open_lines

CLOSE_TIMEOUT_MS = 60_000
# Batches that the snapshot did not see; an index of ranges finds their calls.
_BOOKED_SINCE = (
    "select 1 from batch b join usage u on u.batch_id = b.id"
    " where not pg_visible_in_snapshot(b.xact, %s::pg_snapshot) and u.held_at_ms < %s limit 1"
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The lines as of a snapshot: good as long as nothing of their month, or before it, was booked since."""

    lines: list[Line]
    closed: Month | None
    snapshot: str


async def rehearse(conn: Connection, month: Month) -> Rehearsed:
    """What takes long of a close, while others book. Outside any SQL transaction; locks nothing."""
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read read only")
        closed = await closed_until(conn)
        lines = await open_lines(conn, month)
        [row] = await rows_of(conn, "select pg_current_snapshot()::text as snapshot")
    return Rehearsed(lines, closed, row["snapshot"])


async def blockers(
    conn: Connection, month: Month, *, holds_open: int | None, deed: Deed
) -> list[Guard[life.Facts]]:
    """All conditions of the close that do not hold now."""
    facts = await facts_of(conn, month, await closed_until(conn), holds_open, deed)
    return [guard for guard in life.TABLE.step("close").guards if not guard.holds(facts)]


async def close_month(
    conn: Connection,
    month: Month,
    *,
    holds_open: int | None,
    deed: Deed,
    rehearsed: Rehearsed | None = None,
) -> None:
    """In the caller's SQL transaction; `holds_open` was asked before. Raises Refused.

    What providers are owed for the month is payable from then on (billing/payables/making.py).
    """
    await conn.execute("select pg_advisory_xact_lock(%s, 0)", [MONTH_LOCK])
    await conn.execute(f"set local statement_timeout = {CLOSE_TIMEOUT_MS}".encode())
    closed = await closed_until(conn)
    facts = await facts_of(conn, month, closed, holds_open, deed)
    state = "closed" if closed is not None and month <= closed else "open"
    lines = await _lines(conn, month, closed, rehearsed) if state == "open" and facts.is_next else []
    charge_micro = sum(line.exact_micro.charge for line in lines if line.kind != "rest")
    hashed = lines_sha256(lines)
    await take_step(
        conn,
        life.TABLE,
        "close",
        deed=deed,
        thing_id=str(month),
        state=state,
        facts=facts,
        detail={"lines": len(lines), "charge_micro": charge_micro, "lines_sha256": hashed},
    )
    await conn.execute(
        "insert into closed_month (month, lines, charge_micro, lines_sha256) values (%s, %s, %s, %s)",
        [str(month), len(lines), charge_micro, hashed],
    )
    async with conn.cursor().copy("copy statement_line from stdin") as copy:
        for line in lines:
            await copy.write_row(_columns(line))
    await make_payables(conn, deed=deed)


async def _lines(
    conn: Connection, month: Month, closed: Month | None, rehearsed: Rehearsed | None
) -> list[Line]:
    if rehearsed is not None and rehearsed.closed == closed:
        late = await rows_of(conn, _BOOKED_SINCE, [rehearsed.snapshot, month.end_ms])
        if not late:
            return rehearsed.lines
    return await open_lines(conn, month)


async def facts_of(
    conn: Connection, month: Month, closed: Month | None, holds_open: int | None, deed: Deed
) -> life.Facts:
    first = await first_used(conn) if closed is None else closed.after()
    undecided = await row_of(
        conn,
        "select count(distinct c.id) as corrections from correction c"
        " join correction_call l on l.correction_id = c.id"
        " where c.state = 'proposed' and l.held_at_ms < %s",
        [month.end_ms],
    )
    reports = await row_of(
        conn,
        "select count(*) as undecided from report_line where served_ms < %s"
        " and state in ('reported', 'accepted', 'objected')",
        [month.end_ms],
    )
    claims = await row_of(conn, "select count(*) as open from claim")
    unclosed = await row_of(
        conn,
        "select count(*) as epochs from lane_epoch where state = 'closing'"
        " and created_at < to_timestamp(%s / 1000.0)",
        [month.end_ms],
    )
    # By the books' clock too: it dates entries, and refuses those of a closed month.
    books = await row_of(
        conn, "select extract(epoch from clock_timestamp()) * 1000 >= %s as are_past", [month.end_ms]
    )
    return life.Facts(
        is_over=instant_ms(deed.now) >= month.end_ms and books["are_past"],
        is_next=first is None or month == first,
        holds_open=None if holds_open is None else holds_open + claims["open"] + unclosed["epochs"],
        corrections_undecided=undecided["corrections"],
        reports_undecided=reports["undecided"],
    )


def _columns(line: Line) -> tuple[object, ...]:
    return (
        str(line.month),
        *astuple(line.account),
        line.product_id,
        line.kind,
        str(line.service_month),
        line.calls,
        *astuple(line.exact_micro),
        *astuple(line.won),
    )


def lines_sha256(lines: Sequence[Line]) -> str:
    """Over the lines in their order, as tab-separated columns of the table, each with a line end."""
    hashed = hashlib.sha256()
    for line in lines:
        hashed.update("\t".join(str(column) for column in _columns(line)).encode() + b"\n")
    return hashed.hexdigest()
