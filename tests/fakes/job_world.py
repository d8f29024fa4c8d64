"""Books with something for every long job to do, workers here, and one in a process that is killed."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from typing import Any, Final

from billing.casework.deeds import Deed
from billing.casework.rows import Row
from billing.database import Connection, Pool
from billing.jobs import store
from billing.jobs.queue import Pace
from billing.jobs.running import Ended, Ending, Run, Tools, Work, attempt
from billing.jobs.work import JobWork
from billing.jobs.works import WORKS
from billing.lifecycle.table import Actor
from billing.statements.month import Month
from tests.fakes.audited_world import SEED, AuditedWorld
from tests.fakes.books_world import LANE, VOUCHER, WON

SEPTEMBER: Final = Month(2026, 9)
NOW: Final = datetime.now(UTC)  # files are kept by the database's clock, for a week
OPERATOR: Final = Actor("operator@example.org", "operator")
QUICK: Final = Pace(poll_s=0.05, tell_s=0.02, look_s=0.05, heartbeat_s=0.2, stalled_s=30.0, drain_s=2.0)
STATEMENT: Final = "request_id,output_tokens\nreq-1,7\nreq-2,8\n"
# kind -> (what it is about, its arguments)
ASKED: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "close_month": ("2026-09", {"month": "2026-09"}),
    "statements": ("2026-09", {"month": "2026-09", "formats": ["xlsx", "csv"], "lang": "en"}),
    "bundle": ("", {"programme": None}),
    "reconciliation": (
        "nuri/2026-09",
        {"provider": "nuri", "month": "2026-09", "file_name": "nuri.csv", "format": "csv"},
    ),
}


async def no_holds(_: Month) -> int:
    return 0


def tools_on(url: str) -> Tools:
    return Tools(url, signing_seed=SEED, unbooked=no_holds, now=lambda: NOW, pace=QUICK)


@dataclass(slots=True)
class JobWorld:
    books: AuditedWorld
    url: str

    @classmethod
    async def make(cls, pool: Pool) -> JobWorld:
        """Calls of September, in whole won and parts of one."""
        books = await AuditedWorld.make(pool)
        await books.world.treasury.lend(lane=LANE, n=books.n, voucher_id=VOUCHER, need_micro=5_000 * WON)
        books.world.clock.now_ms = SEPTEMBER.end_ms - 1_000
        await books.post([215_020, 999_999, 1_000 * WON + 1])
        async with pool.connection() as conn:
            await conn.execute("insert into provider (id, name) values ('nuri', '누리모델')")
        return cls(books, str(pool.conninfo))

    async def ask(self, kind: str, *, deed: Deed | None = None, **arguments: Any) -> str:
        subject, usual = ASKED[kind]
        given = STATEMENT.encode() if kind == "reconciliation" else b""
        async with self.books.world.pool.connection() as conn, conn.transaction():
            return await store.ask(
                conn, kind, subject, {**usual, **arguments}, deed=deed or self.deed(), given=given
            )

    async def cancel(self, job_id: str, *, deed: Deed | None = None) -> None:
        async with self.books.world.pool.connection() as conn, conn.transaction():
            await store.cancel(conn, job_id, deed=deed or self.deed())

    @staticmethod
    def deed(actor: Actor = OPERATOR) -> Deed:
        return Deed(actor, NOW, "r-1", "월 마감")

    async def job(self, job_id: str) -> Row:
        async with self.books.world.pool.connection() as conn:
            return await store.find(conn, job_id)

    async def until(self, job_id: str, *states: str, within_s: float = 20.0) -> Row:
        async with asyncio.timeout(within_s):
            while (row := await self.job(job_id))["state"] not in states:  # noqa: ASYNC110 - the books raise no event
                await asyncio.sleep(0.02)
        return row

    async def file(self, job_id: str, part: str = "file") -> bytes:
        async with self.books.world.pool.connection() as conn:
            return b"".join([piece async for piece in store.pieces_of(conn, job_id, part)])

    async def count(self, query: str) -> int:
        async with self.books.world.pool.connection() as conn:
            row = await (await conn.execute(query.encode())).fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def working(
    url: str, works: Mapping[str, Work] = WORKS, *, tools: Tools | None = None
) -> AsyncIterator[None]:
    """A worker of long jobs in this process."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(url, works, tools or tools_on(url), stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def work(url: str, works: Mapping[str, Work], tools: Tools, stop: asyncio.Event) -> None:
    await JobWork(partial(attempt, tools, works), QUICK).work(url, stop)


def held(work: Work, told: asyncio.Event, *, in_the_end: bool, go_on: asyncio.Event) -> Work:
    """The same, but it says when it is in the middle, and waits there."""

    async def begun(tools: Tools, run: Run) -> Ending:
        ending = await work(tools, run)
        if not in_the_end:
            told.set()
            await go_on.wait()

        async def slow_ending(conn: Connection) -> Ended:
            ended = await ending(conn)
            if in_the_end:
                told.set()
                await go_on.wait()
            return ended

        return slow_ending

    return begun


# -- in a process of its own

_MAKING = multiprocessing.get_context("forkserver")


@asynccontextmanager
async def working_apart(url: str, *, in_the_end: bool) -> AsyncIterator[tuple[BaseProcess, asyncio.Event]]:
    """A worker that stays in the middle of whatever it begins; the event: it is there now."""
    _MAKING.set_forkserver_preload([__name__])
    ours, theirs = _MAKING.Pipe()
    process = _MAKING.Process(target=_apart, args=(url, in_the_end, theirs), daemon=True)
    process.start()
    reached = asyncio.Event()
    asyncio.get_running_loop().add_reader(ours.fileno(), reached.set)
    try:
        yield process, reached
    finally:
        asyncio.get_running_loop().remove_reader(ours.fileno())
        process.kill()
        await asyncio.to_thread(process.join)


def _apart(url: str, in_the_end: bool, pipe: Pipe) -> None:
    asyncio.run(_work_apart(url, in_the_end, pipe))


async def _work_apart(url: str, in_the_end: bool, pipe: Pipe) -> None:
    told, never = asyncio.Event(), asyncio.Event()
    works = {kind: held(one, told, in_the_end=in_the_end, go_on=never) for kind, one in WORKS.items()}
    task = asyncio.create_task(work(url, works, tools_on(url), asyncio.Event()))
    await told.wait()
    pipe.send(True)
    await task
