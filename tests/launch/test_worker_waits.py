"""A worker whose servers do not answer yet waits, and says so once: its log is read by people."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from launch.worker_main import CONNECT_PAUSE_S, connect
from metering.purse_redis import RedisPurse


async def test_what_is_missing_is_said_once() -> None:
    stop = asyncio.Event()
    with capture_logs() as said:
        waiting: asyncio.Task[RedisPurse | None] = asyncio.create_task(connect("redis://127.0.0.1:1", stop))
        await asyncio.sleep(5 * CONNECT_PAUSE_S)
        stop.set()
        assert await waiting is None
    assert [line["event"] for line in said] == ["purse_unavailable"]
