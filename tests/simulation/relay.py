"""The relay and its vendor, played in a few lines: read, advance the slices, settle, and only then complete.

What a call costs is decided by the vendor's count and written into the model before anybody else hears of it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.asgi.response import Headers
from gateway.exchange import Exchange
from gateway.outcome import Outcome
from gateway.outlet import Outlet
from gateway.slices import HoldLost, Pace, Slices
from metering.meter import Meter
from metering.usage import Usage
from tests.simulation.loop import Process
from tests.simulation.model import cost_micro
from tests.simulation.request import Asked, Request
from tests.simulation.world import World

PACE: Final = Pace(checkpoint_s=2.0, checkpoint_tokens=256, wait_for_funds_s=2.0)


class Relay:
    """gateway.relay.Relay, as far as money is concerned."""

    def __init__(self, world: World, process: Process, meter: Meter) -> None:
        self.hidden = frozenset({world.hiding.product_id})
        self._world = world
        self._process = process
        self._meter = meter

    async def relay(
        self, exchange: Exchange, *, request: Request, outlet: Outlet, headers: Headers
    ) -> Outcome:
        asked, world = request.asked, self._world
        call = asked.call
        world.model.admitted(
            call, exchange.meta.op, exchange.held.voucher.voucher_id, exchange.held.granted_micro
        )
        asked.enter("vendor")
        try:
            usage, estimated = await self._read(asked, exchange)
        except asyncio.CancelledError:  # this process is stopping, and the answer was not whole yet
            await self._settle(asked, exchange, outlet, None, estimated=False)
            raise
        outcome = await self._settle(asked, exchange, outlet, usage, estimated=estimated)
        asked.enter("answer")
        await outlet.whole(200, headers, b"%d" % (call.due_micro or 0))
        call.completed = True
        world.chance.say(f"{self._process.name} {call.op} completed")
        return outcome

    async def _read(self, asked: Asked, exchange: Exchange) -> tuple[Usage, bool]:
        """The answer, step by step. -> the vendor's count, or an estimate of what it gave before a cut."""
        vendor = asked.vendor
        extra = 3 * exchange.ceiling.output_tokens if vendor.over else 0
        if not asked.stream:
            await asyncio.sleep(vendor.gap_s * 4)
            output = vendor.output_tokens
            if exchange.is_clamped:
                output = min(output, exchange.output_tokens_payable())
            return Usage(input=vendor.input_tokens, output=output + extra), False
        call, slices = asked.call, Slices(exchange, self._meter, PACE)
        delivered = 0
        try:
            while delivered < vendor.output_tokens:
                await asyncio.sleep(vendor.gap_s)
                delivered = min(vendor.output_tokens, delivered + vendor.step_tokens)
                if vendor.left_after is not None and delivered >= vendor.left_after:
                    exchange.client_gone = True
                    if exchange.product.on_client_gone == "cancel":
                        return exchange.delivered_usage(delivered), True
                if slices.is_due(delivered):
                    call.floors_micro.append(exchange.floor_micro(delivered))
                    goes_on = await slices.advance(delivered)
                    call.floors_micro.append(exchange.floor_micro(delivered))  # its hold may have grown
                    call.granted_micro = exchange.held.granted_micro
                    self._world.model.note(call)
                    if not goes_on:  # what the last step gave beyond the hold is not charged
                        return exchange.payable_usage(delivered), True
        except HoldLost:
            return exchange.delivered_usage(delivered), True
        return Usage(input=vendor.input_tokens, output=delivered + extra), False

    async def _settle(
        self, asked: Asked, exchange: Exchange, outlet: Outlet, usage: Usage | None, *, estimated: bool
    ) -> Outcome:
        """As gateway.relay does, with the due noted before."""
        world, call = self._world, asked.call
        event = exchange.end(
            usage=usage,
            estimated=estimated,
            end_reason="stopped" if estimated or usage is None else "completed",
            now_ms=world.now_ms() + self._process.wall_skew_ms,
        )
        call.due_micro = _due_micro(exchange, usage)
        call.over_micro = max(0, call.due_micro - call.granted_micro)
        call.unwritten = world.disk.is_full
        call.astray = self._process.name in world.routes
        world.model.note(call)
        world.chance.say(f"{self._process.name} {call.op} due {call.due_micro}")
        asked.enter("settle")
        outlet.may_be_charged = event.charge_micro > 0
        tokens = 0 if usage is None else usage.input_total + usage.output_total
        balance = await self._meter.settle(exchange.held, event, tokens=tokens)
        outlet.may_be_charged = False
        outlet.is_charged = event.charge_micro > 0 or usage is not None
        return Outcome(event, balance)


def _due_micro(exchange: Exchange, usage: Usage | None) -> int:
    if usage is None:
        return 0
    price = exchange.ceiling.price
    return cost_micro(
        input_tokens=usage.input,
        output_tokens=usage.output,
        input_price=price.input,
        output_price=price.output,
        per_request=price.per_request,
    )
