"""An attempt at a long job as a process of its own: it ends the job, or is gone with who waits for it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from billing.database import open_pool
from billing.jobs.work import JobWork
from config.settings import read_settings
from launch.job_main import AGAIN_CODE, AttemptDied, attempt_apart
from tests.fakes.job_world import QUICK, JobWorld

SECRET = "a secret of thirty-two characters"


@pytest.mark.slow
async def test_a_worker_has_its_jobs_attempted_apart(
    books_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child reads its settings as every role does. While it waits for a lock, it is stopped; then anew."""
    monkeypatch.setenv("DATABASE_URL", books_url)
    monkeypatch.setenv("REDIS_URL", valkey_url)
    monkeypatch.setenv("VOUCHER_GATEWAY_SECRET", SECRET)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    settings = read_settings({"VOUCHER_GATEWAY_SECRET": SECRET, "DATABASE_URL": books_url}, data_dir=tmp_path)
    attempt = partial(attempt_apart, settings)
    async with open_pool(books_url, size_max=4) as pool:
        world = await JobWorld.make(pool)
        job_id = await world.ask("close_month")
        with psycopg.connect(books_url) as other:
            other.execute("lock table usage")
            running = asyncio.create_task(attempt(job_id, 0))
            await world.until(job_id, "running", within_s=60)
            [child] = [one for one in psutil.Process().children() if "job" in one.cmdline()]
            assert child.nice() > psutil.Process().nice()
            running.cancel()
            await asyncio.wait({running})
            assert not child.is_running()
        stop = asyncio.Event()
        work = asyncio.create_task(JobWork(attempt, QUICK).work(books_url, stop))
        row = await world.until(job_id, "done", "failed", within_s=60)
        stop.set()
        await work
        assert (row["state"], row["attempt"], row["message"]) == ("done", 2, None)
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    with pytest.raises(AttemptDied, match=str(AGAIN_CODE)):
        await attempt("jb-000009", 0)
