"""One attempt at a job: begun, told of while it runs, and ended in one SQL transaction with its effect.

An attempt has a number, and what an older one writes is refused: a worker that was taken for dead and is not
ends nothing twice. While it runs it holds a lock of PostgreSQL, which goes with its connection: so a death by
`kill -9` is known at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, Final

import psycopg

from billing.casework.deeds import Deed
from billing.casework.rows import Row, rows_of
from billing.database import JOB_LOCK, Connection, connect
from billing.jobs import store
from billing.jobs.queue import PACE, Pace
from billing.jobs.scratch import Scratch
from billing.lifecycle import job as life
from billing.lifecycle.table import Actor, Refused
from billing.statements.month import Month
from metering.purse import PurseUnavailable

ATTEMPTS_MAX: Final = 10
ENDING_TIMEOUT_MS: Final = (
    600_000  # of a statement: what is written then may be hundreds of thousands of rows
)

GAVE_UP: Final = {
    "code": "gave_up",
    "english": f"It was begun {ATTEMPTS_MAX} times and came to no end. Ask the desk of the agency.",
    "korean": f"{ATTEMPTS_MAX}번 시도했으나 끝나지 않았습니다. 전담기관 담당자에게 문의해 주세요.",
}
FAULT: Final = {
    "code": "fault",
    "english": "A fault of ours. Nothing was done.",
    "korean": "서버 오류가 발생했습니다. 처리되지 않았습니다.",
}

_log = logging.getLogger(__name__)


class Superseded(Exception):
    """A later attempt has the job, or it has ended."""


class _CancelAsked(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs need of the installation. `unbooked`: as the office asks it of the purse."""

    database_url: str
    signing_seed: bytes | None = None
    unbooked: Callable[[Month], Awaitable[int | None]] | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pace: Pace = PACE


@dataclass(slots=True)
class Run:
    """`note` costs nothing: what it says is written down once a second."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    attempt: int
    deed: Deed
    asked_at: datetime
    done: int = 0
    whole: int | None = None
    scratch: ExitStack = field(default_factory=ExitStack)

    def stream(self) -> IO[bytes]:
        return self.scratch.enter_context(Scratch())

    def note(self, done: int, whole: int | None) -> None:
        self.done, self.whole = done, whole


@dataclass(frozen=True, slots=True)
class Ended:
    """`result`: a path of the API."""

    message: Mapping[str, str] | None = None
    result: str | None = None


# The effect of a job, in the SQL transaction of its end.
Ending = Callable[[Connection], Awaitable[Ended]]
Work = Callable[[Tools, Run], Awaitable[Ending]]


async def attempt(tools: Tools, works: Mapping[str, Work], job_id: str, turn: int) -> None:
    """Raises psycopg.Error, PurseUnavailable, OSError where it is to be done again later."""
    async with await connect(tools.database_url) as conn:
        await attempt_on(conn, tools, works, job_id, turn)


async def attempt_on(
    conn: Connection, tools: Tools, works: Mapping[str, Work], job_id: str, turn: int
) -> None:
    """The same on a connection that is its own, as the lock stays on it. Raises as `attempt`."""
    run = await _begin(conn, tools, job_id, turn)
    if run is None:
        return
    try:
        with run.scratch:
            ending = await _watched(conn, tools, run, works[run.kind](tools, run))
            await _end(conn, tools, run, ending)
    except Superseded:
        _log.warning("job_superseded job=%s attempt=%s", run.id, run.attempt)
    except _CancelAsked:
        await _fold(conn, tools, run, "stop", None)
    except Refused as refused:
        await _fold(conn, tools, run, "fail", told(refused))
    except (psycopg.OperationalError, PurseUnavailable, OSError):
        raise
    except Exception:  # noqa: BLE001 - a fault of one job ends that job, and is told
        _log.exception("job_failed job=%s", run.id)
        await _fold(conn, tools, run, "fail", FAULT)


def told(refused: Refused) -> dict[str, str]:
    return {"code": refused.code, "english": refused.english, "korean": refused.korean}


async def _begin(conn: Connection, tools: Tools, job_id: str, turn: int) -> Run | None:
    """None where there is nothing to do any more."""
    now = tools.now()
    async with conn.transaction():
        found = await rows_of(conn, store.FIND + " where j.id = %s for update", [job_id])
        if not found or found[0]["state"] not in life.UNENDED:
            return None
        [row] = found
        if row["state"] == "cancelling":
            await store.end(conn, row, "stop", now=now)
            return None
        if row["attempt"] >= ATTEMPTS_MAX:
            await store.end(conn, row, "fail", now=now, message=GAVE_UP)
            return None
        number = row["attempt"] + 1
        await conn.execute("select pg_advisory_lock(%s, hashtext(%s))", [JOB_LOCK, f"{job_id}/{number}"])
        action = "begin" if row["state"] == "queued" else "resume"
        state = await store.by_the_clock(conn, row, action, now=now, detail={"attempt": number})
        await conn.execute(
            "update job set state = %s, attempt = %s, turn = %s, started_at = coalesce(started_at, %s),"
            " done = 0, whole = null where id = %s",
            [state, number, turn, now, job_id],
        )
    deed = Deed(Actor(row["person"], row["role"], None, row["provider_id"]), now, job_id, row["reason"])
    return Run(job_id, row["kind"], row["arguments"], number, deed, row["asked_at"])


async def _watched(conn: Connection, tools: Tools, run: Run, work: Awaitable[Ending]) -> Ending:
    """Tell how far it is, and hear whether it is to stop: between two of its portions."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=tools.pace.tell_s))[0]:
            await _tell(conn, run)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _tell(conn: Connection, run: Run) -> None:
    cursor = await conn.execute(
        "update job set done = %s, whole = %s where id = %s and attempt = %s and state = any(%s)"
        " returning state",
        [run.done, run.whole, run.id, run.attempt, list(life.UNENDED)],
    )
    row = await cursor.fetchone()
    if row is None:
        raise Superseded
    if row[0] == "cancelling":
        raise _CancelAsked


async def _end(conn: Connection, tools: Tools, run: Run, ending: Ending) -> None:
    """The effect, its file and the job's last step, or nothing of them."""
    async with conn.transaction():
        row = await _mine(conn, run)
        if row["state"] == "cancelling":
            raise _CancelAsked
        await conn.execute(f"set local statement_timeout = {ENDING_TIMEOUT_MS}".encode())
        ended = await ending(conn)
        await conn.execute(
            "update job set done = %s, whole = %s where id = %s", [run.done, run.whole, run.id]
        )
        await store.end(conn, row, "finish", now=tools.now(), message=ended.message, result=ended.result)


async def _fold(
    conn: Connection, tools: Tools, run: Run, action: str, message: Mapping[str, str] | None
) -> None:
    """Ended without an effect: one that failed while it was being cancelled is cancelled."""
    try:
        async with conn.transaction():
            row = await _mine(conn, run)
            action = "stop" if row["state"] == "cancelling" else action
            await store.end(conn, row, action, now=tools.now(), message=message)
    except Superseded:
        _log.warning("job_superseded job=%s attempt=%s", run.id, run.attempt)


async def _mine(conn: Connection, run: Run) -> Row:
    """The row, locked, if it is this attempt's still. Raises Superseded."""
    found = await rows_of(conn, store.FIND + " where j.id = %s for update", [run.id])
    if not found or found[0]["attempt"] != run.attempt or found[0]["state"] not in life.UNENDED:
        raise Superseded
    return found[0]
