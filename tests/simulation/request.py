"""One request: what the vendor will make of it, what `Calls` is told of it, and what its client was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from gateway.telemetry import CallRecord
from tests.simulation.model import Call
from tests.simulation.world import Company, World


@dataclass(slots=True)
class Vendor:
    """What one call will cost, and how long it takes. Only the vendor knows."""

    input_tokens: int
    output_tokens: int
    step_tokens: int
    gap_s: float
    over: bool = False  # it counts more than it was asked for
    left_after: int | None = None  # tokens after which the client has left


@dataclass(slots=True, eq=False)
class Asked:
    """One request, to `Calls` what gateway.asgi.request is; and what the client made of the answer."""

    call: Call
    company: Company
    key: int
    stream: bool
    vendor: Vendor
    world: World
    stage: str = "claim"
    cancelled_in: str | None = None  # the stage in which its task is cancelled
    task: asyncio.Task[Any] | None = None
    code: str | None = None  # of a refusal
    status: int = 0
    body: bytes = b""
    record: CallRecord | None = None
    is_whole: bool = False

    def header(self, name: bytes) -> str | None:
        return self.call.key if name == b"idempotency-key" else None

    def enter(self, stage: str) -> None:
        self.stage = stage
        if self.cancelled_in == stage:
            within_s = 3.0 if stage == "vendor" else 0.012
            self.world.loop.call_later(self.world.chance.uniform(0.0, within_s), self._cancel, stage)

    def _cancel(self, stage: str) -> None:
        if self.task is not None and self.stage == stage and not self.task.done():
            self.world.chance.met(stage, "cancelled")
            self.task.cancel()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message["body"]
        self.is_whole = not message["more_body"]


class Request:
    """gateway.asgi.request.Request, as far as `Calls` asks it."""

    def __init__(self, asked: Asked, raw: bytes) -> None:
        self.asked = asked
        self._raw = raw
        self.header = asked.header

    async def body(self, _: int) -> bytes:
        return self._raw
