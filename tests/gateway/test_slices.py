"""Streams under their holds: checked after a sleep, and never ended happily where nothing was charged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from metering.event import UsageEvent
from metering.keys import lane_of
from metering.purse import PurseUnavailable
from metering.wish import Held
from tests.fakes.gateway_world import World, answer, chunk, voucher, world
from tests.fakes.virtual_time import on_a_sleepy_loop, sleep_through

ASK = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASK, "stream": True}
DONE = b"data: [DONE]\n\n"
USAGE = chunk(usage={"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12})
LANE = lane_of("gaonde")


class Vendor:
    """Two words, a pause in which the test acts, then the rest of the answer."""

    def __init__(self, *rest: bytes) -> None:
        self.rest = rest or (chunk("more"), chunk(finish="stop"), USAGE, DONE)
        self.paused = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(chunk("he"))
        await response.write(chunk("llo"))
        self.paused.set()
        await self.goes_on.wait()
        for part in self.rest:
            await response.write(part)
            await asyncio.sleep(0.02)
        return response


async def sweep(w: World) -> None:
    """What the worker does to the holds of a gateway whose lease is gone."""
    for op in await w.purse.open_ops(lane=LANE, n=1, gateway_id="g1"):
        await w.purse.sweep(lane=LANE, n=1, op=op, gateway_id="g1")


def check_lost(w: World, heard: Any) -> None:
    assert '"code":"meter_unavailable"' in heard.frames[-1]
    assert "data: [DONE]" not in heard.frames
    assert not any("voucher_exhausted" in frame for frame in heard.frames)
    [event] = w.events
    assert (event.end_reason, event.estimated, event.status) == ("gateway_lost", True, "settled")


@on_a_sleepy_loop
async def test_a_stream_whose_hold_was_swept_while_we_slept_ends_as_lost(tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word")] * 50, chunk(finish="stop"), USAGE, DONE)
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await vendor.paused.wait()
        await asyncio.sleep(0.05)
        await sweep(w)
        vendor.goes_on.set()
        sleep_through(11)
        check_lost(w, await calling)


@on_a_sleepy_loop
async def test_also_where_the_lease_was_renewed_before_the_vendor_spoke_again(tmp_path: Path) -> None:
    """Then the process no longer looks as if it had slept; the checkpoint finds the hold gone."""
    vendor = Vendor(*[chunk("word")] * 50, chunk(finish="stop"), USAGE, DONE)
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await vendor.paused.wait()
        await asyncio.sleep(0.05)
        await sweep(w)
        sleep_through(11)
        await asyncio.sleep(0.05)
        assert not w.meter.was_asleep
        vendor.goes_on.set()
        await asyncio.sleep(0.2)
        sleep_through(2)  # to the checkpoint after
        check_lost(w, await calling)


@on_a_sleepy_loop
async def test_a_sleep_without_a_sweep_costs_nothing(tmp_path: Path) -> None:
    vendor = Vendor()
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await vendor.paused.wait()
        await asyncio.sleep(0.05)
        vendor.goes_on.set()
        sleep_through(11)
        heard = await calling
        assert heard.frames[-1] == "data: [DONE]"
        assert (w.events[0].end_reason, w.events[0].charge_micro) == ("completed", 18_000)


@on_a_sleepy_loop
async def test_an_epoch_that_ends_under_a_stream_does_not_end_it(tmp_path: Path) -> None:
    vendor = Vendor()
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await vendor.paused.wait()
        await asyncio.sleep(0.05)
        w.purse.flush()
        vendor.goes_on.set()
        sleep_through(3)
        heard = await calling
        lines = [line for path in (tmp_path / "unposted").glob("*.log") for line in path.read_bytes().split()]
        floors = [UsageEvent.from_bytes(line) for line in lines]
        assert [event.is_floor for event in floors] == [True, False], "what Redis forgot, the disk has"
        assert (floors[0].end_reason, floors[0].estimated) == ("gateway_lost", True)
        assert floors[0].charge_micro > 0
        assert heard.frames[-1] == "data: [DONE]"
        assert heard.frames[-2] == ": voucher charge_krw=0.018", "no balance is known"


async def test_a_treasury_that_promises_without_end_is_not_asked_without_end(tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word") * 40] * 10, chunk(finish="stop"), USAGE, DONE)
    vendor.goes_on.set()
    async with world(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        asked: list[int] = []

        async def promise(held: Held, need_micro: int) -> bool:
            asked.append(need_micro)
            return True

        w.meter.lend_more = promise  # type: ignore[method-assign]
        heard = await w.client.call("POST", "/v1/chat/completions", {**STREAM, "max_tokens": 4000})
        assert heard.frames[-1] == "data: [DONE]"
        assert 0 < len(asked) < 1000


@on_a_sleepy_loop
async def test_an_answer_put_together_under_a_swept_hold_is_refused(tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word")] * 50, chunk(finish="stop"), USAGE, DONE)
    scarce = voucher(1, 0, share_ppm=1_000_000)
    async with world(vendor, tmp_path, vouchers=(scarce,)) as w:
        ask = {**ASK, "max_tokens": 4000}
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", ask))
        await vendor.paused.wait()
        await asyncio.sleep(0.05)
        await sweep(w)
        vendor.goes_on.set()
        sleep_through(11)
        heard = await calling
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert (w.events[0].end_reason, w.events[0].charge_micro) == ("gateway_lost", 0)


@pytest.mark.parametrize("counted", [False, True], ids=["the vendor counted nothing", "it had counted"])
async def test_an_answer_that_breaks_off_while_it_is_put_together(tmp_path: Path, counted: bool) -> None:
    """Nothing of it reaches the caller, so it costs nothing, unless the vendor itself reported usage."""
    rest = [chunk("more"), *([USAGE] if counted else []), b'data: {"error": {"message": "sorry"}}\n\n']
    vendor = Vendor(*rest)
    vendor.goes_on.set()
    async with world(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "max_tokens": 4000})
        assert (heard.status, heard.code) == (502, "upstream_error")
        [event] = w.events
        assert (event.charge_micro > 0, event.estimated) == (counted, False)
        assert heard.headers.get("x-should-retry") == ("false" if counted else "true")


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "put together"])
async def test_what_arrives_at_once_is_delivered_no_further_than_it_is_paid(
    tmp_path: Path, stream: bool
) -> None:
    """A process that was late finds the whole answer in its buffer; a won pays 249 tokens of it."""
    vendor = Vendor(b"".join([chunk("word")] * 400 + [chunk(finish="stop"), USAGE, DONE]))
    vendor.goes_on.set()
    async with world(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        ask = {**ASK, "stream": stream, "max_tokens": 4000}
        heard = await w.client.call("POST", "/v1/chat/completions", ask)
        [event] = w.events
        assert (event.end_reason, heard.status) == ("voucher_exhausted", 200)
        assert 200 < event.tokens["output"] < 250
        assert event.charge_micro <= 1_000_000
        said = heard.body.decode()
        assert said.count("word") <= event.tokens["output"] + 8


@pytest.mark.parametrize("text", ["word", "word" * 60], ids=["short events", "long events"])
async def test_what_arrives_at_once_passes_no_further_than_from_checkpoint_to_checkpoint(
    tmp_path: Path, text: str
) -> None:
    """Nothing is scarce; but were the process killed behind a burst, 256 tokens at most may be missing."""
    count = 2400 // (len(text) // 4)
    vendor = Vendor(b"".join([chunk(text)] * count + [chunk(finish="stop"), USAGE, DONE]))
    vendor.goes_on.set()
    async with world(vendor, tmp_path) as w:
        floors = [0]

        def write_floor(checkpoint: Callable[[int], UsageEvent]) -> bool:
            floors.append(checkpoint(0).tokens["output"])
            return True

        w.meter.write_floor = write_floor  # type: ignore[method-assign]
        heard = await w.client.call("POST", "/v1/chat/completions", {**STREAM, "max_tokens": 4000})
        delivered = (heard.body.decode().count("word") * 4 + len("hello")) // 4
        steps = [after - before for before, after in itertools.pairwise([*floors, delivered])]
        assert max(steps) <= 256, steps


async def test_what_no_place_would_know_of_is_not_served(tmp_path: Path) -> None:
    """Neither the disk nor the purse takes checkpoints for a while: the stream waits and goes on."""
    vendor = Vendor(b"".join([chunk("word")] * 2400 + [chunk(finish="stop"), USAGE, DONE]))
    vendor.goes_on.set()
    async with world(vendor, tmp_path) as w:
        real_extend, real_floor, away = w.purse.extend, w.meter.write_floor, [6]
        served: list[int] = []

        async def extend(*args: Any, **kwargs: Any) -> Any:
            if away[0]:
                away[0] -= 1
                raise PurseUnavailable("away")
            return await real_extend(*args, **kwargs)

        def write_floor(checkpoint: Callable[[int], UsageEvent]) -> bool:
            served.append(checkpoint(0).tokens["output"])
            return not away[0] and real_floor(checkpoint)

        w.purse.extend = extend  # type: ignore[method-assign]
        w.meter.write_floor = write_floor  # type: ignore[method-assign]
        heard = await w.client.call("POST", "/v1/chat/completions", {**STREAM, "max_tokens": 4000})
        assert heard.body.decode().count("word") == 2400
        assert len(set(served[:5])) == 1, "not a token more before one of them had taken it"


async def test_nor_for_long(tmp_path: Path) -> None:
    vendor = Vendor(b"".join([chunk("word")] * 2400 + [chunk(finish="stop"), USAGE, DONE]))
    vendor.goes_on.set()
    async with world(vendor, tmp_path) as w:

        async def extend(*args: Any, **kwargs: Any) -> Any:
            raise PurseUnavailable("away")

        w.purse.extend = extend  # type: ignore[method-assign]
        w.meter.write_floor = lambda checkpoint: False  # type: ignore[method-assign]
        heard = await w.client.call("POST", "/v1/chat/completions", {**STREAM, "max_tokens": 4000})
        assert 0 < heard.body.decode().count("word") <= 256
        assert '"code":' in heard.frames[-1], "no happy end"


def unsettleable(w: World) -> None:
    """The purse takes no settlement and the journal has no place left."""

    async def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PurseUnavailable("away")

    w.purse.settle = refuse  # type: ignore[method-assign]
    journal = w.meter._journal
    journal._current.written_bytes = 1 << 40
    journal._directory /= "nowhere"


async def test_a_stream_nobody_could_charge_has_no_happy_end(tmp_path: Path) -> None:
    vendor = Vendor()
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await vendor.paused.wait()
        unsettleable(w)
        vendor.goes_on.set()
        heard = await calling
        assert '"code":"meter_unavailable"' in heard.frames[-1]
        assert not any("[DONE]" in frame for frame in heard.frames)


async def test_an_answer_nobody_could_charge_is_not_given(tmp_path: Path) -> None:
    holder: list[World] = []

    async def plain(request: web.Request) -> web.Response:
        unsettleable(holder[0])
        return web.json_response(answer())

    async with world(plain, tmp_path) as w:
        holder.append(w)
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert heard.headers["x-should-retry"] == "false", "it may be charged after all"
        assert f"/v1/usage/{heard.headers['x-voucher-usage-id']}" in heard.json["error"]["message"]


async def test_what_nobody_could_charge_keeps_its_key_with_its_op(tmp_path: Path) -> None:
    """The charge may still be sent later: a repeat under another op would be charged beside it."""
    holder: list[World] = []

    async def plain(request: web.Request) -> web.Response:
        unsettleable(holder[0])
        return web.json_response(answer())

    async with world(plain, tmp_path) as w:
        holder.append(w)
        keyed = {"idempotency-key": "k"}
        heard = [await w.client.call("POST", "/v1/chat/completions", ASK, headers=keyed) for _ in range(2)]
        assert [one.status for one in heard] == [503, 503]
        assert heard[0].headers["x-voucher-usage-id"] == heard[1].headers["x-voucher-usage-id"]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_journal_took_is_answered_without_a_balance(tmp_path: Path, stream: bool) -> None:
    async def plain(request: web.Request) -> web.Response:
        return web.json_response(answer())

    vendor = Vendor()
    vendor.goes_on.set()
    async with world(vendor if stream else plain, tmp_path) as w:

        async def refuse(*args: Any, **kwargs: Any) -> Any:
            raise PurseUnavailable("away")

        w.purse.settle = refuse  # type: ignore[method-assign]
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "stream": stream})
        assert heard.status == 200
        assert w.meter.unposted == 1
        if stream:
            assert heard.frames[-2:] == [": voucher charge_krw=0.018", "data: [DONE]"]
        else:
            assert heard.headers["x-voucher-charge-krw"] == "0.03"
            assert "x-voucher-available-krw" not in heard.headers
