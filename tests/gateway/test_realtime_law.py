"""The law of realtime sessions: what a vendor reports is charged once each, and in the end nothing is held.

Conversations by chance: requests, sound, nonsense, responses nobody asked for, beside each other, refused or
without a usage; ended by the client, by the vendor, politely or not.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fakes.gateway_world import price
from tests.fakes.realtime_client import House, house
from tests.fakes.realtime_vendor import Event, Vendor, usage

SAID: Final[tuple[tuple[str, Event], ...]] = (
    ("response.create", {}),
    ("response.create", {"response": {"conversation": "none"}}),
    ("input_audio_buffer.append", {"audio": "AAAA" * 50}),
    ("conversation.item.create", {"item": {"type": "message", "content": [{"text": "hi"}]}}),
    ("session.update", {"session": {"tracing": "auto"}}),
    ("response.cancel", {}),
    ("of.tomorrow", {"x": 1}),
)


@dataclass(slots=True)
class ByChance:
    """A vendor's behaviour. Each response it bills has an input of its own, by which it is known again."""

    chance: random.Random
    numbers: Iterator[int]
    asked: set[int] = field(default_factory=set)
    unasked: set[int] = field(default_factory=set)
    open: dict[str, set[int]] = field(default_factory=dict)

    async def __call__(self, vendor: Vendor, event: Event) -> bool:
        if event["type"] == "response.cancel":
            for name in [event["response_id"]] if "response_id" in event else list(self.open)[-1:]:
                await self.end(vendor, name, "cancelled")
            return True
        asked = event["type"] == "response.create"
        if asked and self.chance.random() < 0.2:
            await vendor.say("error", error={"message": "no", "event_id": event["event_id"]})
        elif asked or (event["type"] == "input_audio_buffer.append" and self.chance.random() < 0.3):
            name = await vendor.begin()
            self.open[name] = self.asked if asked else self.unasked
            for _ in range(self.chance.randrange(4)):
                await vendor.say("response.output_text.delta", response_id=name, delta="words")
        while self.open and self.chance.random() < 0.5:
            await self.end(vendor, self.chance.choice(list(self.open)), "completed")
        return True

    async def end(self, vendor: Vendor, name: str, status: str) -> None:
        if name in self.open:
            number = next(self.numbers)
            self.open.pop(name).add(number)
            await vendor.finish(name, usage(number, text=5), status=status)


async def talk_by_chance(h: House, vendor: Vendor, chance: random.Random) -> None:
    async with h.talk() as talk:
        reading = asyncio.ensure_future(talk.end())
        for _ in range(chance.randrange(12)):
            kind, fields = chance.choice(SAID)
            await talk.say(kind, **fields)
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 100)
        if chance.random() < 0.3:
            await asyncio.sleep(0.05)
            await vendor.close()
        else:
            await talk.connection.close()
        await reading


async def test_what_is_reported_is_charged_once_and_nothing_stays_held(tmp_path: Path) -> None:
    prices = (price(input=4000, output=16_000),)
    vendor = Vendor()
    async with house(vendor, tmp_path, context_tokens=10_000, max_output_tokens=50, prices=prices) as h:
        asked: set[int] = set()
        unasked: set[int] = set()
        numbers = itertools.count(1)
        for seed in range(25):
            vendor.on_event = behaviour = ByChance(random.Random(seed), numbers)
            await talk_by_chance(h, vendor, random.Random(-seed))
            await h.settled(0)
            asked |= behaviour.asked
            unasked |= behaviour.unasked
        counted = [event.tokens["input"] for event in h.charged if not event.estimated]
        assert len(counted) == len(set(counted)), "none twice"
        assert asked <= set(counted) <= asked | unasked
        # Of its own it may begin one in the very moment in which a session is closed; few are lost so.
        assert len(unasked - set(counted)) <= len(unasked) // 4
        assert len(asked) > 20
        assert len(unasked) > 4
        shown = await h.world.voucher()
        assert shown["government"]["held_krw"] == shown["self"]["held_krw"] == "0"
