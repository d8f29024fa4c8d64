"""Workers and jobs beside each other: none is forgotten, begun twice at once, or kept waiting by others."""

from __future__ import annotations

import asyncio

from billing.database import LOCK_TIMEOUT_MS
from billing.jobs import store
from billing.jobs.running import Ending, Run, Tools
from billing.jobs.works import WORKS
from tests.fakes.job_world import QUICK, JobWorld, held, working


async def test_a_look_that_fails_is_not_the_last(world: JobWorld) -> None:
    """Somebody holds what it wants to clear away, for longer than it waits."""
    pool = world.books.world.pool
    async with working(world.url):
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("lock table job_piece")
            await asyncio.sleep(LOCK_TIMEOUT_MS / 1000 + 0.5)
        async with pool.connection() as conn, conn.transaction():
            job_id = await store.ask(conn, "bundle", "", {"programme": None}, deed=world.deed())
            await conn.execute("delete from procrastinate_jobs")
        assert (await world.until(job_id, "done"))["attempt"] == 1


async def test_what_is_worked_on_is_left_alone_though_its_entry_is_gone(world: JobWorld) -> None:
    told, go_on = asyncio.Event(), asyncio.Event()
    job_id = await world.ask("bundle")
    slow = {"bundle": held(WORKS["bundle"], told, in_the_end=False, go_on=go_on)}
    async with working(world.url, slow):
        await asyncio.wait_for(told.wait(), 20)
        async with world.books.world.pool.connection() as conn:
            await conn.execute("delete from procrastinate_jobs")
        async with working(world.url):
            await asyncio.sleep(5 * QUICK.look_s)
            go_on.set()
            assert (await world.until(job_id, "done"))["attempt"] == 1


async def test_who_closes_a_month_waits_for_no_import(world: JobWorld) -> None:
    order = []

    async def noted(tools: Tools, run: Run) -> Ending:
        order.append(run.kind)
        return await WORKS[run.kind](tools, run)

    jobs = [await world.ask(kind) for kind in ("reconciliation", "bundle", "close_month")]
    async with working(world.url, dict.fromkeys(WORKS, noted)):
        for job_id in jobs:
            await world.until(job_id, "done")
    assert order == ["close_month", "bundle", "reconciliation"]
