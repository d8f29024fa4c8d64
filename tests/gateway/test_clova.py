"""Calls in CLOVA Studio's words, from request to settlement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import World, voucher, world
from tests.providers.clova.exchanges import (
    END3,
    SIGNAL,
    TALK3,
    TEXT,
    counts,
    result1,
    result3,
    sse,
    token1,
    token3,
)

V1, V3 = "/v1/chat-completions/x1", "/v3/chat-completions/x1"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "topP": 0.8}
STREAM = {"accept": "text/event-stream"}
OK = {"code": "20000", "message": "OK"}


@asynccontextmanager
async def clova(vendor: Any, tmp_path: Path, **changes: Any) -> AsyncIterator[World]:
    async with world(vendor, tmp_path, dialect="clova", **changes) as made:
        yield made


class Vendor:
    """It remembers where and how it was asked."""

    def __init__(self, *pieces: bytes, result: Any = None, status: int = 200, pause_s: float = 0.0) -> None:
        self.pieces = pieces
        self.answer = {"status": OK, "result": result} if status == 200 else result
        self.status = status
        self.pause_s = pause_s
        self.asked: list[tuple[str, str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        head = request.headers
        self.asked.append((request.path, head["Accept"], head["X-NCP-CLOVASTUDIO-REQUEST-ID"]))
        assert head["Authorization"] == "Bearer vendor-key"
        if not self.pieces:
            return web.json_response(self.answer, status=self.status)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(self.pause_s)
        return response


def data_of(frame: str) -> tuple[str, Any]:
    fields = dict(line.split(":", 1) for line in frame.split("\n"))
    return fields["event"].strip(), json.loads(fields["data"])


def reason(heard: Heard) -> tuple[int, str]:
    assert heard.json["result"] is None
    return heard.status, heard.json["status"]["reason"]


WHOLE3 = {"message": {"role": "assistant", "content": TEXT}, "finishReason": "stop", "usage": counts(10, 5)}
WHOLE1 = {"message": {"content": TEXT}, "stopReason": "LENGTH", "inputLength": 10, "outputLength": 5}


@pytest.mark.parametrize(("path", "result"), [(V3, WHOLE3), ("/serviceapp" + V3, WHOLE3), (V1, WHOLE1)])
async def test_a_plain_call_is_charged_at_the_vendors_count(path: str, result: Any, tmp_path: Path) -> None:
    vendor = Vendor(result=result)
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", path, ASK, headers={"x-request-id": "r-1"})
        assert (heard.status, heard.json) == (200, {"status": OK, "result": result})
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        version = path.removeprefix("/serviceapp").split("/")[1]
        assert vendor.asked == [(f"/{version}/chat-completions/vendor-model", "application/json", "r-1")]
        assert w.seen == [ASK]
        [event] = w.events
        assert (event.charge_micro, event.end_reason) == (30_000, "completed")


async def test_a_stream_of_v3(tmp_path: Path) -> None:
    vendor = Vendor(sse(*TALK3), sse(*END3))
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", V3, ASK, headers=STREAM)
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert vendor.asked[0][:2] == ("/v3/chat-completions/vendor-model", "text/event-stream")
        *frames, comment, signal = heard.frames
        assert [data_of(frame) for frame in frames] == [*TALK3, END3[0]]
        # 20 input at 1000 and 5 output at 4000 won per million
        assert comment == ": voucher charge_krw=0.04 available_krw=9999999.96"
        assert data_of(signal) == SIGNAL
        assert w.events[0].tokens["output"] == 5


async def test_a_stream_of_v1_asked_for_in_the_body(tmp_path: Path) -> None:
    end = result1(TEXT, inputLength=10, outputLength=5)
    vendor = Vendor(sse(token1("안녕, ", inputLength=10, outputLength=1)), sse(token1("hello"), end, SIGNAL))
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", V1, {**ASK, "stream": True})
        assert [data_of(frame)[0] for frame in heard.frames[:3]] == ["token", "token", "result"]
        assert w.seen[0]["stream"] is True
        assert w.events[0].charge_micro == 30_000


async def test_embeddings(tmp_path: Path) -> None:
    vendor = Vendor(result={"embedding": [0.5], "inputTokens": 4})
    async with clova(vendor, tmp_path) as w:
        for path, body in (
            ("/v1/api-tools/embedding/x1", {"text": "오늘"}),
            ("/v1/api-tools/embedding/v2/", {"text": "오늘", "model": "x1"}),
        ):
            heard = await w.client.call("POST", path, body)
            assert heard.json["result"] == {"embedding": [0.5], "inputTokens": 4}
            assert heard.headers["x-voucher-charge-krw"] == "0.004"
        assert w.seen == [{"text": "오늘"}] * 2
        assert {path for path, *_ in vendor.asked} == {"/v1/api-tools/embedding/vendor-model"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "code"),
    [
        (V3, {}, {}, (400, "invalid_request")),
        (V3, b"{", {}, (400, "invalid_request")),
        ("/v3/chat-completions/nothing", ASK, {}, (404, "model_not_found")),
        ("/v1/api-tools/embedding/v2", {"text": "x"}, {}, (404, "model_not_found")),
        (V3, ASK, {"authorization": "Bearer vg_wrong"}, (401, "invalid_api_key")),
        ("/v3/tasks/t/chat-completions", ASK, {}, (404, "route_not_found")),
        ("/v1/api-tools/chat-tokenize/x1", ASK, {}, (404, "route_not_found")),
    ],
)
async def test_refusals_are_in_its_words(
    tmp_path: Path, path: str, body: Any, headers: dict[str, str], code: tuple[int, str]
) -> None:
    async with clova(Vendor(result=WHOLE3), tmp_path) as w:
        heard = await w.client.call("POST", path, body, headers=headers)
        assert reason(heard) == code
        assert heard.json["status"]["code"] == f"{code[0]}00"
        assert not w.seen


async def test_a_refusal_in_korean(tmp_path: Path) -> None:
    async with clova(Vendor(result=WHOLE3), tmp_path, vouchers=(voucher(0, 0),)) as w:
        heard = await w.client.call("POST", V3, ASK, headers={"accept-language": "ko"})
        assert reason(heard) == (402, "voucher_exhausted")
        assert heard.json["status"]["message"].startswith("바우처 잔액이 부족합니다.")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (400, "40003", (400, "upstream_rejected")),
        (401, "40100", (502, "upstream_error")),
        (429, "42901", (429, "upstream_rate_limited")),
        (500, "50000", (502, "upstream_error")),
    ],
)
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, status: int, code: str, told: tuple[int, str]
) -> None:
    vendor = Vendor(result={"status": {"code": code, "message": "Text too long"}}, status=status)
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", V3, ASK, headers=STREAM)
        assert reason(heard) == told
        assert ("Text too long" in heard.json["status"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_an_error_inside_a_200_costs_nothing(tmp_path: Path) -> None:
    vendor = Vendor(result=None)
    vendor.answer = {"status": {"code": "42902", "message": "overloaded"}, "result": None}
    async with clova(vendor, tmp_path) as w:
        assert reason(await w.client.call("POST", V3, ASK)) == (502, "upstream_error")
        assert w.events[0].charge_micro == 0


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    error = ("error", {"status": {"code": "42901", "message": "Too many requests"}})
    async with clova(Vendor(sse(*TALK3), sse(error)), tmp_path) as w:
        heard = await w.client.call("POST", V3, ASK, headers=STREAM)
        assert [data_of(frame) for frame in heard.frames[:-1]] == [*TALK3]
        name, said = data_of(heard.frames[-1])
        assert (name, said["status"]["code"], said["status"]["reason"]) == (
            "error",
            "50200",
            "upstream_error",
        )
        assert b"Too many requests" not in heard.body
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    talk = [sse(token3({"content": "말 "})) for _ in range(300)]
    small = voucher(1, 0, share_ppm=1_000_000)
    vendor = Vendor(*talk, pause_s=0.0005)
    async with clova(vendor, tmp_path, vouchers=(small,)) as w:
        heard = await w.client.call("POST", V3, {**ASK, "maxTokens": 4000}, headers=STREAM)
        *tokens, result, comment, signal = heard.frames
        assert comment.endswith("ended=voucher_exhausted")
        assert signal == 'event: signal\ndata: {"data":"[DONE]"}'
        [event] = w.events
        assert event.end_reason == "voucher_exhausted"
        assert event.charge_micro <= 1_000_000
        name, said = data_of(result)
        assert (name, said["finishReason"]) == ("result", "length")
        assert said["message"] == {"role": "assistant", "content": "말 " * len(tokens)}
        assert said["usage"]["completionTokens"] == event.tokens["output"] >= 100


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(sse(*TALK3), sse(result3({"content": TEXT}, counts(10, 2)), SIGNAL))
    async with clova(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", V3, {**ASK, "maxTokens": 4000})
        assert heard.json["status"] == OK
        assert heard.json["result"]["message"]["content"] == TEXT
        assert vendor.asked[0][1] == "text/event-stream"
        assert heard.headers["x-voucher-charge-krw"] == "0.018"


async def test_the_same_key_with_another_wish_is_another_request(tmp_path: Path) -> None:
    vendor = Vendor(sse(*TALK3, *END3))
    async with clova(vendor, tmp_path) as w:
        once = {"idempotency-key": "order-7"}
        first = await w.client.call("POST", V3, ASK, headers=once | STREAM)
        again = await w.client.call("POST", V3, ASK, headers=once | STREAM)
        assert [data_of(f) for f in again.frames if f[0] != ":"] == [
            data_of(f) for f in first.frames if f[0] != ":"
        ]
        assert reason(await w.client.call("POST", V3, ASK, headers=once)) == (422, "idempotency_mismatch")
        assert len(w.events) == 1
