"""Calls in Anthropic's words, from request to settlement: what its SDK sends, and what it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from tests.fakes.gateway_world import KEY, Everything, Vendor, World, price, voucher, world
from tests.providers.anthropic.talk import STOP, TALK, begin, delta, end, event_of, finish, start

PATH: Final = "/v1/messages"
ASK: Final[dict[str, Any]] = {
    "model": "x1",
    "max_tokens": 4000,
    "messages": [{"role": "user", "content": "hi"}],
}
STREAM: Final = {**ASK, "stream": True}
# As the SDK sends it: no Authorization.
SDK: Final = {"authorization": "", "x-api-key": KEY, "anthropic-version": "2023-06-01"}
ONE_WON: Final = voucher(1, 0, share_ppm=1_000_000)  # pays the question and some 230 tokens of output
COUNTED: Final = {"input_tokens": 9, "cache_read_input_tokens": 100, "output_tokens": 7}
WORDS: Final = [delta(0, "text_delta", text="word")] * 300
TEXT: Final = {"type": "text", "text": ""}


@asynccontextmanager
async def anthropic_world(vendor: Vendor, tmp_path: Path, **changes: Any) -> AsyncIterator[World]:
    """The product's vendor speaks the dialect too."""
    async with world(vendor, tmp_path, **changes) as w:
        product = w.directory.products["x1"]
        target = product.upstreams[0]
        base_url = target.base_url.removesuffix("/v1")
        named = replace(target, dialect="anthropic", base_url=base_url)
        w.directory.apply(Everything(products=(replace(product, upstreams=(named,)),)))
        yield w


def answers(body: dict[str, Any], heads: list[dict[str, str]] | None = None, *, status: int = 200) -> Vendor:
    async def vendor(request: web.Request) -> web.StreamResponse:
        if heads is not None:
            heads.append({"path": request.path, **{n.lower(): v for n, v in request.headers.items()}})
        return web.json_response(body, status=status, headers={"request-id": "req_vendor"})

    return vendor


def streams(events: list[dict[str, Any]], *, pause_s: float = 0.0) -> Vendor:
    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event_of(event))
            await asyncio.sleep(pause_s)
        return response

    return vendor


def message(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = start()["message"]
    content = [{"type": "text", "text": "hello"}]
    return {**made, "content": content, "stop_reason": "end_turn", "usage": COUNTED, **changes}


async def test_a_whole_answer(tmp_path: Path) -> None:
    heads: list[dict[str, str]] = []
    entry = price(input=1000, cached_input=100, output=4000)
    async with anthropic_world(answers(message(), heads), tmp_path, prices=(entry,)) as w:
        beta = {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2099-01-01"}
        heard = await w.client.call("POST", f"{PATH}?beta=true", ASK, headers={**SDK, **beta})
        assert heard.status == 200, heard.body
        assert heard.json == message(model="x1")
        # 9 at 1000, 100 from the cache at 100 and 7 at 4000 won per million: 0.009 + 0.01 + 0.028 won
        assert heard.headers["x-voucher-charge-krw"] == "0.047"
        [event] = w.events
        assert (event.meta.dialect, event.upstream_request_id) == ("anthropic", "req_vendor")
        assert (event.tokens["input"], event.tokens["cached_input"]) == (9, 100)
        assert w.seen == [{**ASK, "model": "vendor-model"}]
        (head,) = heads
        assert (head["path"], head["x-api-key"]) == (PATH, "vendor-key")
        assert (head["anthropic-version"], head["anthropic-beta"]) == ("2023-06-01", "context-1m-2025-08-07")
        assert "authorization" not in head


async def test_a_stream_ends_after_its_settlement(tmp_path: Path) -> None:
    async with anthropic_world(streams(TALK), tmp_path) as w:
        heard = await w.client.call("POST", PATH, STREAM, headers=SDK)
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert '"model":"x1"' in heard.frames[0]
        assert heard.frames[1:-2] == [event_of(event).decode().strip() for event in TALK[1:-1]]
        assert heard.frames[-2] == ": voucher charge_krw=0.037 available_krw=9999999.963"
        assert heard.frames[-1] == event_of(STOP).decode().strip()
        assert (w.events[0].charge_micro, w.events[0].estimated) == (37_000, False)


async def test_searches_are_charged_by_the_piece(tmp_path: Path) -> None:
    usage = {**COUNTED, "server_tool_use": {"web_search_requests": 3}}
    entry = price(input=1000, output=4000, per_search=14)
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]
    async with anthropic_world(answers(message(usage=usage)), tmp_path, prices=(entry,)) as w:
        await w.client.call("POST", PATH, {**ASK, "tools": tools}, headers=SDK)
        [event] = w.events
        assert event.units == {"searches": 3}
        assert event.charge_micro == 42_000_000 + 109_000 + 28_000


async def test_counting_is_free_even_where_no_money_is_left(tmp_path: Path) -> None:
    heads: list[dict[str, str]] = []
    ask = {"model": "x1", "messages": ASK["messages"]}
    entry = price(input=1000, output=4000, per_request=5)
    vendor = answers({"input_tokens": 8}, heads)
    async with anthropic_world(vendor, tmp_path, vouchers=(voucher(0, 0),), prices=(entry,)) as w:
        heard = await w.client.call("POST", f"{PATH}/count_tokens", ask, headers=SDK)
        assert (heard.status, heard.json) == (200, {"input_tokens": 8})
        assert heads[0]["path"] == "/v1/messages/count_tokens"
        assert w.seen == [{**ask, "model": "vendor-model"}]
        assert [event.charge_micro for event in w.events] in ([], [0])


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "kind"),
    [
        (b"{", {}, 400, "invalid_request", "invalid_request_error"),
        ({"model": "x1", "messages": ASK["messages"]}, {}, 400, "invalid_request", "invalid_request_error"),
        ({**ASK, "model": "nothing"}, {}, 404, "model_not_found", "not_found_error"),
        (ASK, {"x-api-key": "vg_wrong"}, 401, "invalid_api_key", "authentication_error"),
        (
            ASK,
            {"x-api-key": "vg_wrong", "anthropic-version": ""},
            401,
            "invalid_api_key",
            "authentication_error",
        ),
        (b"x" * (1 << 20) + b"x", {}, 413, "request_too_large", "request_too_large"),
    ],
)
async def test_refusals_before_the_call(
    tmp_path: Path, body: object, headers: dict[str, str], status: int, code: str, kind: str
) -> None:
    async with anthropic_world(answers(message()), tmp_path) as w:
        heard = await w.client.call("POST", PATH, body, headers={**SDK, **headers})
        assert heard.status == status
        assert heard.json["type"] == "error"
        assert heard.json["request_id"] == heard.headers["x-request-id"]
        assert (heard.json["error"]["type"], heard.json["error"]["code"]) == (kind, code)
        assert heard.json["error"]["message"]
        assert not w.seen


async def test_an_empty_voucher_is_402(tmp_path: Path) -> None:
    async with anthropic_world(answers(message()), tmp_path, vouchers=(voucher(0, 0),)) as w:
        heard = await w.client.call("POST", PATH, ASK, headers=SDK)
        assert (heard.status, heard.json["error"]["type"]) == (402, "billing_error")
        assert heard.json["error"]["code"] == "voucher_exhausted"


@pytest.mark.parametrize(
    ("vendor_status", "status", "code"),
    [(400, 400, "upstream_rejected"), (401, 502, "upstream_error"), (529, 502, "upstream_error")],
)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, vendor_status: int, status: int, code: str) -> None:
    no = {"type": "error", "error": {"type": "some_error", "message": "max_tokens: too many"}}
    async with anthropic_world(answers(no, status=vendor_status), tmp_path) as w:
        heard = await w.client.call("POST", PATH, ASK, headers=SDK)
        assert (heard.status, heard.json["error"]["code"]) == (status, code)
        assert ("too many" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_an_error_inside_a_200_costs_nothing(tmp_path: Path) -> None:
    no = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    async with anthropic_world(answers(no), tmp_path) as w:
        heard = await w.client.call("POST", PATH, ASK, headers=SDK)
        assert (heard.status, heard.json["error"]["code"]) == (502, "upstream_error")
        assert w.events[0].status == "released"


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = streams([start(), begin(0, TEXT), *WORDS, end(0), finish("end_turn"), STOP], pause_s=0.0005)
    async with anthropic_world(vendor, tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", PATH, STREAM, headers=SDK)
        assert heard.status == 200
        closed, ended, comment, last = heard.frames[-4:]
        assert closed == event_of(end(0)).decode().strip()
        assert comment.endswith("ended=voucher_exhausted")
        assert last == event_of(STOP).decode().strip()
        [event] = w.events
        said = json.loads(ended.split("\ndata: ")[1])
        assert said["delta"]["stop_reason"] == "max_tokens"
        assert said["usage"]["output_tokens"] == event.tokens["output"]
        assert said["usage"]["input_tokens"] == event.tokens["input"]
        assert 150 <= event.tokens["output"] <= 240
        assert (event.end_reason, event.charge_micro <= 1_000_000) == ("voucher_exhausted", True)


@pytest.mark.parametrize("cut", [False, True])
async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(
    tmp_path: Path, cut: bool
) -> None:
    words = WORDS if cut else WORDS[:3]
    vendor = streams([start(), begin(0, TEXT), *words, end(0), finish("end_turn"), STOP], pause_s=0.0005)
    async with anthropic_world(vendor, tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", PATH, ASK, headers=SDK)
        assert (heard.status, heard.json["type"], heard.json["model"]) == (200, "message", "x1")
        assert heard.json["stop_reason"] == ("max_tokens" if cut else "end_turn")
        assert heard.json["content"][0]["text"].startswith("wordwordword")
        assert heard.json["usage"]["output_tokens"] == w.events[0].tokens["output"]
        assert w.seen[0]["stream"] is True


ERROR: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize("events", [[], [ERROR], [ERROR, STOP]], ids=["cut", "error", "error and end"])
async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path, events: list[dict[str, Any]]) -> None:
    """What was delivered is charged as an estimate, not at the first event's number."""
    vendor = streams([start(), begin(0, TEXT), *WORDS[:20], *events])
    async with anthropic_world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", PATH, STREAM, headers=SDK)
        name, data = heard.frames[-1].split("\n")
        assert name == "event: error"
        assert json.loads(data[6:])["error"]["code"] == "upstream_error"
        assert sum("event: error" in frame for frame in heard.frames) == 1
        assert not any("message_stop" in frame for frame in heard.frames)
        [event] = w.events
        assert (event.end_reason, event.estimated, event.tokens["output"]) == ("upstream_error", True, 20)


async def test_a_client_that_leaves_is_charged_all_the_same(tmp_path: Path) -> None:
    vendor = streams([start(), begin(0, TEXT), *WORDS[:9], finish("end_turn"), STOP], pause_s=0.02)
    async with anthropic_world(vendor, tmp_path) as w:
        await w.client.call("POST", PATH, STREAM, headers=SDK, leave_after=3)
        [event] = w.events
        assert (event.tokens["output"], event.client_gone, event.end_reason) == (7, True, "completed")


async def test_what_has_no_translation_is_refused_in_these_words(tmp_path: Path) -> None:
    async with world(answers(message()), tmp_path) as w:
        ask = {"model": "x1", "messages": ASK["messages"]}
        heard = await w.client.call("POST", f"{PATH}/count_tokens", ask, headers=SDK)
        assert (heard.status, heard.json["error"]["code"]) == (400, "purpose_mismatch")
        assert heard.json["error"]["type"] == "invalid_request_error"
