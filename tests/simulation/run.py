"""One seed, from the first call to the last check."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from billing.funds import BelowSpent, FundsChange, set_capacity
from billing.reclaim import prepare_change
from billing.sweeper import HEIR_S
from tests.simulation import market
from tests.simulation.checks import check, unrest
from tests.simulation.clients import Clients
from tests.simulation.faults import DEEDS, Faults
from tests.simulation.gateway_process import AWAY, Gateway
from tests.simulation.loop import Process
from tests.simulation.model import Broken
from tests.simulation.request import Vendor
from tests.simulation.worker_process import Worker
from tests.simulation.world import FAR_MS, WON, World, pause, process

QUIET_MAX_S: Final = HEIR_S + 90.0  # a clock set back can hide an heir, whom the sweeper then waits for
SERVES_AGAIN_S: Final = 20.0
ANSWERED_S: Final = 90.0


@dataclass
class Run:
    world: World
    gateways: list[Gateway] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    dead: list[Gateway | Worker] = field(default_factory=list)
    not_seen_to_end: list[str] = field(default_factory=list)
    palette: list[str] = field(default_factory=list)
    deeds: list[asyncio.Task[Any]] = field(default_factory=list)
    clients: Clients = field(init=False)
    office: Process = field(default_factory=lambda: Process("office"))

    def __post_init__(self) -> None:
        self.clients = Clients(self)

    # -- composition

    def begin(self) -> None:
        world, chance = self.world, self.world.chance
        market.open_for(world)
        for _ in range(chance.choice((1, 2, 3))):
            self.new_gateway()
        for _ in range(chance.choice((1, 1, 2))):
            self.new_worker()
        self.clients.begin()
        rates = (0.0, 0.0, 0.01, 0.04, 0.12)
        chance.line_rate = chance.choice(rates)
        chance.books_rate = chance.choice(rates)
        kinds = [name for name in DEEDS if chance.random() < 0.45]
        self.palette = kinds if chance.random() < 0.9 else []

    def new_gateway(self) -> None:
        world = self.world
        gateway = Gateway(world, process(world, "g"), wait_for_funds_s=world.chance.choice((0.5, 2.0, 5.0)))
        gateway.process.wall_skew_ms = world.chance.choice((0, 0, -300, 700))
        self.gateways.append(gateway)
        gateway.start()

    def new_worker(self) -> None:
        world = self.world
        worker = Worker(world, process(world, "w"), idle_s=world.chance.choice((0.2, 0.8)))
        self.workers.append(worker)
        worker.start()

    def living_processes(self) -> list[Process]:
        living: list[Gateway | Worker] = [*self.gateways, *self.workers]
        return [one.process for one in living]

    def replace_gateway(self, gateway: Gateway) -> None:
        world = self.world
        gateway.kill()
        self.gateways.remove(gateway)
        self.dead.append(gateway)
        if world.chance.random() < 0.95:
            world.loop.call_later(world.chance.uniform(0.1, 3.0), self._bury, gateway.name)
        else:
            self.not_seen_to_end.append(gateway.name)
        world.loop.call_later(world.chance.uniform(0.1, 2.0), self.new_gateway)

    def _bury(self, name: str) -> None:
        """The keeper saw the process end, and says so as soon as it can."""
        if self.world.books.up:
            self.world.mark_ended(name)
        else:
            self.world.loop.call_later(0.5, self._bury, name)

    def replace_worker(self, worker: Worker) -> None:
        world = self.world
        worker.kill()
        self.workers.remove(worker)
        self.dead.append(worker)
        world.loop.call_later(world.chance.uniform(0.1, 2.0), self.new_worker)

    # -- deeds

    async def change_grant(self) -> None:
        """The operator changes a grant, as applying a declaration does."""
        world, chance = self.world, self.world.chance
        company = chance.choice(world.companies)
        voucher = chance.choice(company.vouchers)
        line = world.model.lines[voucher.voucher_id]
        won = line.capacity_micro // WON
        won = chance.choice((won * 9 // 10, won * 12 // 10, won // 2, won + 30_000))
        government = won * voucher.share_ppm // 1_000_000 * WON
        own = won * WON - government
        change = FundsChange(
            voucher.voucher_id, company.name, "p1", government, own, voucher.share_ppm, FAR_MS, "active"
        )
        world.model.change_begins(voucher.voucher_id, change.capacity_micro)
        try:
            await self.office.run(self._apply(change), "grant")
        finally:
            world.model.change_ends(voucher.voucher_id, world.capacity(voucher.voucher_id), world.loop.time())

    async def _apply(self, change: FundsChange) -> None:
        world = self.world
        try:
            purse = await world.purse()
        except AWAY:
            return
        try:
            async with asyncio.timeout(20), world.pool().connection() as conn:
                await prepare_change(purse, conn, change)
                async with conn.transaction():
                    await set_capacity(
                        conn,
                        voucher_id=change.voucher_id,
                        company_id=change.company_id,
                        programme_id=change.programme_id,
                        government_micro=change.government_micro,
                        self_micro=change.self_micro,
                        share_ppm=change.share_ppm,
                        ends_ms=change.ends_ms,
                        state=change.state,
                    )
        except (BelowSpent, TimeoutError, *AWAY):
            pass  # refused, or to be applied again
        finally:
            await purse.close()

    # -- the course of it

    async def go(self) -> None:
        world, chance = self.world, self.world.chance
        self.begin()
        faults = Faults(self)
        end_s = world.loop.time() + chance.choice((3.0, 5.0, 10.0))
        pace_s = chance.choice((0.08, 0.3, 0.8))
        while world.loop.time() < end_s and not world.broken:
            await pause(world, 0.0, 2 * pace_s)
            self.clients.ask()
            if chance.random() < 0.15:
                faults.keep_snapshot()
            if self.palette and chance.random() < min(0.5, 0.6 * pace_s):
                deed = asyncio.ensure_future(world.watch(partial(faults.go, chance.choice(self.palette))))
                self.deeds.append(deed)
        chance.line_rate = chance.books_rate = 0.0
        await self._calm(faults)

    async def _calm(self, faults: Faults) -> None:
        """No more faults: everything must come to rest by itself, and serve."""
        world = self.world
        world.chance.say("calm")
        for deed in self.deeds:
            await deed
        await faults.heal_routes()
        world.books.up = True
        world.disk.clear()
        for name in self.not_seen_to_end:
            world.mark_ended(name)
        await self._answer()
        await self._rest()
        await self._serve()
        await self._rest()
        if not world.broken:
            check(world)

    async def _answer(self) -> None:
        """Who repeats under a key is answered."""
        world = self.world
        if self.clients.errands and not world.broken:
            await asyncio.wait(self.clients.errands, timeout=ANSWERED_S)
        if self.clients.waiting and not world.broken:
            world.broke(Broken("answered", f"after {ANSWERED_S:.0f} s still told: {self.clients.waiting}"))

    async def _rest(self) -> None:
        world = self.world
        began_s = world.loop.time()
        while not world.broken:
            await asyncio.sleep(1.0)
            if not (why := unrest(world, self.gateways)):
                break
            if world.loop.time() - began_s > QUIET_MAX_S:
                world.broke(Broken("rest", f"not at rest after {QUIET_MAX_S:.0f} s: {why}"))

    async def _serve(self) -> None:
        """Everybody is served again, or told that there is no money: one call each, until it is answered."""
        world = self.world
        until_s = world.loop.time() + SERVES_AGAIN_S
        for gateway in self.gateways:
            for company in world.companies:
                while not world.broken:
                    asked = self.clients.asked(gateway, company, 0, False, Vendor(3, 1, 1, 0.01))
                    await gateway.call(asked)
                    if asked.code != "meter_unavailable":
                        break
                    if world.loop.time() > until_s:
                        world.broke(Broken("serves", f"{company.name} is not served by {gateway.name}"))
                    await asyncio.sleep(1.0)
