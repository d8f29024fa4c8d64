"""Realtime sessions where something goes wrong: whatever it is, what was delivered is paid, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from metering.directory import KeyLimits
from tests.fakes.gateway_world import api_key, price, voucher
from tests.fakes.realtime_client import House, house
from tests.fakes.realtime_vendor import Event, Vendor, usage


async def begin_only(vendor: Vendor, event: Event) -> bool:
    if event["type"] == "response.create":
        await vendor.begin()
        return True
    return False


def held_micro(h: House) -> list[int]:
    """Of the holds that are open, and how much of each is spent for certain."""
    return sorted(hold.floor for hold in h.world.purse.data.lane(h.lane).holds.values())


async def test_a_running_response_is_noted_for_whoever_sweeps_a_dead_gateway(tmp_path: Path) -> None:
    async def speak(vendor: Vendor, event: Event) -> bool:
        name = await vendor.begin()
        await vendor.say("response.output_text.delta", response_id=name, delta="x" * 4 * 300)
        return True

    vendor = Vendor(on_event=speak)
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.output_text.delta")
        async with asyncio.timeout(5):
            while max(held_micro(h)) < 300 * 4000:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
        await vendor.leave()
        await h.settled(1)


async def test_a_response_that_ends_twice_is_charged_once(tmp_path: Path) -> None:
    async def repeat(vendor: Vendor, event: Event) -> bool:
        name = await vendor.begin()
        for _ in range(3):
            await vendor.finish(name, usage(10, text=5))
        return True

    async with house(Vendor(on_event=repeat), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        for _ in range(3):
            await talk.until("response.done")
        await talk.connection.close()
        await h.settled(1)
        assert len(h.charged) == 1


async def test_responses_beside_each_other_have_a_hold_each(tmp_path: Path) -> None:
    begun: list[str] = []

    async def gather(vendor: Vendor, event: Event) -> bool:
        begun.append(await vendor.begin(conversation_id=None))
        if len(begun) == 3:
            for position, name in enumerate(reversed(begun)):
                await vendor.finish(name, usage(1 + position, text=1), conversation_id=None)
        return True

    async with house(Vendor(on_event=gather), tmp_path) as h, h.talk() as talk:
        for _ in range(3):
            await talk.say("response.create", response={"conversation": "none"})
        for _ in range(3):
            await talk.until("response.done")
        await talk.connection.close()
        await h.settled(3)
        assert sorted(event.tokens["input"] for event in h.charged) == [1, 2, 3]


async def test_too_many_at_once_are_refused_by_name(tmp_path: Path) -> None:
    async with house(Vendor(on_event=begin_only), tmp_path) as h, h.talk() as talk:
        for _ in range(9):
            await talk.say("response.create")
        assert (await talk.until("error"))["error"]["code"] == "invalid_request"
        assert h.world.meter.holds_open <= 9


async def test_a_client_that_leaves_while_its_word_waits_for_money_is_noticed(tmp_path: Path) -> None:
    small = voucher(government_krw=1, self_krw=1, share_ppm=500_000)
    bounds = {"context_tokens": 100, "max_output_tokens": 50, "prices": (price(input=4000, output=16_000),)}
    vendor = Vendor([None, None])
    async with house(vendor, tmp_path, vouchers=(small,), **bounds) as h:
        async with h.talk() as talk:
            await talk.say("response.create")
            await talk.until("response.output_text.delta")
            await talk.say("response.create")
        async with asyncio.timeout(5):
            while {"type": "response.cancel", "response_id": "resp_1"} not in vendor.heard:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await h.settled(1)
        assert h.charged[0].client_gone


async def test_a_limit_of_the_key_lets_the_next_response_wait(tmp_path: Path) -> None:
    key = api_key(limits=KeyLimits(concurrent=1))
    async with house(Vendor([usage(), usage()]), tmp_path, key=key) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.done")
        await talk.say("response.create")
        await talk.until("response.done")
        await talk.connection.close()
        await h.settled(2)


@pytest.mark.parametrize("sent", [b"binary", "x" * (17 * 1024 * 1024)], ids=["binary", "too_large"])
async def test_a_vendor_that_speaks_otherwise(tmp_path: Path, sent: bytes | str) -> None:
    async def speak(vendor: Vendor, event: Event) -> bool:
        await vendor.begin()
        await (vendor.socket.send_bytes(sent) if type(sent) is bytes else vendor.socket.send_str(str(sent)))
        return True

    async with house(Vendor(on_event=speak), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        rest, code, _ = await talk.end()
        assert (rest[-1]["error"]["code"], code) == ("upstream_error", 1011)
        await h.settled(0)
        assert h.charged == [], "nothing was delivered"


async def test_what_is_no_json_passes(tmp_path: Path) -> None:
    async def speak(vendor: Vendor, event: Event) -> bool:
        await vendor.socket.send_str("no json")
        return True

    async with house(Vendor(on_event=speak), tmp_path) as h, h.talk() as talk:
        await talk.hear()
        await talk.say("anything")
        assert await talk.connection.recv() == "no json"


async def test_a_hold_that_waits_counts_as_no_running_call(tmp_path: Path) -> None:
    """Else who waits for the last money would wait for a session in which nobody speaks."""
    async with house(Vendor([None]), tmp_path) as h, h.talk() as talk:
        await talk.hear()
        pressed = h.world.meter.pressed
        [waiting] = [held for lane in h.world.meter._lanes for held in lane.holds.values()]
        assert pressed.running("v1", waiting.ref.n) == 0
        await talk.say("response.create")
        await talk.until("response.output_text.delta")
        assert pressed.running("v1", waiting.ref.n) == 1
        await talk.connection.close()


async def test_a_stop_that_cannot_wait_charges_what_was_delivered(tmp_path: Path) -> None:
    async with house(Vendor([None]), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        for _ in range(2):
            await talk.until("response.output_text.delta")
        h.server.should_exit = True
        await h.settled(1)
        [event] = h.charged
        assert (event.estimated, event.end_reason, event.tokens["output"]) == (True, "gateway_lost", 2)


async def test_a_fault_of_ours_is_told_and_charges_what_was_delivered(tmp_path: Path) -> None:
    async with house(Vendor([None]), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.output_text.delta")
        h.world.directory.products["x1"] = object()  # type: ignore[assignment]  # no product at all
        rest, code, _ = await talk.end()
        assert (rest[-1]["error"]["code"], code) == ("internal_error", 1011)
        await h.settled(1)
        assert h.charged[0].tokens["output"] == 2


async def test_a_new_price_holds_for_the_next_response(tmp_path: Path) -> None:
    dearer = replace(price(input=2000, output=8000), entry_id="x1@1", valid_from_ms=1)
    async with house(Vendor([usage(10, text=5)]), tmp_path) as h, h.talk() as talk:
        await talk.hear()
        old = h.world.directory.products["x1"]
        h.world.directory.products["x1"] = replace(old, prices=(*old.prices, dearer))
        async with asyncio.timeout(5):
            while h.world.events == []:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
        await talk.say("response.create")
        await talk.until("response.done")
        assert [event.charge_micro for event in h.charged] == [10 * 2000 + 5 * 8000]
        await talk.connection.close()
        await h.settled(1)


async def test_responses_without_a_name_are_charged_each(tmp_path: Path) -> None:
    async def nameless(vendor: Vendor, event: Event) -> bool:
        await vendor.say("response.created", response={"id": None})
        await vendor.say("response.done", response={"id": None, "usage": usage(10, text=5)})
        return True

    async with house(Vendor(on_event=nameless), tmp_path) as h, h.talk() as talk:
        for _ in range(2):
            await talk.say("response.create")
            await talk.until("response.done")
        await talk.connection.close()
        await h.settled(2)


async def test_what_was_asked_for_before_the_client_left_is_waited_for(tmp_path: Path) -> None:
    async def hesitate(vendor: Vendor, event: Event) -> bool:
        if event["type"] != "response.create":
            return False
        await asyncio.sleep(0.05)
        await vendor.begin()
        return True

    vendor = Vendor(on_event=hesitate)
    async with house(vendor, tmp_path) as h:
        async with h.talk() as talk:
            await talk.say("response.create")
        await h.settled(1)
        assert [event["type"] for event in vendor.heard] == ["response.create", "response.cancel"]
        assert (h.charged[0].estimated, h.charged[0].client_gone) == (False, True)
