"""A long job is done once, whoever is killed in the middle of it, and however many want to do it."""

from __future__ import annotations

import asyncio
import io
import zipfile

import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.verifying import verify_bundle
from billing.jobs.work import WORKS
from billing.statements.store import read_statement
from billing.statements.statement import Subject
from tests.fakes.job_world import ASKED, SEPTEMBER, JobWorld, held, working, working_apart

# What there is exactly once when a job of the kind is done.
EFFECTS = {
    "close_month": "select count(*) from closed_month where month = '2026-09'",
    "statements": "select count(distinct job_id) from job_piece where part = 'file'",
    "bundle": "select count(distinct job_id) from job_piece where part = 'file'",
    "reconciliation": "select count(*) from reconciliation",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "in_the_end"),
    [
        (kind, in_the_end)
        for kind in ASKED
        for in_the_end in ((False, True) if kind == "close_month" else (True,))
    ],
)
async def test_another_worker_does_once_what_a_killed_one_began(
    world: JobWorld, kind: str, in_the_end: bool
) -> None:
    job_id = await world.ask(kind)
    async with working_apart(world.url, in_the_end=in_the_end) as (worker, is_in_the_middle):
        async with asyncio.timeout(30):
            await is_in_the_middle.wait()
        assert await world.count(EFFECTS[kind]) == 0
        worker.kill()
    assert (await world.job(job_id))["state"] == "running"
    async with working(world.url):
        ended = await world.until(job_id, "done", "failed")
    assert (ended["state"], ended["attempt"], ended["message"]) == ("done", 2, None)
    assert await world.count(EFFECTS[kind]) == 1
    assert await world.count("select count(*) from job_piece where part = 'input'") == 0
    assert await world.count("select count(*) from procrastinate_jobs") == 0
