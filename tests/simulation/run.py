"""One seed, from the first call to the last check."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from billing.funds import BelowSpent, FundsChange, set_capacity
from billing.reclaim import prepare_change
from metering.directory import KeyLimits, Voucher
from metering.purse import PurseUnavailable
from metering.purse_redis import load_scripts
from providers.catalogue import Product
from tests.simulation.books import Server
from tests.simulation.chance import Chance
from tests.simulation.faults import DEEDS, Faults
from tests.simulation.gateway import AWAY, NO_LIMITS, Gateway, Vendor, free_journal
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.model import Broken, Call
from tests.simulation.trace import Trace
from tests.simulation.worker import Worker
from tests.simulation.world import BEGIN_MS, COMPANIES, FAR_MS, WON, Company, World, pause, price, process

QUIET_MAX_S: Final = 90.0
SERVES_AGAIN_S: Final = 20.0
CALM: Final = frozenset({"grant changed"})


@dataclass(slots=True)
class Result:
    seed: int
    broken: str | None
    law: str | None
    digest: str
    met: Counter[tuple[str, str]]
    passed: Counter[str]
    calls: int
    completed: int
    refusals: Counter[str]
    virtual_s: float
    recent: tuple[str, ...] = ()
    trace: list[str] | None = None


@dataclass
class Run:
    world: World
    gateways: list[Gateway] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    dead: list[Gateway | Worker] = field(default_factory=list)
    not_seen_to_end: list[str] = field(default_factory=list)
    palette: list[str] = field(default_factory=list)
    deeds: list[asyncio.Task[Any]] = field(default_factory=list)
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
        worker = Worker(world, process(world, "w"), idle_s=world.chance.choice((0.1, 0.4)))
        self.workers.append(worker)
        worker.start()

    def living_processes(self) -> list[Process]:
        return [one.process for one in (*self.gateways, *self.workers)]

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
        vendor = Vendor(
            input_tokens=chance.randrange(1, 400),
            output_tokens=chance.choice((1, chance.randrange(1, most + 1), most)),
            step_tokens=chance.choice((20, 150)),
            gap_s=chance.choice((0.02, 0.1, 0.5)),
        )
        call = Call(
            op=world.new_name("op"),
            gateway=gateway.name,
            vouchers=tuple(voucher.voucher_id for voucher in company.vouchers),
            least_micro=0,
            asked_s=world.loop.time(),
        )
        world.model.calls[call.op] = call
        gateway.call(call, company, chance.choice((0, 0, 1)), chance.random() < 0.6, vendor)

    # -- the course of it

    async def go(self) -> None:
        world, chance = self.world, self.world.chance
        self.begin()
        faults = Faults(self)
        end_s = world.loop.time() + chance.choice((6.0, 12.0, 20.0))
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
        began_s = world.loop.time()
        while not world.broken:
            await asyncio.sleep(1.0)
            if not (why := self._unrest()):
                break
            if world.loop.time() - began_s > QUIET_MAX_S:
                world.broke(Broken("rest", f"not at rest after {QUIET_MAX_S:.0f} s: {why}"))
        if not world.broken:
            self._check()

    def _unrest(self) -> str:
        """What is still to be done, or nothing."""
        world = self.world
        if any(gateway.meter is None or gateway.running for gateway in self.gateways):
            return "calls run, or a gateway does not start"
        meters = [gateway.meter for gateway in self.gateways if gateway.meter is not None]
        if any(meter.unposted or meter.holds_open for meter in meters):
            return f"unposted {[meter.unposted for meter in meters]}, holds {[m.holds_open for m in meters]}"
        data = world.primary.data
        for company in world.companies:
            if data.do([b"XLEN", f"{{{company.lane}}}:log".encode()]):
                return "events wait in a stream"
            [n] = data.do([b"HMGET", f"{{{company.lane}}}:epoch".encode(), b"n"])
            living = b"{%d}:%s:h:" % (company.lane, n or b"")
            for key, value in data.values.items():
                if key.startswith(living) and value[b"s"] == b"open":
                    return f"{key!r} is open"
        [(closing, claims)] = world.rows(
            "select (select count(*) from lane_epoch where state = 'closing'), (select count(*) from claim)"
        )
        return f"{closing} epochs close, {claims} claims" if closing or claims else ""

    def _check(self) -> None:
        world = self.world
        try:
            booked = {
                op: (voucher, int(charge), int(uncollected))
                for op, voucher, charge, uncollected in world.rows(
                    "select op, voucher_id, charge_micro, uncollected_micro from usage_now"
                )
            }
            world.model.check_booked(booked)
            if faults := world.trial_balance():
                raise Broken("G6 books", "; ".join(faults))
            if parked := world.rows("select kind, op, reason from parked"):
                raise Broken("parked", str(parked[:3]))
        except Broken as broken:
            world.broke(broken)


def simulate(
    seed: int,
    postgres: Server,
    directory: Path,
    *,
    sources: dict[str, bytes] | None = None,
    full: bool = False,
) -> Result:
    """Run one seed to its end."""
    logging.disable(logging.CRITICAL)
    trace = Trace()
    if full:
        trace.full = []
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    chance = Chance(seed, trace, loop.time)
    world = World(loop, chance, trace, directory, sources or load_scripts())
    postgres.empty()
    world.start(postgres)
    run = Run(world)
    try:
        loop.run_until_complete(run.go())
    except Exception as error:  # noqa: BLE001 - whatever it was, its seed must be told
        world.broke(Broken("error", "".join(traceback.format_exception(error)[-3:])))
    finally:
        _put_away(run)
    faults = [fault for fault in loop.faults if not isinstance(fault, PurseUnavailable)]
    if faults and not world.broken:
        text = "".join(traceback.format_exception(faults[0])[-3:])
        world.broke(Broken("error", f"nobody looked at {text}"))
    broken = world.broken[0] if world.broken else None
    calls = world.model.calls.values()
    return Result(
        seed=seed,
        broken=None if broken is None else str(broken),
        law=None if broken is None else broken.law,
        digest=trace.digest(),
        met=trace.met,
        passed=trace.passed,
        calls=len(calls),
        completed=sum(call.completed for call in calls),
        refusals=world.model.refusals,
        virtual_s=loop.time() - 1000.0,
        recent=tuple(trace.recent),
        trace=trace.full,
    )


def _put_away(run: Run) -> None:
    """Every process is over; nothing of this run is left for the next."""
    loop = run.world.loop
    for one in (*run.gateways, *run.workers):
        one.process.kill()
        if isinstance(one, Gateway) and one.meter is not None:
            free_journal(one.meter)
    run.office.kill()
    for line in list(run.world.books.lines):
        line.break_off()
    loop.set_exception_handler(lambda *_: None)
    everyone = [one.process for one in (*run.gateways, *run.workers, *run.dead)] + [run.office]
    run.world.books.up = run.world.primary.up = False
    for process_ in everyone:
        loop.unwind(process_)
    tasks = [task for process_ in everyone for task in process_.tasks] + run.deeds
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=30))
    loop.close()


def scratch() -> Path:
    """On memory, where there is some: journals are many and short."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="vgs-", dir=memory if memory.is_dir() else None))
