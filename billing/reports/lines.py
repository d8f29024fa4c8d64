"""What people do with reported lines: accept, object, reject, withdraw; in the caller's SQL transaction."""

from __future__ import annotations

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, row_of
from billing.database import MONTH_LOCK, Connection
from billing.lifecycle import report_line as life
from billing.reports.charging import charge_line
from billing.reports.finding import LINES


async def find(conn: Connection, line_id: str) -> Row:
    return await row_of(conn, f"{LINES} where l.id = %s", [line_id])


async def move(conn: Connection, line_id: str, action: str, *, deed: Deed) -> None:
    """What is accepted is charged at once where a voucher has it free; else the worker does it."""
    await conn.execute("select pg_advisory_xact_lock_shared(%s, 0)", [MONTH_LOCK])
    row = await row_of(conn, "select * from report_line where id = %s for update", [line_id])
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=line_id,
        state=row["state"],
        company=row["company_id"],
        provider=row["provider_id"],
        facts=life.Facts(),
    )
    await conn.execute("update report_line set state = %s, waits_for = null where id = %s", [after, line_id])
    if after == "accepted":
        await charge_line(conn, line_id, now=deed.now)
