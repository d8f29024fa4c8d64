"""The queue of PostgreSQL (procrastinate) behind four verbs: put in, take out, work, look who died.

Only this module knows the package. An entry of the queue says which job it is for and nothing else; what is
known of the job is in our row. An entry that is done is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

import procrastinate
from procrastinate import exceptions, jobs, retry

from billing.database import Connection, Pool

T = TypeVar("T")

QUEUE: Final = "jobs"
TASK: Final = "job"
PAUSE_MAX_S: Final = 60

# A job's id, and how often the queue had given it out before. Raises where it is to be done again.
Attempt = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks. `stalled_s`: a worker that says nothing for so long is taken for dead."""

    poll_s: float = 1.0
    tell_s: float = 1.0  # between two writings of a job's progress
    look_s: float = 2.0
    heartbeat_s: float = 10.0
    stalled_s: float = 60.0
    drain_s: float = 5.0


PACE: Final = Pace()


@dataclass(frozen=True, slots=True)
class Entry:
    """Of the queue. `is_out`: a worker has it."""

    is_out: bool
    turn: int


class _Again(retry.BaseRetryStrategy):
    """Whatever an attempt raises, the job is to be done again; how often is for our row to say."""

    def get_retry_decision(self, *, exception: BaseException, job: jobs.Job) -> procrastinate.RetryDecision:
        if isinstance(exception, asyncio.CancelledError):  # this worker stops: the next one goes on at once
            return procrastinate.RetryDecision(retry_in={"seconds": 0})
        return procrastinate.RetryDecision(retry_in={"seconds": min(PAUSE_MAX_S, 2 ** min(job.attempts, 6))})


def _app(attempt: Attempt) -> procrastinate.App:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    @app.task(name=TASK, queue=QUEUE, pass_context=True, retry=_Again())
    async def run(context: procrastinate.JobContext, job: str) -> None:
        await attempt(job, context.job.attempts)

    return app


async def _nothing(job_id: str, turn: int) -> None:
    raise NotImplementedError("this one puts in, and does no work")


async def put_in(conn: Connection, job_id: str, *, priority: int) -> int:
    """In the caller's SQL transaction, so that the entry is there exactly if the job is. -> its number.

    Of those that wait, the highest `priority` is next.
    """
    task = _app(_nothing).configure_task(TASK, queue=QUEUE, priority=priority, connection=conn)
    return await _plainly(task.defer_async(job=job_id))


async def take_out(conn: Connection, queue_id: int) -> bool:
    """In the caller's SQL transaction. -> whether no worker had it yet."""
    manager = _app(_nothing).job_manager
    return await _plainly(manager.cancel_job_by_id_async(queue_id, delete_job=True, connection=conn))


async def _plainly(doing: Awaitable[T]) -> T:
    """With PostgreSQL's own errors, which everybody here knows, instead of the package's."""
    try:
        return await doing
    except exceptions.ConnectorException as error:
        raise (error.__cause__ or error) from error


class Queue:
    """A worker's end of it, on a pool of its own. Use as a context manager."""

    def __init__(self, pool: Pool, attempt: Attempt, pace: Pace) -> None:
        self._pool = pool
        self._pace = pace
        self._app = _app(attempt)

    async def __aenter__(self) -> Queue:
        await self._app.open_async(self._pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._app.close_async()

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`, one job at a time; comes back too where PostgreSQL was away."""
        pace = self._pace
        working = asyncio.create_task(
            self._app.run_worker_async(
                queues=[QUEUE],
                fetch_job_polling_interval=pace.poll_s,
                abort_job_polling_interval=3600.0,  # jobs look at our row
                listen_notify=False,  # a poll a second costs less than a connection
                shutdown_graceful_timeout=0.0,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=pace.heartbeat_s,
                stalled_worker_timeout=pace.stalled_s,
            )
        )
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            # It may wait for ever on a connection that is half dead; what it leaves is found by others.
            await asyncio.wait({working}, timeout=pace.drain_s)
        if working.done() and not working.cancelled() and (error := working.exception()) is not None:
            raise error.__cause__ or error

    async def entry(self, queue_id: int | None) -> Entry | None:
        """None where there is none that will ever be worked on."""
        if queue_id is None:
            return None
        found = list(await _plainly(self._app.job_manager.list_jobs_async(id=queue_id)))
        alive = [one for one in found if one.status in ("todo", "doing")]
        return Entry(alive[0].status == "doing", alive[0].attempts) if alive else None

    async def give_out_again(self, queue_id: int) -> None:
        await _plainly(self._app.job_manager.retry_job_by_id_async(queue_id, retry_at=datetime.now(UTC)))

    async def of_dead_workers(self) -> list[int]:
        """Entries of workers whose heart stands still."""
        stalled = await _plainly(
            self._app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=self._pace.stalled_s)
        )
        return [one.id for one in stalled if one.id is not None]
