"""The worker role itself: stored events are heard out beside everything else it does."""

from __future__ import annotations

import asyncio

from billing.worker import run_worker
from metering.purse_memory import MemoryPurse
from tests.fakes.payments_world import PaymentsWorld


async def test_the_worker_hears_out_what_the_office_stored(world: PaymentsWorld) -> None:
    payment, _ = await world.paid(50_000)
    await world.tell_all()
    stop = asyncio.Event()
    purse = MemoryPurse(now_ms=lambda: 0)
    worker = asyncio.create_task(run_worker(world.url, purse, stop, lanes=range(1), payments=world.work))
    try:
        async with asyncio.timeout(30):
            while await world.state(payment) != "paid":  # noqa: ASYNC110 - the books raise no event
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await worker
    assert await world.deposit() == "150000"
