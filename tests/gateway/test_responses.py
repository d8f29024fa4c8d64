"""Calls of the Responses API from request to settlement, as its client and the books see them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import openai
import orjson
import pytest
from aiohttp import web
from openai import OpenAI

from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import price, voucher, world
from tests.providers.openai_responses.events import RESPONSE, USAGE, Vendor

ROUTE = "/v1/responses"
ASK = {"model": "x1", "input": "hi"}
STREAM = {**ASK, "stream": True}
SCARCE = voucher(1, 0, share_ppm=1_000_000)  # one won
# 20 input at 1000 and 9 output at 4000 won per million: 0.02 + 0.036 won
CHARGE_MICRO = 56_000


def streaming(*events: bytes, pause_s: float = 0.0):  # type: ignore[no-untyped-def]
    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await asyncio.sleep(pause_s)
        return response

    return vendor


def whole(**changes: Any):  # type: ignore[no-untyped-def]
    async def vendor(request: web.Request) -> web.Response:
        assert request.path == "/v1/responses"
        body = {**RESPONSE, "status": "completed", "usage": USAGE, **changes}
        return web.json_response(body, headers={"x-request-id": "vendor-1"})

    return vendor


def said(count: int = 2, text: str = "he") -> list[bytes]:
    vendor = Vendor()
    events = [vendor.created(), vendor.message()]
    events += [vendor.text(text, logprobs=[]) for _ in range(count)]
    part = {"type": "output_text", "text": text * count, "annotations": []}
    item = {"id": "msg_0", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return [*events, vendor.end(output=[item])]


def read_by_the_sdk(heard: Heard) -> list[Any]:
    """Its own accumulator must take every frame."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(heard.status, headers=heard.headers, content=heard.body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    sdk = OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)
    with sdk, sdk.responses.stream(model="x1", input="hi") as stream:
        return list(stream)


async def test_a_plain_call(tmp_path: Path) -> None:
    async with world(whole(), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "instructions": "be brief"})
        assert heard.status == 200, heard.body
        assert heard.json == {**RESPONSE, "status": "completed", "usage": USAGE, "model": "x1"}
        assert heard.headers["x-voucher-charge-krw"] == "0.056"
        [event] = w.events
        assert (event.charge_micro, event.status, event.end_reason) == (CHARGE_MICRO, "settled", "completed")
        assert (event.tokens["cached_input"], event.tokens["reasoning"]) == (5, 4)
        assert event.upstream_request_id == "vendor-1"
        assert w.seen == [{**ASK, "instructions": "be brief", "model": "vendor-model", "store": False}]


async def test_a_stream(tmp_path: Path) -> None:
    async with world(streaming(*said()), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, STREAM)
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert heard.frames[-2] == ": voucher charge_krw=0.056 available_krw=9999999.944"
        assert heard.frames[-1].startswith("event: response.completed\ndata: ")
        assert "vendor-model" not in heard.body.decode()
        assert str(RESPONSE["model"]) not in heard.body.decode()
        assert w.seen == [{**STREAM, "model": "vendor-model", "store": False}]
        assert w.events[0].charge_micro == CHARGE_MICRO
        events = read_by_the_sdk(heard)
        assert [event.type for event in events[-3:]] == [
            "response.output_text.delta",
            "response.output_text.delta",
            "response.completed",
        ]
        assert events[-1].response.usage.total_tokens == 29


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "put together"])
async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path, stream: bool) -> None:
    async with world(streaming(*said(400), pause_s=0.0005), tmp_path, vouchers=(SCARCE,)) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "stream": stream, "max_output_tokens": 4000})
        assert heard.status == 200, heard.body
        [event] = w.events
        assert (event.end_reason, event.estimated) == ("voucher_exhausted", True)
        assert 100 < event.tokens["output"] < 250
        assert event.charge_micro <= 1_000_000
        if stream:
            assert "ended=voucher_exhausted" in heard.frames[-2]
            events = read_by_the_sdk(heard)
            assert [one.type.removeprefix("response.") for one in events[-4:]] == [
                "output_text.done",
                "content_part.done",
                "output_item.done",
                "incomplete",
            ]
            assert [one.sequence_number for one in events] == list(range(len(events)))
            shown = events[-1].response.to_dict()
            assert events[-4].text == shown["output"][0]["content"][0]["text"]
        else:
            assert w.seen[0]["stream"] is True
            shown = heard.json
        assert shown["model"] == "x1"
        assert (shown["status"], shown["incomplete_details"]) == (
            "incomplete",
            {"reason": "max_output_tokens"},
        )
        assert shown["usage"]["output_tokens"] == event.tokens["output"]
        text = shown["output"][0]["content"][0]["text"]
        assert text == "he" * (len(text) // 2)
        assert event.tokens["output"] <= len(text) // 2 <= event.tokens["output"] + 8


async def test_scarce_money_that_is_enough(tmp_path: Path) -> None:
    """Asked of the vendor as a stream, given whole."""
    async with world(streaming(*said()), tmp_path, vouchers=(SCARCE,)) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "max_output_tokens": 4000})
        assert heard.json == {**RESPONSE, "status": "completed", "usage": USAGE, "model": "x1"} | {
            "output": heard.json["output"]
        }
        assert heard.json["output"][0]["content"][0]["text"] == "hehe"
        assert w.events[0].charge_micro == CHARGE_MICRO


ERROR = {"code": "server_error", "message": "sorry", "param": None}


@pytest.mark.parametrize("nested", [True, False])
async def test_an_error_in_mid_stream(tmp_path: Path, nested: bool) -> None:
    vendor = Vendor()
    events = [vendor.created(), vendor.message(), vendor.text("he"), vendor.text("llo")]
    wrong = vendor.event("error", **({"error": ERROR} if nested else ERROR))
    async with world(streaming(*events, wrong, pause_s=0.01), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, STREAM)
        assert heard.frames[-1].startswith("event: error\ndata: ")
        told = orjson.loads(heard.frames[-1].split("data: ")[1])
        assert (told["type"], told["code"], told["sequence_number"]) == ("error", "upstream_error", 6)
        assert "sorry" not in heard.body.decode()
        [event] = w.events
        assert (event.end_reason, event.estimated) == ("upstream_error", True)
        assert event.tokens["output"] == 2
        with pytest.raises(openai.APIError):
            read_by_the_sdk(heard)


@pytest.mark.parametrize("counted", [True, False], ids=["with usage", "without"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "put together"])
async def test_a_response_that_fails(tmp_path: Path, counted: bool, stream: bool) -> None:
    vendor = Vendor()
    events = [vendor.created(), vendor.message(), vendor.text("he")]
    failed = vendor.end("failed", usage=USAGE if counted else None, error=ERROR)
    vouchers = (voucher(),) if stream else (SCARCE,)
    async with world(streaming(*events, failed, pause_s=0.01), tmp_path, vouchers=vouchers) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "stream": stream, "max_output_tokens": 4000})
        [event] = w.events
        assert event.end_reason == "upstream_error"
        if stream:
            assert heard.frames[-1].startswith("event: error\n")
            assert not any("response.failed" in frame for frame in heard.frames)
        else:
            assert (heard.status, heard.code) == (502, "upstream_error")
        if counted:
            assert (event.charge_micro, event.estimated) == (CHARGE_MICRO, False)
        else:
            assert (event.charge_micro > 0) == stream, "what was delivered is charged as an estimate"


@pytest.mark.parametrize("counted", [True, False], ids=["with usage", "without"])
async def test_a_failure_inside_a_200(tmp_path: Path, counted: bool) -> None:
    vendor = whole(status="failed", error=ERROR, usage=USAGE if counted else None)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, ASK)
        assert (heard.status, heard.code) == (502, "upstream_error")
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO if counted else 0]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": 3}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
        ({"input": 3}, "input"),
    ],
)
async def test_refusals(tmp_path: Path, more: dict[str, Any], param: str) -> None:
    async with world(whole(), tmp_path) as w:
        english = await w.client.call("POST", ROUTE, {**ASK, **more})
        korean = await w.client.call("POST", ROUTE, {**ASK, **more}, headers={"accept-language": "ko"})
        for heard in (english, korean):
            assert (heard.status, heard.code) == (400, "invalid_request")
            assert heard.json["error"]["param"] == param
        assert english.json["error"]["message"].isascii()
        assert not korean.json["error"]["message"].isascii()
        assert (w.seen, w.events) == ([], [])


@pytest.mark.parametrize(("most", "status"), [(4, 200), (None, 402)])
async def test_searches_are_held_and_charged(tmp_path: Path, most: int | None, status: int) -> None:
    """Two hundred won pay four searches, not as many as the vendor might make unasked."""
    search = {"type": "web_search_call", "status": "completed", "action": {"type": "search"}}
    tools = [{"type": "web_search"}]
    prices = (price(input=1000, output=4000, per_search=14),)
    vouchers = (voucher(250, 0, share_ppm=1_000_000),)
    async with world(whole(output=[search, search]), tmp_path, vouchers=vouchers, prices=prices) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "tools": tools, "max_tool_calls": most})
        assert heard.status == status
        charged = [(event.units, event.charge_micro) for event in w.events]
        assert charged == ([({"searches": 2}, 28_000_000 + CHARGE_MICRO)] if most else [])
