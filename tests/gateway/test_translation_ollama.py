"""OpenAI's callers and models behind Ollama: from request to settlement."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from providers.catalogue import UpstreamTarget
from tests.fakes.gateway_world import World, voucher, world

CHAT: Final = "/v1/chat/completions"
HI: Final = [{"role": "user", "content": "hi"}]
ASK: Final[dict[str, Any]] = {"model": "x1", "messages": HI}
STREAM: Final[dict[str, Any]] = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
TOOL: Final = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def line(content: str = "", **more: Any) -> bytes:
    said = {"model": "m", "message": {"role": "assistant", "content": content}, "done": False, **more}
    return orjson.dumps(said) + b"\n"


def ended(content: str = "", **more: Any) -> bytes:
    counts = {"done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 5}
    return line(content, **{**counts, **more})


class Vendor:
    def __init__(self, *pieces: bytes, status: int = 200, pause_s: float = 0.0) -> None:
        self.pieces, self.status, self.pause_s = pieces, status, pause_s
        self.keys: list[str | None] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/chat"
        self.keys.append(request.headers.get("Authorization"))
        if not (await request.json())["stream"] or self.status != 200:
            return web.Response(body=self.pieces[0], status=self.status, content_type="application/json")
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(self.pause_s)
        return response


def without_key(w: World) -> None:
    [made] = w.directory.products.values()
    keyless: tuple[UpstreamTarget, ...] = (replace(made.upstreams[0], api_key=None),)
    w.directory.products = {"x1": replace(made, upstreams=keyless)}


async def test_a_plain_call(tmp_path: Path) -> None:
    vendor = Vendor(ended("안녕"))
    async with world(vendor, tmp_path, dialect="ollama") as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 9})
        assert (heard.status, heard.json["model"]) == (200, "x1")
        assert heard.json["choices"][0]["message"]["content"] == "안녕"
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        asked = {"model": "vendor-model", "messages": HI, "stream": False, "options": {"num_predict": 9}}
        assert w.seen == [asked | {"truncate": False, "shift": False}], "nothing of a long chat is forgotten"
        assert vendor.keys == ["Bearer vendor-key"]
        assert (w.events[0].charge_micro, w.events[0].end_reason) == (30_000, "completed")


async def test_it_wants_no_key(tmp_path: Path) -> None:
    vendor = Vendor(ended("안녕"))
    async with world(vendor, tmp_path, dialect="ollama") as w:
        without_key(w)
        assert (await w.client.call("POST", CHAT, ASK)).status == 200
        assert vendor.keys == [None]


async def test_a_stream_becomes_events(tmp_path: Path) -> None:
    async with world(
        Vendor(line("안") + line("녕")[:20], line("녕")[20:], ended()), tmp_path, dialect="ollama"
    ) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert heard.headers["content-type"].startswith("text/event-stream")
        *said, usage, comment, done = heard.frames
        texts = [json.loads(frame[6:])["choices"][0]["delta"].get("content", "") for frame in said]
        assert "".join(texts) == "안녕"
        assert json.loads(usage[6:])["usage"]["total_tokens"] == 15
        assert comment == ": voucher charge_krw=0.03 available_krw=9999999.97"
        assert done == "data: [DONE]"


async def test_a_tool_called_and_its_result_told(tmp_path: Path) -> None:
    called = {"id": "c1", "function": {"name": "weather", "arguments": {"at": "서울"}}}
    vendor = Vendor(ended(message={"role": "assistant", "content": "", "tool_calls": [called]}))
    async with world(vendor, tmp_path, dialect="ollama") as w:
        said = (await w.client.call("POST", CHAT, {**ASK, "tools": [TOOL]})).json["choices"][0]
        assert said["finish_reason"] == "tool_calls"
        vendor.pieces = (ended("맑음"),)
        result = {"role": "tool", "tool_call_id": "c1", "content": "맑음"}
        message = {name: said["message"][name] for name in ("role", "content", "tool_calls")}
        await w.client.call("POST", CHAT, {**ASK, "messages": [*HI, message, result], "tools": [TOOL]})
        assert w.seen[1]["messages"] == [
            *HI,
            {"role": "assistant", "content": "", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "tool_name": "weather", "content": "맑음"},
        ]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"keep_alive": "5m"}, "keep_alive"),
    ],
)
async def test_what_it_has_no_words_for_costs_nothing(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with world(Vendor(ended("안녕")), tmp_path, dialect="ollama") as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = Vendor(*[line("말 ") for _ in range(300)], pause_s=0.0005)
    poor = (voucher(1, 0, share_ppm=1_000_000),)
    async with world(vendor, tmp_path, dialect="ollama", vouchers=poor) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 4000})
        *_, cut, _, comment, done = heard.frames
        assert json.loads(cut[6:])["choices"][0]["finish_reason"] == "length"
        assert comment.endswith("ended=voucher_exhausted")
        assert done == "data: [DONE]"
        assert w.events[0].charge_micro <= 1_000_000


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    poor = (voucher(1, 0, share_ppm=1_000_000),)
    async with world(Vendor(line("안"), line("녕"), ended()), tmp_path, dialect="ollama", vouchers=poor) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 4000})
        assert w.seen[0]["stream"] is True
        assert heard.json["choices"][0]["message"]["content"] == "안녕"
        assert heard.headers["x-voucher-charge-krw"] == "0.03"


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    vendor = Vendor(line("안녕"), orjson.dumps({"error": "runner stopped"}) + b"\n")
    async with world(vendor, tmp_path, dialect="ollama") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert json.loads(heard.frames[-1][6:])["error"]["code"] == "upstream_error"
        assert b"runner stopped" not in heard.body
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, (400, "upstream_rejected")),
        (429, (429, "upstream_rate_limited")),
        (500, (502, "upstream_error")),
    ],
)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, status: int, told: tuple[int, str]) -> None:
    vendor = Vendor(b'{"error":"model \'m\' not found"}', status=status)
    async with world(vendor, tmp_path, dialect="ollama") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert (heard.status, heard.code) == told
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)
