"""What each kind of long job is done by.

Whoever only hands jobs on knows their names. What a job needs (a typesetter, a writer of sheets) is
loaded by the attempt that needs it: a second, and a hundred megabytes, that no worker pays at its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing.jobs.running import Ending, Run, Tools, Work, attempt


async def _close_month(tools: Tools, run: Run) -> Ending:
    from billing.jobs.month_close import close

    return await close(tools, run)


async def _statements(tools: Tools, run: Run) -> Ending:
    from billing.jobs.statement_set import make

    return await make(tools, run)


async def _bundle(tools: Tools, run: Run) -> Ending:
    from billing.jobs.bundle import export

    return await export(tools, run)


async def _reconciliation(tools: Tools, run: Run) -> Ending:
    from billing.jobs.statement_import import match

    return await match(tools, run)


WORKS: Final[Mapping[str, Work]] = {
    "close_month": _close_month,
    "statements": _statements,
    "bundle": _bundle,
    "reconciliation": _reconciliation,
}


async def attempt_here(tools: Tools, job_id: str, turn: int) -> None:
    """In this very process."""
    await attempt(tools, WORKS, job_id, turn)
