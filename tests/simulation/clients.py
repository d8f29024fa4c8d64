"""The callers outside: who asks once, and who repeats under an Idempotency-Key until there is an answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.gateway_process import Gateway
from tests.simulation.loop import Process
from tests.simulation.model import Call
from tests.simulation.request import Asked, Vendor
from tests.simulation.world import Company

if TYPE_CHECKING:
    from tests.simulation.run import Run

AGAIN: Final = frozenset({None, "meter_unavailable", "idempotency_in_progress", "not started"})
STAGES: Final = ("claim", "reserve", "reserve", "vendor", "settle", "settle", "answer")


@dataclass(slots=True)
class Clients:
    """What the callers of this run are like, and which of them still wait."""

    run: Run
    process: Process = field(default_factory=lambda: Process("clients"))
    overruns: bool = False
    cancels: bool = False
    leave: bool = False
    keyed: float = 0.0  # share of those that carry an Idempotency-Key
    waiting: dict[str, str] = field(default_factory=dict)  # key -> the last it was told
    errands: list[asyncio.Task[Any]] = field(default_factory=list)

    def begin(self) -> None:
        chance = self.run.world.chance
        self.overruns = chance.random() < 0.3
        self.cancels = chance.random() < 0.4
        self.leave = chance.random() < 0.3
        self.keyed = chance.choice((0.0, 0.0, 0.25, 0.7))

    def ask(self) -> None:
        """One call of some company on some gateway."""
        run, chance = self.run, self.run.world.chance
        if not run.gateways:
            return
        gateway, company = chance.choice(run.gateways), chance.choice(run.world.companies)
        vendor = self._vendor()
        key, stream = chance.choice((0, 0, 1)), chance.random() < 0.6
        if chance.random() < self.keyed:
            errand = Errand(self, run.world.new_name("key"), company, key, stream, vendor)
            going = run.world.watch(partial(errand.go, gateway))
            self.errands.append(self.process.run(going, errand.name))
            return
        gateway.call(self.perhaps_cancelled(self.asked(gateway, company, key, stream, vendor)))

    def asked(
        self,
        gateway: Gateway,
        company: Company,
        key: int,
        stream: bool,
        vendor: Vendor,
        name: str | None = None,
    ) -> Asked:
        world = self.run.world
        vouchers = tuple(voucher.voucher_id for voucher in company.vouchers)
        call = Call(gateway=gateway.name, vouchers=vouchers, asked_s=world.loop.time(), key=name)
        world.model.calls.append(call)
        return Asked(call, company, key, stream, vendor, world)

    def perhaps_cancelled(self, asked: Asked) -> Asked:
        chance = self.run.world.chance
        if self.cancels and chance.random() < 0.15:
            asked.cancelled_in = chance.choice(STAGES)
        return asked

    def _vendor(self) -> Vendor:
        chance, most = self.run.world.chance, self.run.world.product.max_output_tokens
        gap_s = chance.choice((0.02, 0.1, 0.5, 2.0))
        output = chance.choice((1, chance.randrange(1, most + 1), most))
        return Vendor(
            input_tokens=chance.randrange(1, 400),
            output_tokens=output,
            step_tokens=max(chance.choice((20, 150)), int(most * gap_s / 16)),  # half a minute at most
            gap_s=gap_s,
            over=self.overruns and chance.random() < 0.2,
            left_after=chance.randrange(output) if self.leave and chance.random() < 0.3 else None,
        )


@dataclass(slots=True)
class Errand:
    """One call under one key, repeated after a 503, a broken connection or lost patience."""

    clients: Clients
    name: str
    company: Company
    key: int
    stream: bool
    vendor: Vendor

    async def go(self, gateway: Gateway) -> None:
        run, chance = self.clients.run, self.clients.run.world.chance
        repeats_answered = chance.random() < 0.3
        self.clients.waiting[self.name] = "nothing"
        while True:
            asked = self.clients.asked(gateway, self.company, self.key, self.stream, self.vendor, self.name)
            self.clients.perhaps_cancelled(asked)
            await self._until_told(gateway, asked, patience_s=chance.choice((0.3, 3.0, 20.0)))
            self.clients.waiting[self.name] = str(asked.code)
            if asked.is_whole or asked.code not in AGAIN:
                if not repeats_answered:
                    break
                repeats_answered = False
            await asyncio.sleep(chance.choice((0.02, 0.8, 2.5)))
            if run.gateways and (gateway not in run.gateways or chance.random() < 0.4):
                gateway = chance.choice(run.gateways)
        del self.clients.waiting[self.name]

    async def _until_told(self, gateway: Gateway, asked: Asked, *, patience_s: float) -> None:
        told = asyncio.Event()
        gateway.call(asked).add_done_callback(lambda _: told.set())
        gateway.process.on_death.append(told.set)
        try:
            async with asyncio.timeout(patience_s):
                await told.wait()
        except TimeoutError:
            pass  # the call goes on without its client
        finally:
            gateway.process.on_death.remove(told.set)
