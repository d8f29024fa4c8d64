"""OpenAI's callers and CLOVA Studio's models: from request to settlement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import voucher
from tests.gateway.test_clova import OK, WHOLE3, Vendor, clova
from tests.providers.clova.exchanges import (
    CALL,
    CALL_TALK,
    END3,
    SIGNAL,
    TALK3,
    TEXT,
    counts,
    result3,
    sse,
    token3,
)

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "top_p": 0.8}
STREAM: dict[str, Any] = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
ASKED = {"messages": ASK["messages"], "topP": 0.8}


def chunks(heard: Heard) -> list[Any]:
    return [json.loads(f[6:]) for f in heard.frames if f.startswith("data: ") and f != "data: [DONE]"]


def deltas(heard: Heard) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(heard) if chunk["choices"]]


def refusal(heard: Heard) -> tuple[int, str, str | None]:
    return heard.status, heard.json["error"]["code"], heard.json["error"]["param"]


async def test_a_plain_call(tmp_path: Path) -> None:
    vendor = Vendor(result=WHOLE3)
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, ASK, headers={"x-request-id": "r-1"})
        assert heard.status == 200
        assert heard.json["model"] == "x1"
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        assert heard.json["choices"][0]["finish_reason"] == "stop"
        assert heard.json["usage"]["total_tokens"] == 15
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert vendor.asked == [("/v3/chat-completions/vendor-model", "application/json", "r-1")]
        assert w.seen == [ASKED]
        [event] = w.events
        assert (event.charge_micro, event.end_reason) == (30_000, "completed")


async def test_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(sse(*TALK3), sse(*END3))
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 9})
        assert vendor.asked[0][1] == "text/event-stream"
        assert w.seen == [{**ASKED, "maxTokens": 9}]
        assert "".join(delta.get("content", "") for delta in deltas(heard)) == TEXT
        *_, usage, comment, done = heard.frames
        assert json.loads(usage[6:])["usage"]["completion_tokens"] == 5
        # 20 input at 1000 and 5 output at 4000 won per million
        assert comment == ": voucher charge_krw=0.04 available_krw=9999999.96"
        assert done == "data: [DONE]"
        assert w.events[0].tokens["output"] == 5


async def test_a_tool_called_and_its_result_told(tmp_path: Path) -> None:
    end = result3({"content": "", "toolCalls": [CALL]}, counts(9, 47), "tool_calls")
    vendor = Vendor(sse(*CALL_TALK), sse(end, SIGNAL))
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "tools": [TOOL], "tool_choice": "required"})
        said = [call for delta in deltas(heard) for call in delta.get("tool_calls", ())]
        called = {
            "id": said[0]["id"],
            "type": "function",
            "function": {
                "name": said[0]["function"]["name"],
                "arguments": "".join(call["function"]["arguments"] for call in said),
            },
        }
        vendor.pieces, vendor.answer = (), {"status": OK, "result": WHOLE3}
        messages = [
            *ASK["messages"],
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "call_1", "content": "맑음"},
        ]
        heard = await w.client.call("POST", CHAT, {**ASK, "messages": messages, "tools": [TOOL]})
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        first, second = w.seen
        assert first["toolChoice"] == {"type": "function", "function": {"name": "weather"}}
        assert first["tools"] == second["tools"] == [TOOL]
        assert second["messages"][1:] == [
            {"role": "assistant", "content": "", "toolCalls": [CALL]},
            {"role": "tool", "toolCallId": "call_1", "content": "맑음"},
        ]
        assert [event.tokens["output"] for event in w.events] == [47, 5]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"repetitionPenalty": 1.1}, "repetitionPenalty"),
    ],
)
async def test_what_it_has_no_words_for_costs_nothing(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with clova(Vendor(result=WHOLE3), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more}, headers={"accept-language": "ko"})
        assert refusal(heard) == (400, "invalid_request", param)
        assert "clova" in heard.json["error"]["message"]
        assert not w.seen
        [event] = w.events
        assert (event.status, event.charge_micro) == ("released", 0)


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    talk = [sse(token3({"content": "말 "})) for _ in range(300)]
    small = voucher(1, 0, share_ppm=1_000_000)
    async with clova(Vendor(*talk, pause_s=0.0005), tmp_path, vouchers=(small,)) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 4000})
        *_, ended, usage, comment, done = heard.frames
        assert json.loads(ended[6:])["choices"][0]["finish_reason"] == "length"
        assert comment.endswith("ended=voucher_exhausted")
        assert done == "data: [DONE]"
        [event] = w.events
        assert event.end_reason == "voucher_exhausted"
        assert event.charge_micro <= 1_000_000
        assert json.loads(usage[6:])["usage"]["completion_tokens"] == event.tokens["output"] >= 100


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(sse(*TALK3), sse(result3({"content": TEXT}, counts(10, 2)), SIGNAL))
    async with clova(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 4000})
        assert heard.json["object"] == "chat.completion"
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        assert heard.json["usage"]["total_tokens"] == 12
        assert vendor.asked[0][1] == "text/event-stream"
        assert heard.headers["x-voucher-charge-krw"] == "0.018"


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    error = ("error", {"status": {"code": "42901", "message": "Too many requests"}})
    async with clova(Vendor(sse(*TALK3), sse(error)), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        *said, failed = chunks(heard)
        assert [chunk["choices"][0]["delta"]["content"] for chunk in said] == ["안녕, ", "hello"]
        assert failed["error"]["code"] == "upstream_error"
        assert b"[DONE]" not in heard.body
        assert b"Too many requests" not in heard.body
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (400, "40003", (400, "upstream_rejected")),
        (401, "40100", (502, "upstream_error")),
        (429, "42901", (429, "upstream_rate_limited")),
        (500, "50000", (502, "upstream_error")),
    ],
)
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "streamed"])
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, status: int, code: str, told: tuple[int, str], body: dict[str, Any]
) -> None:
    vendor = Vendor(result={"status": {"code": code, "message": "Text too long"}}, status=status)
    async with clova(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, body)
        assert refusal(heard)[:2] == told
        assert ("Text too long" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_its_own_callers_are_served_as_before(tmp_path: Path) -> None:
    async with clova(Vendor(result=WHOLE3), tmp_path) as w:
        heard = await w.client.call("POST", "/v3/chat-completions/x1", {"messages": ASK["messages"]})
        assert heard.json == {"status": OK, "result": WHOLE3}
