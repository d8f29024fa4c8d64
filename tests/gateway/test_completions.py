"""The old text completions from request to settlement."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from tests.fakes.gateway_world import voucher, world

PATH = "/v1/completions"
ASK: dict[str, Any] = {"model": "x1", "prompt": "hi"}
PURPOSES = frozenset({"completion"})
PLAIN = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def said(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "vendor-model",
        "choices": [choice],
        **more,
    }


async def plain(request: web.Request) -> web.Response:
    assert request.path == PATH
    return web.json_response(said("hello", "stop", usage=PLAIN))


def streamed(*chunks: dict[str, Any], pause_s: float = 0.0):  # type: ignore[no-untyped-def]
    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
            await asyncio.sleep(pause_s)
        await response.write(b"data: [DONE]\n\n")
        return response

    return vendor


async def test_a_plain_call(tmp_path: Path) -> None:
    async with world(plain, tmp_path, purposes=PURPOSES) as w:
        heard = await w.client.call("POST", PATH, {**ASK, "n": 2, "best_of": 3, "suffix": "!"})
        assert heard.json == said("hello", "stop", usage=PLAIN) | {"model": "x1"}
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert w.seen == [{**ASK, "model": "vendor-model", "n": 2, "best_of": 3, "suffix": "!"}]


async def test_a_stream(tmp_path: Path) -> None:
    last = said("", usage=PLAIN) | {"choices": []}
    vendor = streamed(said("he"), said("llo"), said("", "stop"), last)
    async with world(vendor, tmp_path, purposes=PURPOSES) as w:
        heard = await w.client.call("POST", PATH, {**ASK, "stream": True})
        chunks = [json.loads(frame[6:]) for frame in heard.frames[:-2]]
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "hello"
        assert {chunk["model"] for chunk in chunks} == {"x1"}
        assert heard.frames[-2].startswith(": voucher charge_krw=0.03 ")
        assert heard.frames[-1] == "data: [DONE]"
        assert w.seen[0]["stream_options"] == {"include_usage": True}


async def test_no_usage_is_an_estimate(tmp_path: Path) -> None:
    vendor = streamed(said("one"), said("two"), said("", "stop"))
    async with world(vendor, tmp_path, purposes=PURPOSES) as w:
        await w.client.call("POST", PATH, {**ASK, "stream": True})
        assert (w.events[0].estimated, w.events[0].tokens["output"]) == (True, 2)


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = streamed(*[said("word") for _ in range(300)], pause_s=0.0005)
    small = voucher(1, 0, share_ppm=1_000_000)
    async with world(vendor, tmp_path, vouchers=(small,), purposes=PURPOSES) as w:
        heard = await w.client.call("POST", PATH, {**ASK, "stream": True, "max_tokens": 4000})
        assert heard.frames[-1] == "data: [DONE]"
        assert heard.frames[-2].endswith("ended=voucher_exhausted")
        end = json.loads(heard.frames[-3][6:])
        assert (end["choices"][0]["finish_reason"], end["object"]) == ("length", "text_completion")
        assert w.events[0].charge_micro <= 1_000_000


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = streamed(said("he"), said("llo", "stop"), said("", usage=PLAIN) | {"choices": []})
    async with world(
        vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),), purposes=PURPOSES
    ) as w:
        heard = await w.client.call("POST", PATH, {**ASK, "max_tokens": 4000})
        assert heard.json["choices"][0]["text"] == "hello"
        assert (heard.json["object"], heard.json["usage"]) == ("text_completion", PLAIN)
        assert w.seen[0]["stream"] is True


async def test_refusals(tmp_path: Path) -> None:
    async with world(plain, tmp_path, purposes=PURPOSES) as w:
        heard = await w.client.call("POST", PATH, {"model": "x1"})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", "prompt")
        heard = await w.client.call("POST", "/v1/embeddings", {"model": "x1", "input": "x"})
        assert (heard.status, heard.code) == (400, "purpose_mismatch")
        assert not w.seen
