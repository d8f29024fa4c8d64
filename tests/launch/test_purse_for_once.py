"""Who needs the purse seldom opens it for one deed, and does without it where it is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.purse_for_once import purse_for_once
from metering.purse import PurseUnavailable


async def test_it_is_closed_after_the_deed(valkey_url: str) -> None:
    async with purse_for_once(valkey_url) as purse:
        assert purse is not None
        assert await purse.epoch_here(0) is None
    with pytest.raises(PurseUnavailable):
        await purse.epoch_here(0)


async def test_where_there_is_none_or_it_is_away(tmp_path: Path) -> None:
    for redis_url in (None, f"unix://{tmp_path}/nobody.sock"):
        async with purse_for_once(redis_url) as purse:
            assert purse is None
