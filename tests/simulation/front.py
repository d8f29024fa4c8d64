"""What stands between a caller and the meter: the production `Calls`, on a relay that is played (relay.py).

The claim of an Idempotency-Key, and all that follows from it, is the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson

from billing.database import Pool
from gateway.auth import Caller
from gateway.calls import Calls
from gateway.outlet import Outlet
from gateway.problems import Problem
from gateway.telemetry import CallRecord
from launch.gateway_books import KeptAnswers
from metering import directory
from metering.meter import Meter
from providers.dialects import CHAT
from tests.simulation.loop import Process
from tests.simulation.model import Broken
from tests.simulation.relay import Relay
from tests.simulation.request import Asked, Request
from tests.simulation.world import World

BODY_BYTES: Final = 400


class _Shelf:
    """gateway.directory.Directory of this world, never behind."""

    def __init__(self, world: World) -> None:
        self.products = {product.product_id: product for product in (world.product, world.hiding)}
        self._vouchers = {company.name: company.vouchers for company in world.companies}

    def vouchers_of(self, company_id: str) -> tuple[directory.Voucher, ...]:
        return self._vouchers[company_id]


@dataclass(slots=True)
class Front:
    """Of one gateway process that has begun."""

    world: World
    process: Process
    meter: Meter
    pool: Pool
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = Calls(
            directory=cast(Any, _Shelf(self.world)),
            meter=self.meter,
            relay=cast(Any, Relay(self.world, self.process, self.meter)),
            answers=KeptAnswers(self.pool),
            stored=cast(Any, None),  # nothing is stored here
            own=cast(Any, None),
            now_ms=lambda: self.world.now_ms() + self.process.wall_skew_ms,
            make_op=self._make_op,
            body_bytes_max=1 << 20,
        )

    def _make_op(self) -> str:
        op = self.world.new_name("op")
        self.world.model.ops.add(op)
        return op

    async def answer(self, asked: Asked) -> None:
        """One request to its end. A refusal is a code with the caller."""
        caller = _caller(asked)
        asked.record = record = CallRecord("", CHAT.name, 0.0)
        raw, body = _body(asked)
        asked.call.least_micro = self.calls.admit(CHAT, caller, body, len(raw), record).ceiling.least_micro
        record.request_id = f"req-{self.world.new_name('r')}"
        asked.enter("claim" if asked.call.key is not None else "reserve")
        request = Request(asked, raw)
        try:
            await self.calls.call(CHAT, caller, cast(Any, request), Outlet(asked.send), record)
        except Problem as problem:
            asked.code = problem.code


def check_kept(world: World, asked: Asked) -> None:
    """A repeat was answered from what was kept: that must be the answer of a call made under its op."""
    assert asked.record is not None, "it was asked"
    op, said = asked.record.usage_id or "", int(asked.body)
    if said not in {call.due_micro for call in world.model.of_op(op)}:
        raise Broken("G2 answer", f"a repeat of {asked.call.key} was answered by {op} with {said}")


def _body(asked: Asked) -> tuple[bytes, dict[str, Any]]:
    world = asked.world
    product = world.product if asked.stream else world.hiding
    body = {
        "model": product.product_id,
        "messages": [{"role": "user", "content": ""}],
        "max_tokens": product.max_output_tokens,
        "stream": asked.stream,
    }
    body["messages"][0]["content"] = "x" * (BODY_BYTES - len(orjson.dumps(body)))  # type: ignore[index]
    return orjson.dumps(body), body


def _caller(asked: Asked) -> Caller:
    name, limits = asked.company.keys[asked.key]
    company = directory.Company(asked.company.name, None)
    key = directory.ApiKey(
        key_id=f"{asked.company.name}/{name}",
        key_hash=b"",
        company_id=asked.company.name,
        name=name,
        products=None,
        expires_ms=None,
        revoked=False,
        allowed_networks=None,
        limits=limits,
    )
    return Caller(key, company, b"the caller's secret")
