"""One streamed answer of the simulated vendor: paced, broken on demand, billed as far as it was said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from launch.demo_vendor import frames
from launch.demo_vendor.call_log import Call
from launch.demo_vendor.counting import Billed
from launch.demo_vendor.faults import Orders
from launch.demo_vendor.speech import Choice

HANG_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class VendorSettings:
    seed: int = 0
    latency_ms: float = 20.0
    token_ms: float = 5.0
    count_factor: Fraction = Fraction(1)
    faults: Mapping[str, float | None] = field(default_factory=dict)
    faults_first: int | None = None  # only so many calls are struck by `faults`
    replay: Path | None = None
    log: Path | None = None


class Speaker:
    """One streamed answer: paced, billed as far as it was said."""

    def __init__(
        self, settings: VendorSettings, orders: Orders, call: Call, prompt: Billed, *, told: bool
    ) -> None:
        self._orders = orders
        self._call = call
        self._prompt = prompt
        self._factor = settings.count_factor
        self._pace_s = (settings.token_ms if orders.token_ms is None else orders.token_ms) / 1000
        self._told = told and "no_usage" not in orders.faults

    async def stream(
        self, request: web.Request, head: dict[str, Any], choices: list[Choice]
    ) -> web.StreamResponse:
        call = self._call
        call.status = 200
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Request-Id": call.call_id}
        )
        await response.prepare(request)
        try:
            await self._speak(request, response, head, choices)
        except ConnectionResetError:
            call.ended = "client_gone"
        return response

    async def _speak(
        self,
        request: web.Request,
        response: web.StreamResponse,
        head: dict[str, Any],
        choices: list[Choice],
    ) -> None:
        call = self._call
        billed = self._prompt.times(self._factor)
        call.bill(billed)
        said = 0
        reasoning = sum(choice.reasoning_tokens for choice in choices)
        for event, tokens in frames.events(head, choices):
            if await self._struck(request, response):
                return
            said += tokens
            call.events += 1
            # Billed as it is said: a call that is cut is billed up to the cut.
            billed = Billed(self._prompt.prompt_tokens, said, self._prompt.cached_tokens, reasoning).times(
                self._factor
            )
            call.usage = billed.as_usage()
            await response.write(event)
            if self._pace_s and tokens:
                await asyncio.sleep(self._pace_s * tokens)
        ending = frames.usage_chunk(head, billed) if self._told else b""
        if "no_done" not in self._orders.faults:
            ending += b"data: [DONE]\n\n"
        if ending:
            await response.write(ending)
        await response.write_eof()
        call.ended = "complete"

    async def _struck(self, request: web.Request, response: web.StreamResponse) -> bool:
        """Has the ordered fault come? It ends the stream."""
        orders, call = self._orders, self._call
        if orders.after("cut_after") == call.events:
            call.ended = "fault"
            cut(request)
            return True
        if orders.after("stall_after") == call.events:
            call.ended = "fault"
            await asyncio.sleep(HANG_S)
            return True
        if orders.after("error_after") == call.events:
            call.ended = "fault"
            await response.write(frames.frame(frames.error(500, "a fault was ordered.", "ordered")))
            await response.write_eof()
            return True
        return False


def cut(request: web.Request) -> None:
    """Lose the connection, without a word."""
    if request.transport is not None:
        request.transport.abort()
