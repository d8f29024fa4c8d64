"""A provider's statement too large to be matched while somebody waits: read in portions, kept at once."""

from __future__ import annotations

import asyncio
import hashlib

from billing.database import Connection, connect
from billing.jobs import store
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.lifecycle.table import Refused
from billing.reconciliation.matching import match_calls
from billing.reconciliation.reading import AS_A_JOB, BadStatement, TheirCall, calls_of_statement
from billing.reconciliation.store import StatementFile, keep_run, our_calls
from billing.statements.month import month_named

ROWS_AT_ONCE = 500


async def match(tools: Tools, run: Run) -> Ending:
    arguments = run.arguments
    provider, month = arguments["provider"], month_named(arguments["month"])
    async with await connect(tools.database_url, statement_timeout_ms=0) as books:
        data = b"".join([piece async for piece in store.pieces_of(books, run.id, "input")])
        theirs = await _read(run, data.decode())
        ours = await our_calls(books, provider, month)
    lines = await asyncio.to_thread(match_calls, theirs, ours)
    file = StatementFile(arguments["file_name"], hashlib.sha256(data).hexdigest(), len(theirs))

    async def ending(conn: Connection) -> Ended:
        run_id = await keep_run(conn, provider, month, file, lines, deed=run.deed)
        return Ended(result=f"/reconciliations/{run_id}")

    return ending


async def _read(run: Run, text: str) -> list[TheirCall]:
    """Raises Refused, with the line that cannot be read."""
    theirs: list[TheirCall] = []
    run.note(0, None)
    try:
        for call in calls_of_statement(text, run.arguments["format"], AS_A_JOB):
            theirs.append(call)
            if not len(theirs) % ROWS_AT_ONCE:
                run.note(len(theirs), None)
                await asyncio.sleep(0)
    except BadStatement as bad:
        at = f"line {bad.line}" + ("" if bad.column is None else f", {bad.column}")
        raise Refused("statement_unreadable", f"{at}: {bad.english}", f"{bad.line}행: {bad.korean}") from None
    run.note(len(theirs), len(theirs))
    return theirs
