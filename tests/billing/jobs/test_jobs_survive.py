"""A long job is done once, whoever is killed in the middle of it, and however many want to do it."""

from __future__ import annotations

import asyncio

import pytest

from billing.database import connect
from billing.jobs import running, store
from billing.jobs.queue import Queue
from billing.jobs.reviving import Reviver
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.jobs.works import WORKS
from billing.lifecycle.table import Actor, Refused
from tests.fakes.job_world import ASKED, QUICK, JobWorld, held, tools_on, working, working_apart

# What there is exactly once when a job of the kind is done.
EFFECTS = {
    "close_month": "select count(*) from closed_month where month = '2026-09'",
    "statements": "select count(distinct job_id) from job_piece where part = 'file'",
    "bundle": "select count(distinct job_id) from job_piece where part = 'file'",
    "reconciliation": "select count(*) from reconciliation",
}
ENTRIES = "select count(*) from procrastinate_jobs"
LEFT = "select (select count(*) from job_piece) + (select count(*) from procrastinate_jobs)"
DEATHS = [("close_month", False), *((kind, True) for kind in ASKED)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "in_the_end"), DEATHS)
async def test_another_worker_does_once_what_a_killed_one_began(
    world: JobWorld, kind: str, in_the_end: bool
) -> None:
    job_id = await world.ask(kind)
    async with working_apart(world.url, in_the_end=in_the_end) as (worker, is_in_the_middle):
        async with asyncio.timeout(60):
            await is_in_the_middle.wait()
        assert await world.count(EFFECTS[kind]) == 0
        worker.kill()
    assert (await world.job(job_id))["state"] == "running"
    async with working(world.url):
        ended = await world.until(job_id, "done", "failed")
    assert (ended["state"], ended["attempt"], ended["message"]) == ("done", 2, None)
    assert await world.count(EFFECTS[kind]) == 1
    assert await world.count("select count(*) from job_piece where part = 'input'") == 0
    assert await world.count(ENTRIES) == 0


@pytest.mark.slow
async def test_who_is_cancelled_and_killed_is_cancelled(world: JobWorld) -> None:
    job_id = await world.ask("reconciliation")
    async with working_apart(world.url, in_the_end=False) as (worker, is_in_the_middle):
        async with asyncio.timeout(60):
            await is_in_the_middle.wait()
        worker.kill()
    await world.cancel(job_id)
    async with working(world.url):
        await world.until(job_id, "cancelled")
    assert await world.count(EFFECTS["reconciliation"]) == 0
    assert await world.count(LEFT) == 0


async def test_a_worker_that_stops_hands_its_job_over(world: JobWorld) -> None:
    told, never = asyncio.Event(), asyncio.Event()
    job_id = await world.ask("bundle")
    slow = {"bundle": held(WORKS["bundle"], told, in_the_end=True, go_on=never)}
    async with working(world.url, slow):
        await asyncio.wait_for(told.wait(), 20)
    assert (await world.job(job_id))["state"] == "running"
    assert await world.count(ENTRIES + " where status = 'todo'") == 1
    async with working(world.url):
        assert (await world.until(job_id, "done"))["attempt"] == 2


async def test_two_workers_do_one_job_once(world: JobWorld) -> None:
    jobs = [await world.ask(kind) for kind in ASKED]
    async with working(world.url), working(world.url):
        for job_id in jobs:
            assert (await world.until(job_id, "done", "failed"))["attempt"] == 1
    assert [await world.count(query) for query in EFFECTS.values()] == [1, 2, 2, 1]  # two files, of two jobs


async def test_an_attempt_that_was_taken_for_dead_ends_nothing(world: JobWorld) -> None:
    """It comes to its end after the next one began, and after that one ended."""
    job_id = await world.ask("reconciliation")
    told, go_on = asyncio.Event(), asyncio.Event()
    slow = {"reconciliation": held(WORKS["reconciliation"], told, in_the_end=False, go_on=go_on)}
    unhurried = running.Tools(world.url, now=tools_on("").now)  # it tells, and hears, after a second
    zombie = asyncio.create_task(running.attempt(unhurried, slow, job_id, 0))
    await asyncio.wait_for(told.wait(), 20)
    await running.attempt(tools_on(world.url), WORKS, job_id, 1)
    go_on.set()
    await zombie
    assert await world.count(EFFECTS["reconciliation"]) == 1
    row = await world.job(job_id)
    assert (row["state"], row["attempt"], row["result"]) == ("done", 2, "/reconciliations/re-000001")


async def test_a_job_is_there_exactly_if_it_was_asked_for(world: JobWorld) -> None:
    async with await connect(world.url) as conn, conn.transaction(force_rollback=True):
        await store.ask(conn, "bundle", "", {"programme": None}, deed=world.deed())
    assert await world.count(ENTRIES) == await world.count("select count(*) from job") == 0
    await world.ask("bundle")
    assert await world.count(ENTRIES) == 1
    with pytest.raises(Refused) as twice:
        await world.ask("bundle")
    assert twice.value.code == "job_under_way"
    assert await world.count(ENTRIES) == 1


async def test_what_the_queue_has_lost_is_put_in_again(world: JobWorld) -> None:
    job_id = await world.ask("bundle")
    async with world.books.world.pool.connection() as conn:
        await conn.execute("delete from procrastinate_jobs")
    async with working(world.url):
        await world.until(job_id, "done")
    assert await world.count(ENTRIES) == 0


async def test_what_dies_before_it_is_begun_is_known_by_its_heart(world: JobWorld) -> None:
    """Fetched by a worker that says nothing any more, and never begun: no lock tells of it."""
    job_id = await world.ask("bundle")
    pool = world.books.world.pool
    async with pool.connection() as conn, Queue(pool, _nothing, QUICK) as queue:
        await conn.execute("insert into procrastinate_workers default values")
        await conn.execute("update procrastinate_jobs set status = 'doing', worker_id = 1")
        assert await Reviver(queue).look(conn) == 0  # it may be about to begin
        await conn.execute("update procrastinate_workers set last_heartbeat = now() - interval '31 s'")
        assert await Reviver(queue).look(conn) == 1
    async with working(world.url):
        await world.until(job_id, "done")


async def _nothing(job_id: str, turn: int) -> None:
    raise AssertionError("it only looks")


async def test_one_that_is_begun_is_not_taken_for_dead(world: JobWorld) -> None:
    told, go_on = asyncio.Event(), asyncio.Event()
    job_id = await world.ask("bundle")
    async with working(world.url, {"bundle": held(WORKS["bundle"], told, in_the_end=False, go_on=go_on)}):
        await asyncio.wait_for(told.wait(), 20)
        await asyncio.sleep(5 * QUICK.look_s)
        go_on.set()
        assert (await world.until(job_id, "done"))["attempt"] == 1


async def test_a_job_that_kills_whoever_tries_is_given_up(world: JobWorld) -> None:
    job_id = await world.ask("bundle")
    async with world.books.world.pool.connection() as conn:
        await conn.execute("update job set attempt = %s", [running.ATTEMPTS_MAX])
    await running.attempt(tools_on(world.url), WORKS, job_id, 0)
    row = await world.job(job_id)
    assert (row["state"], row["message"]["code"]) == ("failed", "gave_up")


# -- cancelled


async def test_one_that_waits_is_cancelled_at_once(world: JobWorld) -> None:
    job_id = await world.ask("reconciliation")
    await world.cancel(job_id)
    assert (await world.job(job_id))["state"] == "cancelled"
    assert await world.count(LEFT) == 0
    with pytest.raises(Refused) as ended:
        await world.cancel(job_id)
    assert ended.value.code == "wrong_state"


@pytest.mark.parametrize("kind", ASKED)
async def test_one_that_runs_stops_at_its_next_portion(world: JobWorld, kind: str) -> None:
    told, never = asyncio.Event(), asyncio.Event()
    job_id = await world.ask(kind)
    async with working(world.url, {kind: held(WORKS[kind], told, in_the_end=False, go_on=never)}):
        await asyncio.wait_for(told.wait(), 20)
        await world.cancel(job_id)
        row = await world.until(job_id, "cancelled")
    assert (row["attempt"], row["result"], row["file_name"]) == (1, None, None)
    assert await world.count(EFFECTS[kind]) == 0
    assert await world.count(LEFT) == 0


async def test_auditors_cancel_what_they_asked_for(world: JobWorld) -> None:
    auditor = world.deed(Actor("auditor@example.org", "auditor"))
    job_id = await world.ask("bundle")
    with pytest.raises(Refused) as of_another:
        await world.cancel(job_id, deed=auditor)
    assert of_another.value.code == "not_your_job"
    await world.cancel(job_id)
    own = await world.ask("bundle", deed=auditor)
    await world.cancel(own, deed=auditor)
    assert (await world.job(own))["state"] == "cancelled"


# -- told while it runs


async def test_progress_is_written_while_it_runs(world: JobWorld) -> None:
    go_on = asyncio.Event()

    async def slow(tools: Tools, run: Run) -> Ending:
        run.note(3, 7)
        await go_on.wait()

        async def ending(conn: object) -> Ended:
            return Ended()

        return ending

    job_id = await world.ask("bundle")
    async with working(world.url, {"bundle": slow}):
        async with asyncio.timeout(20):
            while ((row := await world.job(job_id))["done"], row["whole"]) != (3, 7):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        go_on.set()
        await world.until(job_id, "done")
