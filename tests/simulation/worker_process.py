"""A worker process: the production poster, sweeper and closer, and what revives lanes beside them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from billing.revival import revive_lanes
from billing.worker import WorkerStats, run_worker
from metering.purse import PurseUnavailable
from tests.simulation.gateway_process import AWAY
from tests.simulation.loop import Process
from tests.simulation.world import LanedPurse, World

RETRY_S: Final = 0.25
REVIVE_S: Final = 2.0


@dataclass(slots=True, eq=False)
class Worker:
    world: World
    process: Process
    idle_s: float
    stats: WorkerStats = field(default_factory=WorkerStats)

    @property
    def name(self) -> str:
        return self.process.name

    def start(self) -> None:
        self.process.run(self._live(), "worker")

    def kill(self) -> None:
        self.process.kill()

    async def _live(self) -> None:
        """As launch.worker_main does."""
        world = self.world
        while True:
            try:
                purse = await world.purse()
                break
            except PurseUnavailable:
                await asyncio.sleep(RETRY_S)
        self.process.run(self._revive(purse), "revive")
        lanes = sorted({company.lane for company in world.companies})
        await run_worker(
            "",
            purse,
            asyncio.Event(),
            lanes=lanes,
            stats=self.stats,
            connect=world.books.connect,
            idle_s=self.idle_s,
        )

    async def _revive(self, purse: LanedPurse) -> None:
        pool = self.world.pool()
        while True:
            try:
                await revive_lanes(pool, purse)
            except AWAY:
                pass  # while one of the two servers is away there is nothing to revive
            await asyncio.sleep(REVIVE_S)
