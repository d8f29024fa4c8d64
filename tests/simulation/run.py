"""One seed, from the first call to the last check."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from billing.funds import BelowSpent, FundsChange, set_capacity
from billing.reclaim import prepare_change
from metering.directory import KeyLimits, Voucher
from providers.catalogue import Product
from tests.simulation.checks import check, unrest
from tests.simulation.faults import DEEDS, Faults
from tests.simulation.gateway_process import AWAY, NO_LIMITS, Gateway, Vendor
from tests.simulation.loop import Process
from tests.simulation.model import Broken, Call
from tests.simulation.worker_process import Worker
from tests.simulation.world import BEGIN_MS, COMPANIES, FAR_MS, WON, Company, World, pause, price, process

QUIET_MAX_S: Final = 90.0
SERVES_AGAIN_S: Final = 20.0


@dataclass
class Run:
    world: World
    gateways: list[Gateway] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    dead: list[Gateway | Worker] = field(default_factory=list)
    not_seen_to_end: list[str] = field(default_factory=list)
    palette: list[str] = field(default_factory=list)
    deeds: list[asyncio.Task[Any]] = field(default_factory=list)
    overruns: bool = False
    cancels: bool = False
    office: Process = field(default_factory=lambda: Process("office"))

    # -- composition

    def begin(self) -> None:
        world, chance = self.world, self.world.chance
        scarce = chance.random() < 0.5
        for number, name in enumerate(COMPANIES):
            self.world.companies.append(self._company(name, number, scarce=scarce))
        later_ms = BEGIN_MS + 1_000_000 + int(chance.uniform(2_000, 12_000))
        world.product = Product(
            product_id="nuri-x1",
            provider_id="nuri",
            scale="large",
            purposes=frozenset({"chat"}),
            context_tokens=900,
            max_output_tokens=chance.choice((200, 600, 2000)),
            input_overhead_tokens=0,
            data_location=None,
            on_client_gone="drain",
            upstreams=(),
            prices=(
                price(1, 0, input_won="1.0000005", output_won="5.25", per_request=123_456),
                price(2, later_ms, input_won="0.7", output_won="7.1234567", per_request=0),
            ),
        )
        for _ in range(chance.choice((1, 2, 3))):
            self.new_gateway()
        for _ in range(chance.choice((1, 1, 2))):
            self.new_worker()
        self.overruns = chance.random() < 0.3
        self.cancels = chance.random() < 0.4
        rates = (0.0, 0.0, 0.01, 0.04, 0.12)
        chance.line_rate = chance.choice(rates)
        chance.books_rate = chance.choice(rates)
        kinds = [name for name in DEEDS if chance.random() < 0.45]
        self.palette = kinds if chance.random() < 0.9 else []

    def _company(self, name: str, number: int, *, scarce: bool) -> Company:
        chance = self.world.chance
        vouchers = []
        for index in range(chance.choice((1, 1, 2))):
            share = chance.choice((1_000_000, 750_000, 333_333, 0))
            won = chance.choice((2_000, 20_000) if scarce else (60_000, 250_000, 900_000))
            voucher = Voucher(
                voucher_id=f"{name}-{index}",
                company_id=name,
                programme_id="p1",
                products=None,
                state="active",
                starts_ms=0,
                ends_ms=FAR_MS,
                share_ppm=share,
                stopped_by="government",
                government_granted_micro=0,
                self_granted_micro=0,
            )
            self.world.fund(voucher, won=won)
            vouchers.append(voucher)
        limits = KeyLimits(
            requests_per_minute=chance.choice((None, 10)),
            tokens_per_minute=chance.choice((None, 60_000)),
            krw_per_day_micro=chance.choice((None, 20_000 * WON)),
            concurrent=chance.choice((None, 3)),
        )
        return Company(name, tuple(vouchers), (("open", NO_LIMITS), ("limited", limits)))

    def new_gateway(self) -> None:
        world = self.world
        gateway = Gateway(world, process(world, "g"), wait_for_funds_s=world.chance.choice((0.5, 2.0, 5.0)))
        gateway.process.wall_skew_ms = world.chance.choice((0, 0, -300, 700))
        self.gateways.append(gateway)
        gateway.start()

    def new_worker(self) -> None:
        world = self.world
        worker = Worker(world, process(world, "w"), idle_s=world.chance.choice((0.1, 0.8)))
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

    def ask(self) -> None:
        """One call of some company on some gateway."""
        world, chance = self.world, self.world.chance
        if not self.gateways:
            return
        gateway = chance.choice(self.gateways)
        company = chance.choice(world.companies)
        most = world.product.max_output_tokens
        gap_s = chance.choice((0.02, 0.1, 0.5, 2.0))
        vendor = Vendor(
            input_tokens=chance.randrange(1, 400),
            output_tokens=chance.choice((1, chance.randrange(1, most + 1), most)),
            step_tokens=max(chance.choice((20, 150)), int(most * gap_s / 16)),  # half a minute at most
            gap_s=gap_s,
            over=self.overruns and chance.random() < 0.2,
        )
        call = self._new_call(gateway, company)
        task = gateway.call(call, company, chance.choice((0, 0, 1)), chance.random() < 0.6, vendor)
        if self.cancels and chance.random() < 0.15:
            world.loop.call_later(chance.uniform(0.0, 0.008), self._cancel, call, task)

    def _new_call(self, gateway: Gateway, company: Company) -> Call:
        call = Call(
            op=self.world.new_name("op"),
            gateway=gateway.name,
            vouchers=tuple(voucher.voucher_id for voucher in company.vouchers),
            least_micro=0,
            asked_s=self.world.loop.time(),
        )
        self.world.model.calls[call.op] = call
        return call

    def _cancel(self, call: Call, task: asyncio.Task[Any]) -> None:
        """The caller gave up before the call was admitted."""
        if call.voucher is None and not task.done():
            self.world.chance.met("reserve", "cancelled")
            task.cancel()

    # -- the course of it

    async def go(self) -> None:
        world, chance = self.world, self.world.chance
        self.begin()
        faults = Faults(self)
        end_s = world.loop.time() + chance.choice((3.0, 6.0, 12.0))
        pace_s = chance.choice((0.08, 0.3, 0.8))
        while world.loop.time() < end_s and not world.broken:
            await pause(world, 0.0, 2 * pace_s)
            self.ask()
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
        for name in self.not_seen_to_end:
            world.mark_ended(name)
        await self._rest()
        await self._serve()
        await self._rest()
        if not world.broken:
            check(world)

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
                    away = world.model.refusals["MeterUnavailable"]
                    call = self._new_call(gateway, company)
                    await gateway.call(call, company, 0, False, Vendor(3, 1, 1, 0.01))
                    if world.model.refusals["MeterUnavailable"] == away:
                        break
                    if world.loop.time() > until_s:
                        world.broke(Broken("serves", f"{company.name} is not served by {gateway.name}"))
                    await asyncio.sleep(1.0)
