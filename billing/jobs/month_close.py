"""A month is closed as a job: all that stands in the way is listed, and only its last instant locks out."""

from __future__ import annotations

from billing.database import Connection, connect
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.lifecycle.table import Refused
from billing.statements import closing
from billing.statements.month import Month, month_named

STAGES = 3  # looked at, summed up, asked once more


async def close(tools: Tools, run: Run) -> Ending:
    month = month_named(run.arguments["month"])
    run.note(0, STAGES)
    async with await connect(tools.database_url, statement_timeout_ms=0) as books:
        await _nothing_in_the_way(tools, run, books, month)
        run.note(1, STAGES)
        rehearsed = await closing.rehearse(books, month)
    run.note(2, STAGES)
    unbooked = await _unbooked(tools, month)

    async def ending(conn: Connection) -> Ended:
        await closing.close_month(conn, month, holds_open=unbooked, deed=run.deed, rehearsed=rehearsed)
        run.note(STAGES, STAGES)
        return Ended(result=f"/months/{month}")

    return ending


async def _unbooked(tools: Tools, month: Month) -> int | None:
    return None if tools.unbooked is None else await tools.unbooked(month)


async def _nothing_in_the_way(tools: Tools, run: Run, books: Connection, month: Month) -> None:
    """Raises Refused with all of it, so that nobody learns of one hindrance after the other."""
    unbooked = await _unbooked(tools, month)
    found = await closing.blockers(books, month, holds_open=unbooked, deed=run.deed)
    if len(found) == 1:
        raise found[0].refusal()
    if found:
        raise Refused(
            "month_blocked",
            " ".join(guard.english for guard in found),
            " ".join(guard.korean for guard in found),
        )
