"""Callers who speak OpenAI's dialect or Anthropic's, on a vendor who speaks Gemini's: to settlement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from tests.fakes.gateway_world import world
from tests.fakes.gemini_stream import chunk
from tests.fakes.gemini_vendor import ASK as CONTENTS
from tests.fakes.gemini_vendor import LAST, Vendor
from tests.gateway.test_anthropic import ASK as MESSAGE
from tests.gateway.test_anthropic import ONE_WON, SDK
from tests.gateway.test_anthropic import PATH as MESSAGES
from tests.gateway.test_translation_anthropic import ASK, CHAT, STREAM, assert_refused, untouched
from tests.providers.anthropic.test_sdk_anthropic import streamed
from tests.providers.translation.sdk_openai import whole_of_stream, whole_said

CALL: Final[dict[str, Any]] = {
    "functionCall": {"name": "weather", "args": {"at": "서울"}},
    "thoughtSignature": "c2ln",
}
CALLS: Final = {
    "candidates": [{"content": {"role": "model", "parts": [CALL]}, "finishReason": "STOP"}],
    "usageMetadata": LAST["usageMetadata"],
    "responseId": "r1",
}
TOOLS: Final = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
FAILURES: Final = [
    (400, 400, "upstream_rejected"),
    (429, 429, "upstream_rate_limited"),
    (503, 502, "upstream_error"),
]


async def test_openais_caller_gets_a_whole_answer(tmp_path: Path) -> None:
    vendor = Vendor(LAST)
    async with world(vendor, tmp_path, dialect="gemini") as w:
        ask = {**ASK, "temperature": 0.5, "stop": "END", "reasoning_effort": "low", "user": "u1"}
        heard = await w.client.call("POST", CHAT, ask)
        assert heard.status == 200, heard.body
        said = whole_said(heard.body.replace(b'"x1"', b'"p"'))
        assert (said.text, said.ending) == ("lo", "stop")
        assert said.usage is not None
        assert (said.usage["prompt_tokens"], said.usage["completion_tokens"]) == (10, 5)
        assert said.usage["completion_tokens_details"]["reasoning_tokens"] == 3
        assert heard.headers["x-voucher-charge-krw"] == "0.03"  # as for a caller of the vendor's own dialect
        thinking = {"includeThoughts": True, "thinkingBudget": 4096}  # its name says nothing of its age
        config = {"temperature": 0.5, "stopSequences": ["END"], "thinkingConfig": thinking}
        assert w.seen == [{**CONTENTS, "generationConfig": config}]
        assert [event.meta.dialect for event in w.events] == ["openai"]
    assert vendor.asked == ["/v1beta/models/vendor-model:generateContent"]
    assert vendor.keys == ["vendor-key"]


async def test_a_stream_ends_after_its_settlement(tmp_path: Path) -> None:
    vendor = Vendor(chunk("hel"), LAST)
    async with world(vendor, tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        said = whole_of_stream(heard.body.replace(b'"x1"', b'"p"'))
        assert (said.text, said.ending) == ("hello", "stop")
        assert said.usage is not None
        assert said.usage["total_tokens"] == 15
        assert heard.frames[-2:] == [
            ": voucher charge_krw=0.03 available_krw=9999999.97", "data: [DONE]"
        ]  # fmt: skip
        assert (w.events[0].charge_micro, w.events[0].estimated) == (30_000, False)
        assert (w.events[0].upstream_request_id, w.events[0].end_reason) == ("r1", "completed")
    assert vendor.asked == ["/v1beta/models/vendor-model:streamGenerateContent?alt=sse"]


async def test_anthropics_caller_gets_a_stream(tmp_path: Path) -> None:
    async with world(Vendor(chunk("hel"), LAST), tmp_path, dialect="gemini") as w:
        ask = {**MESSAGE, "stream": True, "system": "be brief"}
        heard = await w.client.call("POST", MESSAGES, ask, headers=SDK)
        made = streamed(heard.body)
        assert [block.to_dict(warnings=False) for block in made.content] == [
            {"type": "text", "text": "hello"}
        ]
        assert (made.model, made.stop_reason, made.usage.output_tokens) == ("x1", "end_turn", 5)
        assert heard.frames[-2].startswith(": voucher charge_krw=0.03 ")
        assert w.seen[0]["systemInstruction"] == {"parts": [{"text": "be brief"}]}
        assert w.seen[0]["generationConfig"] == {"maxOutputTokens": 4000}


@pytest.mark.parametrize("how", [ASK, STREAM], ids=["whole", "streamed"])
async def test_a_tool_is_called_and_answers(how: dict[str, Any], tmp_path: Path) -> None:
    rounds = [Vendor(CALLS), Vendor(LAST)]

    async def vendor(request: web.Request) -> web.StreamResponse:
        return await rounds.pop(0)(request)

    async with world(vendor, tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, {**how, "tools": TOOLS, "tool_choice": "required"})
        body = heard.body.replace(b'"x1"', b'"p"')
        said = whole_of_stream(body) if how is STREAM else whole_said(body)
        assert said.ending == "tool_calls"
        [[call_id, name, arguments]] = said.calls
        assert (call_id, name, json.loads(arguments)) == ("call_r1_1", "weather", {"at": "서울"})
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        turns = [
            *ASK["messages"],
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": "맑음"},
        ]
        again = await w.client.call("POST", CHAT, {**ASK, "messages": turns, "tools": TOOLS})
        assert again.status == 200, again.body
        first, second = w.seen
        assert first["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
        assert first["tools"] == [
            {"functionDeclarations": [{"name": "weather", "parametersJsonSchema": {"type": "object"}}]}
        ]
        called, answered = second["contents"][1:]
        assert called["parts"][0]["functionCall"] == {**CALL["functionCall"], "id": "call_r1_1"}
        assert called["parts"][0]["thoughtSignature"], "its vendor takes no call without one"
        assert answered == {"role": "user", "parts": [
            {"functionResponse": {"id": "call_r1_1", "name": "weather", "response": {"output": "맑음"}}},
        ]}  # fmt: skip
        assert [event.status for event in w.events] == ["settled", "settled"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": TOOLS, "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"messages": [*ASK["messages"], {"role": "assistant", "content": "{"}]},
         "messages (the last one is the assistant's)"),
        ({"logprobs": True}, "logprobs"),
        ({"something_new": 1}, "something_new"),
    ],
)  # fmt: skip
async def test_what_the_vendor_cannot_be_asked_is_refused(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with world(Vendor(LAST), tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more})
        assert_refused(w, heard.status, heard.json, param)
        assert heard.json["error"]["param"] == param
        assert await w.voucher() == await untouched(tmp_path / "fresh")


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word") for _ in range(400)], LAST, pause_s=0.0005)
    async with world(vendor, tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        *_, ended, counted, comment, last = heard.frames
        assert json.loads(ended[6:])["choices"][0]["finish_reason"] == "length"
        assert json.loads(counted[6:])["usage"]["completion_tokens"] == w.events[0].tokens["output"]
        assert comment.endswith("ended=voucher_exhausted")
        assert last == "data: [DONE]"
        assert (w.events[0].end_reason, w.events[0].charge_micro <= 1_000_000) == ("voucher_exhausted", True)


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(chunk("hel"), LAST)
    async with world(vendor, tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, ASK)
        said = whole_said(heard.body.replace(b'"x1"', b'"p"'))
        assert (said.text, said.ending) == ("hello", "stop")
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
    assert vendor.asked == ["/v1beta/models/vendor-model:streamGenerateContent?alt=sse"]


@pytest.mark.parametrize("breaks", [[], [{"error": {"code": 503, "message": "busy"}}]], ids=["cut", "error"])
async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path, breaks: list[Any]) -> None:
    async with world(Vendor(chunk("half of it"), *breaks), tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert json.loads(heard.frames[-1][6:])["error"]["code"] == "upstream_error"
        assert sum('"error"' in frame for frame in heard.frames) == 1
        assert "data: [DONE]" not in heard.frames
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(("vendor_status", "status", "code"), FAILURES)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, vendor_status: int, status: int, code: str) -> None:
    no = {"error": {"code": vendor_status, "message": "too many tokens", "status": "INVALID_ARGUMENT"}}
    async with world(Vendor(no, status=vendor_status), tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", CHAT, ASK)
        assert (heard.status, heard.json["error"]["code"]) == (status, code)
        assert ("too many" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)
