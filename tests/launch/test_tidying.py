"""What is tidied goes on being tidied, whatever goes wrong with the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from config.settings import read_settings
from launch.tidying import Strangers, keep_tidy


class Unseen(Strangers):
    """Where /proc is closed to us, or no descriptor is left to look at it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def bury(self) -> None:
        raise self.error


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), OSError(24, "Too many open files")], ids=repr)
async def test_logs_are_bounded_though_no_child_is_seen(tmp_path: Path, error: Exception) -> None:
    settings = read_settings({"VOUCHER_GATEWAY_LOG_BYTES_MAX": "1000"}, data_dir=tmp_path)
    settings.logs_dir.mkdir()
    tidying = asyncio.create_task(keep_tidy(settings, strangers=Unseen(error), every_s=0.01))
    for _ in range(2):
        log = settings.logs_dir / "gateway-0.log"
        log.write_bytes(b"a line\n" * 1000)
        async with asyncio.timeout(10):
            while log.stat().st_size > 1000:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
    assert not tidying.done()
    tidying.cancel()
