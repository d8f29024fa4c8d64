"""Calls that go on at the vendor: charged once, at their end, whoever asks and whatever the gateway does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.background import Background, FollowPace
from gateway.background_end import Followed
from gateway.background_watch import MISSING_MIN
from gateway.stored_vendor import StoredVendor
from metering.event import CallMeta
from metering.keys import lane_of
from metering.meter import Meter
from providers.upstream import Upstream
from tests.fakes.gateway_world import World, world
from tests.fakes.stored_vendor import StoringVendor
from tests.gateway.test_stored import CHARGE_MICRO, ROUTE, until
from tests.providers.openai_responses.events import USAGE

BEGIN = {"model": "x1", "input": "hi", "background": True}
PATH = f"{ROUTE}/resp_1"
TEXT = [{"type": "message", "content": [{"type": "output_text", "text": "a" * 400}]}]


async def held(w: World) -> str:
    return str((await w.voucher())["government"]["held_krw"])


async def begun(w: World) -> str:
    """-> usage id"""
    heard = await w.client.call("POST", ROUTE, BEGIN)
    assert (heard.status, heard.json["status"], heard.json["model"]) == (200, "queued", "x1")
    assert "x-voucher-charge-krw" not in heard.headers, "nobody knows yet"
    assert w.events == []
    assert await held(w) != "0"
    return heard.headers["x-voucher-usage-id"]


async def test_asked_for_twenty_times_charged_once(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        usage_id = await begun(w)
        assert (w.seen[0]["store"], w.seen[0]["background"]) == (True, True)
        for _ in range(10):
            assert (await w.client.call("GET", PATH)).json["status"] == "queued"
        vendor.finish()
        for _ in range(10):
            read = (await w.client.call("GET", PATH)).json
            assert (read["status"], read["usage"], read["model"]) == ("completed", USAGE, "x1")
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.op, event.charge_micro, event.end_reason) == (usage_id, CHARGE_MICRO, "completed")
        assert event.estimated is False
        assert await held(w) == "0"


async def test_asked_for_by_nobody_charged_once(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        await until(lambda: vendor.polls("resp_1") >= 3)
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        polls = vendor.polls("resp_1")
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]
        assert await held(w) == "0"
        assert vendor.polls("resp_1") == polls, "and not asked any more"


@pytest.mark.parametrize(
    ("status", "more", "tokens", "end_reason"),
    [
        ("completed", {}, None, "completed"),
        ("incomplete", {}, None, "completed"),
        ("failed", {}, None, "upstream_error"),
        ("cancelled", {}, None, "completed"),
        ("failed", {"usage": None, "output": TEXT}, 100, "upstream_error"),
        ("cancelled", {"usage": None}, 0, "completed"),
        ("completed", {"usage": None, "output": TEXT}, 100, "completed"),
        ("of a later year", {"usage": {}}, 0, "completed"),
        (["completed"], {"usage": 3}, 0, "completed"),
    ],
)
async def test_every_end(
    tmp_path: Path, status: Any, more: dict[str, Any], tokens: int | None, end_reason: str
) -> None:
    """The vendor's own count, or (`tokens`) its input and what it has made, as an estimate."""
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish(status, **more)
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        estimate = event.meta.input_tokens * 1000 + (tokens or 0) * 4000
        assert event.charge_micro == (CHARGE_MICRO if tokens is None else estimate) > 0
        assert (event.estimated, event.end_reason) == (tokens is not None, end_reason)
        assert await held(w) == "0"


async def test_one_that_failed_and_made_nothing_is_free(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish("failed", None, error={"code": "server_error", "message": "sorry"})
        await until(lambda: not w.things.unfinished)
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]
        assert await held(w) == "0"


async def test_cancelled_by_its_company(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        refused = await w.client.call("DELETE", PATH)
        assert (refused.status, refused.code) == (400, "invalid_request")
        heard = await w.client.call("POST", f"{PATH}/cancel")
        assert (heard.status, heard.json["status"]) == (200, "cancelled")
        assert (await w.client.call("DELETE", PATH)).status == 200, "its end is written down"
        assert len(w.events) == 1


async def test_one_that_the_vendor_lost_costs_its_input(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.kept.clear()
        await until(lambda: vendor.polls("resp_1") > MISSING_MIN)
        assert w.events == [], "some are slow to list what they have taken"
        w.clock_ms[0] += int((FollowPace().missing_s + 1) * 1000)
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.estimated, event.end_reason, event.tokens["output"]) == (True, "upstream_error", 0)
        assert event.charge_micro > 0
        assert await held(w) == "0"


async def test_one_that_never_ends_is_cancelled(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        w.clock_ms[0] += int((FollowPace().life_s + 1) * 1000)
        await until(lambda: not w.things.unfinished)
        assert vendor.kept["resp_1"]["status"] == "cancelled"
        assert len(w.events) == 1


async def test_one_that_is_over_at_once_is_an_ordinary_call(tmp_path: Path) -> None:
    vendor = StoringVendor(is_quick=True)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, BEGIN)
        assert heard.headers["x-voucher-charge-krw"] == "0.056"
        assert w.things.unfinished == {}
        assert (await w.client.call("GET", PATH)).status == 200


async def test_what_cannot_be_bound_is_cancelled_and_charged(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        w.things.is_away = True
        heard = await w.client.call("POST", ROUTE, BEGIN)
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert heard.headers["x-should-retry"] == "false"
        assert b"resp_1" not in heard.body
        await until(lambda: len(w.events) == 1)
        assert vendor.kept["resp_1"]["status"] == "cancelled"
        w.things.is_away = False


async def test_a_repeat_is_answered_alike_and_makes_nothing_new(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        key = {"idempotency-key": "k1"}
        first = await w.client.call("POST", ROUTE, BEGIN, headers=key)
        again = await w.client.call("POST", ROUTE, BEGIN, headers=key)
        assert first.json == again.json
        assert len(vendor.kept) == 1
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert len(w.events) == 1


async def test_a_stream_that_its_client_leaves_goes_on(tmp_path: Path) -> None:
    vendor = StoringVendor(pause_s=0.02)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**BEGIN, "stream": True}, leave_after=1)
        assert b"resp_1" in heard.body
        assert w.events == []
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.charge_micro, event.client_gone, event.estimated) == (CHARGE_MICRO, True, False)


async def test_a_whole_stream_is_charged_at_its_end(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**BEGIN, "stream": True})
        assert heard.frames[-2].startswith(": voucher charge_krw=0.056")
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]
        await until(lambda: not w.things.unfinished)


# -- when the gateway goes


async def adopting(w: World, tmp_path: Path) -> tuple[Background, Meter, Upstream]:
    """A second gateway on the same purse, with the same books."""
    meter = Meter(
        purse=w.purse,
        treasury=w.treasury,
        journal_directory=tmp_path / "second",
        gateway_id="g2",
        now_ms=lambda: w.clock_ms[0],
        wait_for_funds_s=0.3,
        unposted_bytes_max=1 << 20,
    )
    await meter.start()
    upstream = Upstream(allow_private=True)
    await upstream.start()
    background = Background(
        meter=meter,
        things=w.things,
        vendor=StoredVendor(upstream, answer_bytes_max=1 << 20),
        directory=w.directory,
        now_ms=lambda: w.clock_ms[0],
        pace=FollowPace(first_s=0.01, most_s=0.05, claim_every_s=0.02),
    )
    background.start()
    return background, meter, upstream


@pytest.mark.parametrize("was_swept", [True, False])
async def test_another_gateway_follows_on(tmp_path: Path, was_swept: bool) -> None:
    """A gateway that stops cancels nothing: who follows on tells the end, under the same op."""
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        usage_id = await begun(w)
        await until(lambda: vendor.polls("resp_1") > 0)
        await w.background.close()
        assert vendor.kept["resp_1"]["status"] == "queued"
        assert [follower for _, follower, _ in w.things.unfinished.values()] == [""]
        if was_swept:
            [((n, op), record)] = w.purse.data.lane(lane_of("gaonde")).holds.items()
            assert record.floor == 1000 * CallMeta.from_bytes(record.meta).input_tokens, "its input"
            await w.purse.sweep(lane=lane_of("gaonde"), n=n, op=op, gateway_id="g1")
        background, meter, upstream = await adopting(w, tmp_path)
        try:
            vendor.finish()
            await until(lambda: not w.things.unfinished)
            await until(lambda: len(w.events) == 1)
            [event] = w.events
            assert (event.op, event.charge_micro, event.meta.gateway_id) == (usage_id, CHARGE_MICRO, "g1")
            assert await held(w) == "0"
        finally:
            await background.close()
            await meter.close(patience_s=0)
            await upstream.close()


async def test_what_was_claimed_and_not_heard_of_is_claimed_again(tmp_path: Path) -> None:
    """The books have noted who follows it, and their answer was lost: else nobody ever would."""
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        await w.background.close()
        w.things.loses_answers = True
        background, meter, upstream = await adopting(w, tmp_path)
        try:
            await until(lambda: [one[1] for one in w.things.unfinished.values()] == ["g2"])
            w.things.loses_answers = False
            vendor.finish()
            await until(lambda: len(w.events) == 1)
            assert w.events[0].charge_micro == CHARGE_MICRO
        finally:
            await background.close()
            await meter.close(patience_s=0)
            await upstream.close()


async def test_what_cannot_be_followed_stops_nobody_else(tmp_path: Path) -> None:
    """A row that a later version wrote, and a product that is not known here."""
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        [(thing, _, call)] = w.things.unfinished.values()
        strange = replace(thing, vendor_id="resp_9", product_id="x9", op="op9")
        w.things.unfinished["op8"] = (replace(thing, op="op8"), "", '{"version": 2}')
        w.things.unfinished["op9"] = (strange, "", call.replace(thing.op, "op9"))
        await until(lambda: {one[1] for one in w.things.unfinished.values()} == {"g1"})
        vendor.finish()
        await until(lambda: set(w.things.unfinished) == {"op8", "op9"})
        assert [event.op for event in w.events] == [thing.op]


async def test_what_is_handed_on_says_nothing_of_prompt_or_answer(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, {**BEGIN, "input": "secret words"})
        [(_, _, call)] = w.things.unfinished.values()
        assert "secret" not in call
        assert "vendor-key" not in call
        assert Followed.from_text(call).to_text() == call
