"""A gateway process: the production meter on the production line, and callers with a vendor behind them.

The part of the relay is played here in few words: reserve, read the vendor, advance the slices, settle, and
only then tell the client that its answer is complete. What a call costs is decided by the vendor's count and
written into the model before anybody else hears of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from billing.gateways import register_gateway
from billing.treasury import SqlTreasury
from gateway.admission import Ceiling, ceiling
from gateway.exchange import Exchange
from gateway.slices import HoldLost, Pace, Slices
from metering.directory import KeyLimits
from metering.event import CallMeta
from metering.meter import Meter
from metering.purse import PurseUnavailable
from metering.treasury import TreasuryUnavailable
from metering.usage import Usage
from metering.wish import Exhausted, FundsHeld, Held, MeterUnavailable, Refused, Wish
from providers.openai_chat import RequestFacts
from tests.simulation.loop import Process
from tests.simulation.model import Call, cost_micro
from tests.simulation.world import Company, World

RETRY_S: Final = 0.4
UNPOSTED_BYTES_MAX: Final = 1 << 20
AWAY: Final = (PurseUnavailable, TreasuryUnavailable, psycopg.Error, PoolTimeout, OSError)


@dataclass(slots=True)
class Vendor:
    """What one call will cost, and how long it takes. Only the vendor knows."""

    input_tokens: int
    output_tokens: int
    step_tokens: int
    gap_s: float
    over: bool = False  # it counts more than it was asked for


@dataclass(slots=True, eq=False)
class Gateway:
    world: World
    process: Process
    wait_for_funds_s: float
    meter: Meter | None = None
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
            await meter.start()
        except BaseException:
            await purse.close()
            raise
        self.meter = meter

    def kill(self) -> None:
        """SIGKILL: nothing more is done by it, and its locks are free."""
        self.process.kill()
        if self.meter is not None:
            free_journal(self.meter)
        for call in self.world.model.calls.values():
            if call.gateway == self.name and call.due_micro is None:
                call.lost = True
                self.world.model.note(call)

    def call(self, call: Call, company: Company, key: int, stream: bool, vendor: Vendor) -> asyncio.Task[Any]:
        run = partial(self._call, call, company, key, stream, vendor)
        task = self.process.run(self.world.watch(run), call.op)
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)
        return task

    # -- one call

    async def _call(self, call: Call, company: Company, key: int, stream: bool, vendor: Vendor) -> None:
        world = self.world
        self.running += 1
        try:
            if self.meter is None:
                world.model.refusals["not started"] += 1
                return
            held, bounds, facts = await self._admit(self.meter, call, company, key, stream)
            call.voucher = held.voucher.voucher_id
            self._grown(call, held)
            exchange = Exchange(held.meta, facts, world.product, bounds, held, {})
            usage, estimated = await self._vendor(call, exchange, vendor, stream=stream)
            await self._settle(self.meter, call, exchange, usage, estimated=estimated)
        except Refused as refused:
            word = type(refused).__name__
            world.model.refusals[word] += 1
            world.chance.say(f"{self.name} {call.op} refused {word}")
            if isinstance(refused, Exhausted):
                world.model.refused(call, world.loop.time())
            elif isinstance(refused, FundsHeld):
                world.model.held_back(call, self.wait_for_funds_s, world.loop.time())
        finally:
            self.running -= 1

    async def _admit(
        self, meter: Meter, call: Call, company: Company, key: int, stream: bool
    ) -> tuple[Held, Ceiling, RequestFacts]:
        world = self.world
        now_ms = world.now_ms() + self.process.wall_skew_ms
        limit = world.product.max_output_tokens
        facts = RequestFacts("chat", "nuri-x1", body_bytes=400, stream=stream, output_limit=limit)
        bounds = ceiling(facts, world.product, now_ms)
        call.least_micro = bounds.least_micro
        name, limits = company.keys[key]
        held = await meter.reserve(
            Wish(
                meta=self._meta(call.op, company, name, stream, now_ms, bounds),
                vouchers=company.vouchers,
                want_micro=bounds.want_micro,
                least_micro=bounds.least_micro,
                tokens=bounds.tokens,
                limits=limits,
                sliced=stream,
            )
        )
        return held, bounds, facts

    def _meta(
        self, op: str, company: Company, key: str, stream: bool, now_ms: int, bounds: Ceiling
    ) -> CallMeta:
        return CallMeta(
            op=op,
            request_id=f"req-{op}",
            gateway_id=self.name,
            lane=company.lane,
            company=company.name,
            provider="nuri",
            product="nuri-x1",
            key_id=f"{company.name}/{key}",
            api_key=key,
            tag=None,
            dialect="openai",
            stream=stream,
            started_ms=now_ms,
            price_entry=bounds.price.entry_id,
            price_from=bounds.price.valid_from,
        )

    async def _vendor(
        self, call: Call, exchange: Exchange, vendor: Vendor, *, stream: bool
    ) -> tuple[Usage | None, bool]:
        """The answer, step by step. -> the vendor's count, or an estimate of what it gave before a cut."""
        meter = self.meter
        assert meter is not None, "it admitted the call"
        if not stream:
            await asyncio.sleep(vendor.gap_s * 4)
            output = vendor.output_tokens
            if exchange.is_clamped:
                output = min(output, exchange.output_tokens_payable())
            if vendor.over:
                output += 3 * exchange.ceiling.output_tokens
            return Usage(input=vendor.input_tokens, output=output), False
        slices = Slices(exchange, meter, Pace(checkpoint_s=2.0, checkpoint_tokens=256, wait_for_funds_s=2.0))
        delivered = 0
        try:
            while delivered < vendor.output_tokens:
                await asyncio.sleep(vendor.gap_s)
                delivered = min(vendor.output_tokens, delivered + vendor.step_tokens)
                if slices.is_due(delivered):
                    call.floors_micro.append(exchange.floor_micro(delivered))
                    goes_on = await slices.advance(delivered)
                    call.floors_micro.append(exchange.floor_micro(delivered))  # its hold may have grown
                    self._grown(call, exchange.held)
                    if not goes_on:
                        return exchange.delivered_usage(delivered), True
        except HoldLost:
            return exchange.delivered_usage(delivered), True
        extra = 3 * exchange.ceiling.output_tokens if vendor.over else 0
        return Usage(input=vendor.input_tokens, output=delivered + extra), False

    async def _settle(
        self, meter: Meter, call: Call, exchange: Exchange, usage: Usage | None, *, estimated: bool
    ) -> None:
        world = self.world
        assert usage is not None, "the vendor of this world always counts"
        now_ms = world.now_ms() + self.process.wall_skew_ms
        price = exchange.ceiling.price
        due = cost_micro(
            input_tokens=usage.input,
            output_tokens=usage.output,
            input_price=price.input,
            output_price=price.output,
            per_request=price.per_request,
        )
        event = exchange.end(
            usage=usage,
            estimated=estimated,
            end_reason="stopped" if estimated else "completed",
            now_ms=now_ms,
        )
        call.due_micro = due
        call.over_micro = max(0, due - call.granted_micro)
        world.model.note(call)
        world.chance.say(f"{self.name} {call.op} due {due}")
        try:
            await meter.settle(exchange.held, event, tokens=usage.input_total + usage.output_total)
        except MeterUnavailable:
            world.model.refusals["unsettled"] += 1
            return
        call.completed = True
        world.chance.say(f"{self.name} {call.op} completed")

    def _grown(self, call: Call, held: Held) -> None:
        call.granted_micro = held.granted_micro
        self.world.model.note(call)


def free_journal(meter: Meter) -> None:
    """What the kernel does for a killed process: its files are closed, and with them its locks."""
    journal = meter._journal
    segments = {id(segment): segment for segment in [*journal._where.values(), journal._current]}
    for segment in segments.values():
        _close(segment.fd)


def _close(fd: int) -> None:
    import os

    os.close(fd)


NO_LIMITS: Final = KeyLimits()
