"""The life of a long job, whose clock is a worker: one that does the job, or goes away in the middle."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from billing.database import Connection
from billing.jobs.running import Ended, Ending, Run, Tools, Work, attempt_on
from billing.lifecycle import job
from billing.lifecycle.table import Refused
from tests.portal.lives.life import Ask, Life, Stage, Turn

STATEMENT: Final = {"provider": "nuri", "month": "2026-09", "file_name": "n.csv", "format": "csv"}


async def _done(tools: Tools, run: Run) -> Ending:
    async def ending(conn: Connection) -> Ended:
        return Ended()

    return ending


async def _left(tools: Tools, run: Run) -> Ending:
    raise OSError("the worker goes away")


async def _refused(tools: Tools, run: Run) -> Ending:
    raise Refused("statement_unreadable", "It cannot be read.", "읽을 수 없습니다.")


def _attempted(work: Work) -> Turn:
    async def turn(stage: Stage, job_id: str) -> None:
        tools = Tools("", now=lambda: stage.office.now)
        with suppress(OSError):
            await attempt_on(stage.conn, tools, {"reconciliation": work}, job_id, 0)

    return turn


async def _is_fetched(stage: Stage, job_id: str) -> None:
    """By a worker that did not begin it yet: one that nobody has is over with its cancelling."""
    await stage.conn.execute(
        "update procrastinate_jobs set status = 'doing' from job"
        " where job.id = %s and job.queue_id = procrastinate_jobs.id and status = 'todo'",
        [job_id],
    )


async def _of_auditor(stage: Stage) -> str:
    made = await stage.office.post("auditor", "bundles", {"programme": None})
    return str(made["id"])


LIVES: Final = (
    Life(
        job.TABLE,
        "jobs",
        asks={
            "ask": Ask(
                "POST statement_imports",
                STATEMENT | {"content": "request_id\nreq-1\n"},
                elsewhere={"auditor": Ask("POST bundles", {"programme": None})},
            ),
        },
        turns={"cancel": _is_fetched},
        own={"cancel": {"auditor": _of_auditor}},
        clock={
            "begin": _attempted(_left),
            "resume": _attempted(_left),
            "finish": _attempted(_done),
            "fail": _attempted(_refused),
            "stop": _attempted(_left),
        },
    ),
)
