"""Callers who speak Anthropic's dialect, on a vendor who speaks OpenAI's: from request to settlement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from tests.fakes.gateway_world import Vendor, answer, chunk, voucher, world
from tests.gateway.test_anthropic import ASK as MESSAGE
from tests.gateway.test_anthropic import PATH as MESSAGES
from tests.gateway.test_anthropic import SDK
from tests.gateway.test_translation_anthropic import FAILURES, assert_refused, untouched
from tests.providers.anthropic.test_sdk_anthropic import streamed

DONE: Final = b"data: [DONE]\n\n"


def chats(*pieces: bytes, body: Any = None, status: int = 200) -> Vendor:
    async def vendor(request: web.Request) -> web.StreamResponse:
        if not pieces:
            return web.json_response(body, status=status)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    return vendor


USAGE: Final = {"prompt_tokens": 109, "completion_tokens": 7, "total_tokens": 116}


async def test_anthropics_caller_gets_a_whole_answer(tmp_path: Path) -> None:
    async with world(chats(body=answer(10, 5)), tmp_path) as w:
        ask = {**MESSAGE, "system": "be brief", "metadata": {"user_id": "u1"}}
        heard = await w.client.call("POST", MESSAGES, ask, headers=SDK)
        assert heard.status == 200, heard.body
        assert heard.json == {
            "id": "chatcmpl-1",
            "type": "message",
            "role": "assistant",
            "model": "x1",
            "content": [{"type": "text", "text": "hello"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 10,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 5,
            },
        }
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert w.seen[0]["messages"][0] == {"role": "system", "content": "be brief"}
        assert (w.seen[0]["max_tokens"], w.seen[0]["user"]) == (4000, "u1")
        assert w.events[0].meta.dialect == "anthropic"


async def test_anthropics_caller_gets_a_stream_with_a_tool_call(tmp_path: Path) -> None:
    def calls(**function: Any) -> bytes:
        call = {"index": 0, "function": function}
        if "name" in function:
            call |= {"id": "call_1", "type": "function"}
        choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
        return b"data: " + orjson.dumps({"id": "chatcmpl-1", "choices": [choice]}) + b"\n\n"

    pieces = [
        chunk("잠시"), calls(name="weather", arguments=""),
        calls(arguments='{"at":'), calls(arguments='"서울"}'),
        chunk(finish="tool_calls"), chunk(usage=USAGE), DONE,
    ]  # fmt: skip
    async with world(chats(*pieces), tmp_path) as w:
        tools = [{"name": "weather", "input_schema": {"type": "object"}}]
        ask = {**MESSAGE, "stream": True, "tools": tools, "tool_choice": {"type": "any"}}
        heard = await w.client.call("POST", MESSAGES, ask, headers=SDK)
        made = streamed(heard.body)
        assert [block.to_dict(warnings=False) for block in made.content] == [
            {"type": "text", "text": "잠시"},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"at": "서울"}},
        ]
        assert (made.model, made.stop_reason) == ("x1", "tool_use")
        assert (made.usage.input_tokens, made.usage.output_tokens) == (109, 7)
        assert heard.frames[-2].startswith(": voucher charge_krw=0.137 ")
        assert heard.frames[-1].startswith("event: message_stop")
        assert (w.seen[0]["tool_choice"], w.seen[0]["stream"]) == ("required", True)
        assert w.events[0].charge_micro == 137_000


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"container": {"skills": [{"type": "anthropic"}]}}, "container"),
        ({"messages": [*MESSAGE["messages"], {"role": "assistant", "content": "{"}]}, "messages[1].role"),
    ],
)
async def test_what_openai_cannot_be_asked_is_refused_in_anthropics_words(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with world(chats(body=answer()), tmp_path) as w:
        heard = await w.client.call("POST", MESSAGES, {**MESSAGE, **more}, headers=SDK)
        assert_refused(w, heard.status, heard.json, param)
        assert (heard.json["type"], heard.json["error"]["type"]) == ("error", "invalid_request_error")
        assert await w.voucher() == await untouched(tmp_path / "fresh")


async def test_anthropics_caller_is_cut_in_its_own_words(tmp_path: Path) -> None:
    pieces = [*[chunk("word")] * 300, chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", MESSAGES, {**MESSAGE, "stream": True}, headers=SDK)
        assert heard.frames[-2].endswith("ended=voucher_exhausted")
        made = streamed(heard.body)
        [event] = w.events
        assert (made.stop_reason, made.usage.output_tokens) == ("max_tokens", event.tokens["output"])
        assert made.usage.input_tokens == event.tokens["input"]
        assert event.end_reason == "voucher_exhausted"


async def test_openais_failure_in_mid_stream_in_anthropics_words(tmp_path: Path) -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    async with world(chats(chunk("word"), error, DONE), tmp_path) as w:
        heard = await w.client.call("POST", MESSAGES, {**MESSAGE, "stream": True}, headers=SDK)
        name, data = heard.frames[-1].split("\n")
        assert (name, json.loads(data[6:])["error"]["code"]) == ("event: error", "upstream_error")
        assert not any("message_stop" in frame for frame in heard.frames)
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(("vendor_status", "status", "code"), FAILURES)
async def test_openais_no_in_anthropics_words(
    tmp_path: Path, vendor_status: int, status: int, code: str
) -> None:
    body = {"error": {"message": "too many tokens", "type": "invalid_request_error", "param": "max_tokens"}}
    async with world(chats(body=body, status=vendor_status), tmp_path) as w:
        heard = await w.client.call("POST", MESSAGES, MESSAGE, headers=SDK)
        assert (heard.status, heard.json["type"], heard.json["error"]["code"]) == (status, "error", code)
        assert ("too many" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)
