"""OpenAI's and Anthropic's callers and Bedrock's models: from request to settlement.

The vendor takes no call that is not signed as AWS's own signer would have signed what came.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.asgi_client import Heard
from tests.fakes.bedrock_vendor import KEY, TOKEN, Vendor
from tests.fakes.gateway_world import World, voucher, world
from tests.gateway.test_translation_clova import CHAT, STREAM, TOOL, chunks, deltas, refusal
from tests.providers.bedrock.messages import (
    CALL,
    CALLED,
    END,
    STOP,
    TALK,
    TEXT,
    counts,
    delta,
    ended,
    exception,
    metadata,
)

ASK: dict[str, Any] = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "top_p": 0.8}
ASKED = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"topP": 0.8}}


def whole(*content: Any, reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(content)}
    return {"output": {"message": message}, "stopReason": reason, "usage": counts(10, 5, **usage)}


@asynccontextmanager
async def bedrock(vendor: Vendor, tmp_path: Path, credential: str = KEY, **more: Any) -> AsyncIterator[World]:
    async with world(vendor, tmp_path, dialect="bedrock", credential=credential, **more) as made:
        yield made


async def test_a_plain_call(tmp_path: Path) -> None:
    vendor = Vendor(answer=whole({"text": TEXT}))
    async with bedrock(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 9}, headers={"x-request-id": "r-1"})
        assert heard.status == 200, heard.body
        assert heard.json["model"] == "x1"
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        assert heard.json["usage"]["total_tokens"] == 15
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert vendor.asked == ["/model/vendor-model/converse"]
        assert (vendor.heads[0]["accept"], vendor.heads[0]["x-request-id"]) == ("application/json", "r-1")
        assert w.seen == [{**ASKED, "inferenceConfig": {"topP": 0.8, "maxTokens": 9}}]
        [event] = w.events
        assert (event.charge_micro, event.end_reason, event.upstream_request_id) == (
            30_000,
            "completed",
            "aws-1",
        )


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        (KEY, 200),
        (f"{KEY}:{TOKEN}", 200),
        ("ABSKQmVkcm9jaw==", 200),
        ("ABSKanother", 502),
        (KEY[:-1], 502),
        ("ANOTHER" + KEY, 502),
        ("a:b\x00", 502),
    ],
)
async def test_only_what_is_signed_is_answered(tmp_path: Path, credential: str, status: int) -> None:
    async with bedrock(Vendor(answer=whole({"text": TEXT})), tmp_path, credential) as w:
        heard = await w.client.call("POST", CHAT, ASK)
        assert heard.status == status
        assert KEY.partition(":")[2].encode() not in heard.body
        assert [event.status for event in w.events] == ["settled" if status == 200 else "released"]


async def test_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(TALK[:50], TALK[50:] + END[:-70], END[-70:])
    async with bedrock(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 9})
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert vendor.asked == ["/model/vendor-model/converse-stream"]
        assert vendor.heads[0]["accept"] == "application/vnd.amazon.eventstream"
        assert "".join(delta.get("content", "") for delta in deltas(heard)) == TEXT
        *_, usage, comment, done = heard.frames
        assert json.loads(usage[6:])["usage"]["completion_tokens"] == 5
        # 20 input at 1000 and 5 output at 4000 won per million
        assert comment == ": voucher charge_krw=0.04 available_krw=9999999.96"
        assert done == "data: [DONE]"
        [event] = w.events
        assert (event.tokens["output"], event.estimated, event.upstream_request_id) == (5, False, "aws-1")


async def test_caches_are_charged_by_their_class(tmp_path: Path) -> None:
    cached = whole({"text": TEXT}, read=100, written=50, cacheDetails=[{"ttl": "1h", "inputTokens": 20}])
    async with bedrock(Vendor(answer=cached), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, ASK)
        assert heard.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 100
        tokens = w.events[0].tokens
        names = ("input", "cached_input", "cache_write", "cache_write_1h", "output")
        assert [tokens.get(name, 0) for name in names] == [10, 100, 30, 20, 5]


async def test_a_tool_called_and_its_result_told(tmp_path: Path) -> None:
    vendor = Vendor(CALLED)
    async with bedrock(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "tools": [TOOL], "tool_choice": "required"})
        said = [call for piece in deltas(heard) for call in piece.get("tool_calls", ())]
        arguments = "".join(call["function"]["arguments"] for call in said)
        function = {"name": said[0]["function"]["name"], "arguments": arguments}
        called = {"id": said[0]["id"], "type": "function", "function": function}
        vendor.pieces, vendor.answer = (), whole({"text": TEXT})
        messages = [
            *ASK["messages"],
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "tooluse_1", "content": "맑음"},
        ]
        heard = await w.client.call("POST", CHAT, {**ASK, "messages": messages, "tools": [TOOL]})
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        first, second = w.seen
        assert first["toolConfig"]["toolChoice"] == {"any": {}}
        assert first["toolConfig"]["tools"] == second["toolConfig"]["tools"]
        result = {"toolUseId": "tooluse_1", "content": [{"text": "맑음"}], "status": "success"}
        assert second["messages"][1:] == [
            {"role": "assistant", "content": [{"toolUse": {**CALL, "input": {"a": "서울"}}}]},
            {"role": "user", "content": [{"toolResult": result}]},
        ]
        assert [event.tokens["output"] for event in w.events] == [47, 5]


async def test_anthropics_callers(tmp_path: Path) -> None:
    vendor = Vendor(TALK + END)
    async with bedrock(vendor, tmp_path) as w:
        body = {"model": "x1", "max_tokens": 9, "messages": ASK["messages"], "system": "be brief"}
        heard = await w.client.call("POST", "/v1/messages", {**body, "stream": True})
        events = [json.loads(frame.split("data: ", 1)[1]) for frame in heard.frames if "data: " in frame]
        texts = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
        assert "".join(texts) == TEXT
        assert events[-1]["type"] == "message_stop"
        assert w.seen[0]["system"] == [{"text": "be brief"}]
        assert w.seen[0]["inferenceConfig"] == {"maxTokens": 9}
        vendor.pieces, vendor.answer = (), whole({"text": TEXT})
        heard = await w.client.call("POST", "/v1/messages", body)
        assert heard.json["content"] == [{"type": "text", "text": TEXT}]
        assert heard.json["usage"]["output_tokens"] == 5
        assert [event.charge_micro for event in w.events] == [40_000, 30_000]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"n": 2}, "n"),
        ({"seed": 7}, "seed"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"reasoning_effort": "none"}, "reasoning_effort"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
async def test_what_it_has_no_words_for_costs_nothing(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with bedrock(Vendor(answer=whole()), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more}, headers={"accept-language": "ko"})
        assert refusal(heard) == (400, "invalid_request", param)
        assert "bedrock" in heard.json["error"]["message"]
        assert not w.seen
        [event] = w.events
        assert (event.status, event.charge_micro) == ("released", 0)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/api-tools/embedding/x1"])
async def test_other_calls_are_refused(tmp_path: Path, path: str) -> None:
    async with bedrock(Vendor(answer=whole()), tmp_path) as w:
        heard = await w.client.call("POST", path, {**ASK, "input": "hi", "text": "hi"})
        assert heard.status == 400
        assert b"purpose_mismatch" in heard.body
        assert b"bedrock" in heard.body
        assert not w.seen


@pytest.mark.parametrize("path", ["/model/x1/converse", "/model/x1/converse-stream"])
async def test_nobody_speaks_it_to_us(tmp_path: Path, path: str) -> None:
    async with bedrock(Vendor(answer=whole()), tmp_path) as w:
        assert (await w.client.call("POST", path, ASKED)).status == 404


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    talk = [delta(0, text="말 ") for _ in range(300)]
    small = voucher(1, 0, share_ppm=1_000_000)
    async with bedrock(Vendor(*talk, pause_s=0.0005), tmp_path, vouchers=(small,)) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "max_tokens": 4000})
        *_, end, usage, comment, done = heard.frames
        assert json.loads(end[6:])["choices"][0]["finish_reason"] == "length"
        assert comment.endswith("ended=voucher_exhausted")
        assert done == "data: [DONE]"
        [event] = w.events
        assert event.end_reason == "voucher_exhausted"
        assert event.charge_micro <= 1_000_000
        assert json.loads(usage[6:])["usage"]["completion_tokens"] == event.tokens["output"] >= 100


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(TALK + STOP, ended(), metadata(10, 2))
    async with bedrock(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "max_tokens": 4000})
        assert heard.json["object"] == "chat.completion"
        assert heard.json["choices"][0]["message"]["content"] == TEXT
        assert heard.json["usage"]["total_tokens"] == 12
        assert vendor.asked == ["/model/vendor-model/converse-stream"]
        assert heard.headers["x-voucher-charge-krw"] == "0.018"


def told_until_an_error(heard: Heard) -> str:
    *said, failed = chunks(heard)
    assert failed["error"]["code"] == "upstream_error"
    assert b"[DONE]" not in heard.body
    return "".join(chunk["choices"][0]["delta"]["content"] for chunk in said)


@pytest.mark.parametrize(
    "rest",
    [
        exception("throttlingException", "Slow down"),
        exception("modelStreamErrorException", "Slow down"),
        b"\0\0\0\x20\0\0\0\0damaged, and long enough to be seen",
        END[:30],  # and the connection ends
    ],
    ids=["throttled", "failed", "damaged", "cut"],
)
async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path, rest: bytes) -> None:
    async with bedrock(Vendor(TALK, rest), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert told_until_an_error(heard) == TEXT
        assert b"Slow down" not in heard.body
        [event] = w.events
        assert (event.end_reason, event.estimated, event.tokens["output"]) == ("upstream_error", True, 3)


async def test_a_stream_that_ends_without_its_count_is_estimated(tmp_path: Path) -> None:
    async with bedrock(Vendor(TALK + STOP + ended()), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert heard.frames[-1] == "data: [DONE]"
        [event] = w.events
        assert (event.end_reason, event.estimated, event.tokens["output"]) == ("completed", True, 3)


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (400, "ValidationException", (400, "upstream_rejected")),
        (404, "ResourceNotFoundException", (400, "upstream_rejected")),
        (400, "ServiceQuotaExceededException", (429, "upstream_rate_limited")),
        (403, "AccessDeniedException", (502, "upstream_error")),
        (408, "ModelTimeoutException", (502, "upstream_error")),
        (424, "ModelErrorException", (502, "upstream_error")),
        (429, "ThrottlingException", (429, "upstream_rate_limited")),
        (503, "ServiceUnavailableException", (502, "upstream_error")),
    ],
)
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "streamed"])
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, status: int, kind: str, told: tuple[int, str], body: dict[str, Any]
) -> None:
    vendor = Vendor(answer={"message": "Too many bananas"}, status=status, kind=kind)
    async with bedrock(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, body)
        assert refusal(heard)[:2] == told
        assert ("Too many bananas" in heard.json["error"]["message"]) == (told[0] == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)
