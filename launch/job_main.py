"""One attempt at a long job, as a process of its own: what it computes keeps no call from being posted.

The worker starts it on a leash and waits for its end. It may be killed at any instant: what it had not ended
is begun anew by the next attempt.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import Final

import psycopg
import structlog
import uvloop

from billing.database import connect
from billing.jobs.running import Tools
from billing.jobs.works import attempt_here
from billing.statements.month import Month
from billing.statements.unbooked import calls_unbooked
from config.settings import Settings
from launch import roles
from launch.program import leashed, program
from launch.purse_for_once import purse_for_once
from metering.purse import PurseUnavailable

AGAIN_CODE: Final = 75  # EX_TEMPFAIL
NICE: Final = 10  # whoever waits for a call comes first

log = structlog.get_logger(__name__)


class AttemptDied(Exception):
    """The process came to no end of its own. The job is to be done again."""


async def attempt_apart(settings: Settings, job_id: str, turn: int) -> None:
    """The worker's side. Raises AttemptDied; where this is cancelled, the process is killed."""
    words = ["job", job_id, "--turn", str(turn), "--data-dir", str(settings.data_dir)]
    process = await asyncio.create_subprocess_exec(
        *leashed([*program(), *words]), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise AttemptDied(f"the attempt at {job_id} ended with {code}")


async def _run(settings: Settings, job_id: str, turn: int) -> int:
    database_url = roles.database_url(settings)
    try:
        async with await connect(database_url) as conn:
            seed = (await roles.secrets_of(settings, conn)).signing_seed
        tools = Tools(database_url, signing_seed=seed, unbooked=partial(_unbooked, settings))
        await attempt_here(tools, job_id, turn)
    except (psycopg.OperationalError, PurseUnavailable, OSError) as error:
        log.warning("job_waits", job=job_id, reason=str(error))
        return AGAIN_CODE
    return 0


async def _unbooked(settings: Settings, month: Month) -> int | None:
    async with purse_for_once(settings.redis_url) as purse:
        if purse is None:
            return None
        async with await connect(roles.database_url(settings)) as conn:
            return await calls_unbooked(conn, purse, month)


def run(settings: Settings, job_id: str, *, turn: int) -> None:
    os.nice(NICE)
    raise SystemExit(uvloop.run(_run(settings, job_id, turn)))
