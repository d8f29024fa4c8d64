"""Realtime sessions end to end: a conversation, what it costs, and every way in which it ends."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from websockets.typing import Subprotocol

from metering.directory import Company
from tests.fakes.gateway_world import KEY, Everything, api_key, price, voucher
from tests.fakes.realtime_client import house
from tests.fakes.realtime_vendor import Event, Vendor, usage


async def test_each_response_is_one_call_of_the_books(tmp_path: Path) -> None:
    vendor = Vendor([usage(text_in=20, text=7), usage(30, 100, cached=40, cached_audio=25, text=8, audio=60)])
    prices = price(input=1000, cached_input=100, output=4000, input_audio=30_000, output_audio=60_000)
    async with house(vendor, tmp_path, prices=(prices,)) as h:
        async with h.talk() as talk:
            created = await talk.hear()
            assert (created["type"], created["session"]["model"]) == ("session.created", "x1")
            await talk.say("session.update", session={"type": "realtime", "instructions": "be brief"})
            assert (await talk.hear())["session"]["model"] == "x1"
            for _ in range(2):
                await talk.say("response.create")
                kinds = [(await talk.hear())["type"] for _ in range(4)]
                assert kinds == ["response.created", *["response.output_text.delta"] * 2, "response.done"]
                assert h.charged, "it is settled before the client hears of its end"
        await h.settled(2)
        assert [event.tokens for event in h.charged] == [
            dict.fromkeys(h.charged[0].tokens, 0) | {"input": 20, "output": 7},
            dict.fromkeys(h.charged[0].tokens, 0)
            | {"input": 15, "cached_input": 40, "input_audio": 75, "output": 8, "output_audio": 60},
        ]
        assert [event.charge_micro for event in h.charged] == [
            20 * 1000 + 7 * 4000,
            15 * 1000 + 40 * 100 + 75 * 30_000 + 8 * 4000 + 60 * 60_000,
        ]
        assert len({event.op for event in h.charged}) == 2
        assert {event.end_reason for event in h.charged} == {"completed"}
        assert [event.upstream_request_id for event in h.charged] == ["resp_1", "resp_2"]
        shown = await h.world.voucher()
        assert shown["government"]["held_krw"] == shown["self"]["held_krw"] == "0"
    asked = vendor.asked[0]
    assert asked.query == {"model": "vendor-model"}
    assert asked.headers["Authorization"] == "Bearer vendor-key"


# -- how it ends

SMALL: Any = {"context_tokens": 100, "max_output_tokens": 50, "prices": (price(input=4000, output=16_000),)}
DEAREST = usage(text_in=100, text=50)  # 1.2 won


async def test_the_balance_ends_after_a_response_that_is_paid(tmp_path: Path) -> None:
    vendor = Vendor([DEAREST] * 3)
    small = voucher(government_krw=3, self_krw=1)
    async with house(vendor, tmp_path, vouchers=(small,), **SMALL) as h, h.talk() as talk:
        for _ in range(3):
            await talk.say("response.create")
            await talk.until("response.done")
        rest, code, reason = await talk.end()
        assert [event["error"]["code"] for event in rest] == ["voucher_exhausted"]
        assert (code, reason) == (1008, "voucher_exhausted")
        await h.settled(3)
        assert [event.charge_micro for event in h.charged] == [1_200_000] * 3


async def test_with_money_for_one_response_the_next_waits_for_it(tmp_path: Path) -> None:
    """Two requests at once, and 2 won: the second is passed on when the first has left enough."""
    first_ends = asyncio.Event()

    async def answer(vendor: Vendor, event: Event) -> bool:
        name = await vendor.begin()
        if vendor.responses == 1:
            await asyncio.sleep(0.05)
            assert len(vendor.heard) == 1, "the second is not passed on"
            first_ends.set()
        await vendor.finish(name, usage(text_in=1, text=1))
        return True

    small = voucher(government_krw=1, self_krw=1, share_ppm=500_000)
    async with house(Vendor(on_event=answer), tmp_path, vouchers=(small,), **SMALL) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.say("response.create")
        await talk.until("response.done")
        await talk.until("response.done")
        assert first_ends.is_set()
        await talk.connection.close()
        await h.settled(2)


async def test_who_cannot_pay_one_response_is_refused_before_the_handshake(tmp_path: Path) -> None:
    vendor, poor = Vendor(), voucher(government_krw=1, self_krw=0, share_ppm=1_000_000)
    async with house(vendor, tmp_path, vouchers=(poor,), **SMALL) as h:
        assert await h.refused() == (402, "voucher_exhausted")
        assert vendor.asked == []


async def test_the_vendor_leaves_in_mid_response(tmp_path: Path) -> None:
    vendor = Vendor([None])
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        await talk.say("session.update", session={"instructions": "x" * 381})  # 400 bytes as JSON
        await talk.say("response.create")
        for _ in range(2):
            await talk.until("response.output_text.delta")
        await vendor.leave()
        rest, code, reason = await talk.end()
        assert [event["error"]["code"] for event in rest] == ["upstream_error"]
        assert (code, reason) == (1011, "upstream_error")
        await h.settled(1)
        [event] = h.charged
        assert (event.estimated, event.end_reason, event.error) == (True, "upstream_error", "upstream_error")
        assert (event.tokens["input"], event.tokens["output"]) == (100, 2)


async def test_the_vendor_ends_the_session(tmp_path: Path) -> None:
    vendor = Vendor([usage()])
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.done")
        await vendor.close()
        assert await talk.end() == ([], 1000, "vendor_closed")
        await h.settled(1)


@pytest.mark.parametrize("reports", [True, False], ids=["the_vendor_reports", "the_vendor_is_silent"])
async def test_the_client_leaves_in_mid_response(tmp_path: Path, reports: bool) -> None:
    async def cancel(vendor: Vendor, event: Event) -> bool:
        if event["type"] != "response.cancel":
            return False
        if reports:
            await vendor.finish(event["response_id"], usage(text_in=33, text=9), status="cancelled")
        else:
            await vendor.leave()
        return True

    vendor = Vendor([None], on_event=cancel)
    async with house(vendor, tmp_path) as h:
        async with h.talk() as talk:
            await talk.say("response.create")
            await talk.until("response.output_text.delta")
        await h.settled(1)
        async with asyncio.timeout(5):
            await vendor.ended.wait()
        [event] = h.charged
        assert event.client_gone
        assert event.estimated is not reports
        assert event.tokens["output"] == (9 if reports else 2)
        assert event.end_reason == ("completed" if reports else "client_gone")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_keys": (api_key(revoked=True),)}, "invalid_api_key"),
        ({"companies": (Company("gaonde", None, active=False),)}, "invalid_api_key"),
        ({"vouchers": (voucher(state="suspended"),)}, "voucher_not_active"),
    ],
    ids=["key", "company", "voucher"],
)
async def test_rights_that_end_end_the_session(tmp_path: Path, change: Any, code: str) -> None:
    async with house(Vendor([None]), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.output_text.delta")
        h.world.directory.apply(Everything(revision=2, **change))
        rest, close_code, reason = await talk.end()
        assert rest[-1]["error"]["code"] == reason == code
        assert close_code == 1008
        await h.settled(1)
        assert not h.charged[0].estimated


@pytest.mark.parametrize(
    ("limits", "reason"), [({"life_s": 0.1}, "session_expired"), ({"idle_s": 0.1}, "session_idle")]
)
async def test_no_session_lasts_for_ever(tmp_path: Path, limits: Any, reason: str) -> None:
    async with house(Vendor(), tmp_path, **limits) as h, h.talk() as talk:
        await talk.hear()
        rest, code, said = await talk.end()
        assert (rest[-1]["error"]["code"], code, said) == (reason, 1000, reason)
        await h.settled(0)


async def test_a_server_that_stops_says_so(tmp_path: Path) -> None:
    async def hesitate(vendor: Vendor, event: Event) -> bool:
        name = await vendor.begin()
        await asyncio.sleep(0.1)
        await vendor.finish(name, usage())
        return True

    async with house(Vendor(on_event=hesitate), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("response.created")
        h.server.should_exit = True
        rest, code, _ = await talk.end()
        assert [event["type"] for event in rest] == ["response.done"], "what ran may end"
        assert code == 1001
        await h.settled(1)


# -- what begins by itself, and what is refused


async def test_a_vendor_that_hears_a_pause_begins_by_itself(tmp_path: Path) -> None:
    async def hear(vendor: Vendor, event: Event) -> bool:
        await vendor.say("input_audio_buffer.speech_stopped")
        name = await vendor.begin()
        sound = base64.b64encode(bytes(48_000)).decode()
        await vendor.say("response.output_audio.delta", response_id=name, delta=sound)
        await vendor.leave()
        return True

    vendor = Vendor(on_event=hear)
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        await talk.say("input_audio_buffer.append", audio=base64.b64encode(bytes(96_000)).decode())
        await talk.end()
        await h.settled(1)
        [event] = h.charged
        assert (event.tokens["input_audio"], event.tokens["output_audio"]) == (20, 20), "2 s heard, 1 s said"


async def test_a_request_that_the_vendor_refuses_keeps_no_hold(tmp_path: Path) -> None:
    async def refuse(vendor: Vendor, event: Event) -> bool:
        about = event["event_id"]
        assert about != "mine", "named by us, so that no other error is taken for this one"
        await vendor.say("error", error={"type": "invalid_request_error", "message": "no", "event_id": about})
        return True

    async with house(Vendor(on_event=refuse), tmp_path) as h, h.talk() as talk:
        for _ in range(20):
            await talk.say("response.create", event_id="mine")
            assert (await talk.until("error"))["error"]["event_id"] == "mine"
        assert h.world.meter.holds_open <= 2
        await talk.connection.close()
        await h.settled(0)


async def test_a_refused_event_is_answered_and_the_session_goes_on(tmp_path: Path) -> None:
    vendor = Vendor([usage()])
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        session = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        await talk.say("session.update", event_id="e1", session=session)
        error = (await talk.until("error"))["error"]
        assert (error["code"], error["param"], error["event_id"]) == (
            "invalid_request",
            "session.audio.input.transcription",
            "e1",
        )
        assert vendor.heard == []
        await talk.say("response.create")
        await talk.until("response.done")


async def test_usage_of_a_response_that_never_began_is_charged(tmp_path: Path) -> None:
    async def odd(vendor: Vendor, event: Event) -> bool:
        await vendor.finish("resp_odd", usage(text_in=3, text=4))
        return True

    async with house(Vendor(on_event=odd), tmp_path) as h, h.talk() as talk:
        await talk.say("anything.new")
        await talk.until("response.done")
        assert [(event.tokens["input"], event.tokens["output"]) for event in h.charged] == [(3, 4)]


# -- the handshake


@pytest.mark.parametrize(
    ("query", "headers", "changes", "refused"),
    [
        ("model=x1", {"Authorization": "Bearer vg_wrong"}, {}, (401, "invalid_api_key")),
        ("model=x1", {}, {}, (401, "invalid_api_key")),
        ("model=x1", {"Authorization": f"Bearer {KEY}", "x-api-key": "other"}, {}, (401, "invalid_api_key")),
        ("model=x2", None, {}, (404, "model_not_found")),
        ("", None, {}, (400, "invalid_request")),
        ("model=x1&intent=transcription", None, {}, (400, "invalid_request")),
        ("model=x1&call_id=c", None, {}, (400, "invalid_request")),
        ("model=x1&model=x1", None, {}, (400, "invalid_request")),
        ("model=x1", None, {"purposes": frozenset({"embedding"})}, (400, "purpose_mismatch")),
        ("model=x1", None, {"dialect": "anthropic"}, (400, "purpose_mismatch")),
        ("model=x1", None, {"key": api_key(products=frozenset({"x2"}))}, (403, "product_not_allowed")),
    ],
)
async def test_what_is_refused_before_the_handshake(
    tmp_path: Path, query: str, headers: Any, changes: Any, refused: tuple[int, str]
) -> None:
    vendor = Vendor()
    async with house(vendor, tmp_path, **changes) as h:
        assert await h.refused(query, headers) == refused
        assert vendor.asked == []
        assert h.world.meter.holds_open == 0


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (404, (400, "upstream_rejected")),
        (401, (502, "upstream_error")),
        (302, (502, "upstream_error")),
        (429, (429, "upstream_rate_limited")),
        (503, (502, "upstream_error")),
    ],
)
async def test_a_vendor_that_takes_no_session(tmp_path: Path, status: int, refused: tuple[int, str]) -> None:
    vendor = Vendor(refuses=status)
    async with house(vendor, tmp_path) as h:
        assert await h.refused() == refused
        assert len(vendor.asked) == 1
        assert h.world.meter.holds_open == 0
        assert h.charged == []


async def test_over_plain_http_there_is_no_session(tmp_path: Path) -> None:
    async with house(Vendor(), tmp_path) as h:
        heard = await h.world.client.call("GET", "/v1/realtime?model=x1")
        assert (heard.status, heard.headers["upgrade"]) == (426, "websocket")
        assert (await h.world.client.call("POST", "/v1/realtime?model=x1", {})).status == 405


async def test_a_browser_brings_its_key_as_a_subprotocol(tmp_path: Path) -> None:
    offered = [Subprotocol(name) for name in ("realtime", f"openai-insecure-api-key.{KEY}")]
    async with house(Vendor(), tmp_path) as h:
        async with h.talk(additional_headers={}, subprotocols=offered) as talk:
            assert talk.connection.subprotocol == "realtime"
            await talk.hear()
        wrong = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.vg_wrong")]
        assert await h.refused(headers={}, subprotocols=wrong) == (401, "invalid_api_key")
        assert await h.refused(subprotocols=wrong) == (401, "invalid_api_key"), "two different keys"
