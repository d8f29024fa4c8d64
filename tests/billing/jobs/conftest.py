"""Books with something for every long job to do."""

from __future__ import annotations

import pytest

from billing.database import Pool
from tests.fakes.job_world import JobWorld


@pytest.fixture
async def world(pool: Pool) -> JobWorld:
    return await JobWorld.make(pool)
