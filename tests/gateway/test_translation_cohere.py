"""OpenAI's callers and Cohere's models: from request to settlement."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import voucher, world

CHAT: Final = "/v1/chat/completions"
HI: Final = [{"role": "user", "content": "hi"}]
ASK: Final[dict[str, Any]] = {"model": "x1", "messages": HI, "top_p": 0.8}
STREAM: Final[dict[str, Any]] = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
ASKED: Final = {"model": "vendor-model", "messages": HI, "p": 0.8}
TOOL: Final = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL: Final = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"at":"서울"}'}}
COUNTS: Final = {"billed_units": {"input_tokens": 10, "output_tokens": 5}, "tokens": {"input_tokens": 500}}


def whole(reason: str = "COMPLETE", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": [{"type": "text", "text": "안녕"}], **message}
    return {"id": "m1", "message": said, "finish_reason": reason, "usage": COUNTS}


def event(kind: str, **said: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **said}))


def text(piece: str) -> bytes:
    return event("content-delta", index=0, delta={"message": {"content": {"text": piece}}})


def end(reason: str, **more: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": COUNTS, **more})


BEGIN: Final = event("message-start", id="m1", delta={"message": {"content": []}})
DONE: Final = b"data: [DONE]\n\n"


TRACE: Final = {"x-debug-trace-id": "t1"}


class Vendor:
    def __init__(self, *pieces: bytes, answer: Any = None, status: int = 200, pause_s: float = 0.0) -> None:
        self.pieces, self.answer, self.status, self.pause_s = pieces, answer, status, pause_s

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        assert request.path == "/v2/chat"
        assert request.headers["Authorization"] == "Bearer vendor-key"
        if not self.pieces:
            return web.json_response(self.answer, status=self.status, headers=TRACE)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"} | TRACE)
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(self.pause_s)
        return response


def chunks(heard: Heard) -> list[Any]:
    return [json.loads(f[6:]) for f in heard.frames if f.startswith("data: ") and f != "data: [DONE]"]


async def test_a_plain_call(tmp_path: Path) -> None:
    async with world(Vendor(answer=whole()), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", CHAT, ASK)
        assert (heard.status, heard.json["model"], heard.json["id"]) == (200, "x1", "m1")
        assert heard.json["choices"][0]["message"]["content"] == "안녕"
        assert heard.json["usage"]["total_tokens"] == 15
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert w.seen == [{**ASKED, "stream": False}]
        [settled] = w.events
        assert (settled.charge_micro, settled.end_reason) == (30_000, "completed")
        assert settled.upstream_request_id == "t1", "what its support asks for"


async def test_a_stream(tmp_path: Path) -> None:
    async with world(Vendor(BEGIN, text("안녕"), end("COMPLETE"), DONE), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 9})
        assert w.seen == [{**ASKED, "stream": True, "max_tokens": 9}]
        *_, usage, comment, done = heard.frames
        assert json.loads(usage[6:])["usage"]["completion_tokens"] == 5
        assert comment == ": voucher charge_krw=0.03 available_krw=9999999.97"
        assert done == "data: [DONE]"


async def test_a_tool_called_and_its_result_told(tmp_path: Path) -> None:
    vendor = Vendor(answer=whole("TOOL_CALL", content=[], tool_plan="I look.", tool_calls=[CALL]))
    async with world(vendor, tmp_path, dialect="cohere") as w:
        asking = {**ASK, "tools": [TOOL], "tool_choice": "required"}
        said = (await w.client.call("POST", CHAT, asking)).json["choices"][0]
        assert (said["finish_reason"], said["message"]["tool_calls"]) == ("tool_calls", [CALL])
        vendor.answer = whole()
        told = {"role": "tool", "tool_call_id": "c1", "content": "맑음"}
        messages = [*HI, {k: said["message"][k] for k in ("role", "content", "tool_calls")}, told]
        await w.client.call("POST", CHAT, {**ASK, "messages": messages, "tools": [TOOL]})
        first, second = w.seen
        assert (first["tools"], first["tool_choice"]) == ([TOOL], "REQUIRED")
        planned = {"role": "assistant", "tool_plan": "I look.", "tool_calls": [CALL]}
        assert second["messages"] == [*HI, planned, told]


@pytest.mark.parametrize(
    ("more", "param"),
    [({"n": 2}, "n"), ({"logit_bias": {"5": 1}}, "logit_bias"), ({"documents": ["a"]}, "documents")],
)
async def test_what_it_has_no_words_for_costs_nothing(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with world(Vendor(answer=whole()), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more}, headers={"accept-language": "ko"})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = Vendor(BEGIN, *[text("말 ") for _ in range(300)], pause_s=0.0005)
    poor = (voucher(1, 0, share_ppm=1_000_000),)
    async with world(vendor, tmp_path, dialect="cohere", vouchers=poor) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 4000})
        *_, ended, _, comment, done = heard.frames
        assert json.loads(ended[6:])["choices"][0]["finish_reason"] == "length"
        assert comment.endswith("ended=voucher_exhausted")
        assert done == "data: [DONE]"
        assert w.events[0].charge_micro <= 1_000_000


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(BEGIN, text("안"), text("녕"), end("COMPLETE"), DONE)
    poor = (voucher(1, 0, share_ppm=1_000_000),)
    async with world(vendor, tmp_path, dialect="cohere", vouchers=poor) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 4000})
        assert w.seen[0]["stream"] is True
        assert heard.json["object"] == "chat.completion"
        assert heard.json["choices"][0]["message"]["content"] == "안녕"
        assert (heard.json["usage"]["total_tokens"], heard.json["id"]) == (15, "m1")
        assert heard.headers["x-voucher-charge-krw"] == "0.03"


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    vendor = Vendor(BEGIN, text("안녕"), end("ERROR", error="secret reason"))
    async with world(vendor, tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        *said, failed = chunks(heard)
        assert [chunk["choices"][0]["delta"]["content"] for chunk in said] == ["안녕"]
        assert failed["error"]["code"] == "upstream_error"
        assert b"secret reason" not in heard.body
        assert (w.events[0].end_reason, w.events[0].charge_micro) == ("upstream_error", 30_000)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, (400, "upstream_rejected")),
        (404, (400, "upstream_rejected")),
        (401, (502, "upstream_error")),
        (498, (502, "upstream_error")),
        (429, (429, "upstream_rate_limited")),
        (500, (502, "upstream_error")),
    ],
)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, status: int, told: tuple[int, str]) -> None:
    vendor = Vendor(answer={"id": "e", "message": "too many tokens"}, status=status)
    async with world(vendor, tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert (heard.status, heard.code) == told
        assert ("too many tokens" in heard.json["error"]["message"]) == (status in (400, 404))
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_anthropics_callers_are_answered_too(tmp_path: Path) -> None:
    body = {"model": "x1", "messages": HI, "max_tokens": 9}
    async with world(Vendor(answer=whole("MAX_TOKENS")), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/messages", body)
        assert heard.json["content"] == [{"type": "text", "text": "안녕"}]
        assert (heard.json["stop_reason"], heard.json["usage"]["output_tokens"]) == ("max_tokens", 5)
        assert w.seen == [{"model": "vendor-model", "messages": HI, "stream": False, "max_tokens": 9}]


async def test_no_caller_speaks_it(tmp_path: Path) -> None:
    async with world(Vendor(answer=whole()), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v2/chat", {"model": "x1", "messages": HI})
        assert (heard.status, heard.code) == (404, "route_not_found")
