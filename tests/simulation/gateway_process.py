"""A gateway process: the production meter on the production line, and what stands before it (front.py)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from billing.gateways import register_gateway
from billing.treasury import SqlTreasury
from metering.meter import Meter
from metering.purse import PurseUnavailable
from metering.treasury import TreasuryUnavailable
from tests.simulation.front import Front, check_kept
from tests.simulation.loop import Process
from tests.simulation.request import Asked
from tests.simulation.world import World

RETRY_S: Final = 0.4
UNPOSTED_BYTES_MAX: Final = 1 << 20
AWAY: Final = (PurseUnavailable, TreasuryUnavailable, psycopg.Error, PoolTimeout, OSError)
EXHAUSTED: Final = frozenset({"voucher_exhausted", "self_deposit_exhausted"})


@dataclass(slots=True, eq=False)
class Gateway:
    world: World
    process: Process
    wait_for_funds_s: float
    meter: Meter | None = None
    front: Front | None = None
    calls: set[asyncio.Task[Any]] = field(default_factory=set)
    running: int = 0

    @property
    def name(self) -> str:
        return self.process.name

    def start(self) -> None:
        self.process.run(self._live(), "gateway")

    async def _live(self) -> None:
        while self.meter is None:
            try:
                await self._begin()
            except AWAY:
                await asyncio.sleep(RETRY_S)

    async def _begin(self) -> None:
        """As launch.gateway_role.build_gateway does."""
        world, pool = self.world, self.world.pool()
        purse = await world.purse()
        try:
            async with pool.connection() as conn:
                await register_gateway(conn, self.name)
            meter = Meter(
                purse=purse,
                treasury=SqlTreasury(pool, purse),
                journal_directory=world.directory / "unposted",
                gateway_id=self.name,
                now_ms=lambda: world.now_ms() + self.process.wall_skew_ms,
                wait_for_funds_s=self.wait_for_funds_s,
                unposted_bytes_max=UNPOSTED_BYTES_MAX,
            )
        except BaseException:
            await purse.close()
            raise
        world.disk.mount(meter._journal)
        try:
            await meter.start()
        except BaseException:
            world.disk.unmount(meter._journal)
            await purse.close()
            raise
        self.meter = meter
        self.front = Front(world, self.process, meter, pool)

    def kill(self) -> None:
        """SIGKILL: nothing more is done by it, and its locks are free."""
        self.process.kill()
        if self.meter is not None:
            self.world.disk.unmount(self.meter._journal)
        self.world.model.killed(self.name)

    def call(self, asked: Asked) -> asyncio.Task[Any]:
        task = asked.task = self.process.run(self.world.watch(partial(self._call, asked)), "call")
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)
        return task

    async def _call(self, asked: Asked) -> None:
        world, call = self.world, asked.call
        if self.front is None:
            asked.code = "not started"
            world.model.refusals["not started"] += 1
            return
        self.running += 1
        try:
            await self.front.answer(asked)
        finally:
            self.running -= 1
        if asked.code is not None:
            world.model.refusals[asked.code] += 1
            world.chance.say(f"{self.name} {call.key} {call.op} refused {asked.code}")
            if asked.code in EXHAUSTED:
                world.model.refused(call, world.loop.time())
            elif asked.code == "funds_held":
                world.model.held_back(call, self.wait_for_funds_s, world.loop.time())
        elif not call.completed:
            world.chance.say(f"{self.name} {call.key} answered again")
            check_kept(world, asked)
