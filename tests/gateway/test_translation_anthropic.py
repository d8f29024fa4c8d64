"""Callers of one dialect and vendors of another, from request to settlement: OpenAI's and Anthropic's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from tests.fakes.gateway_world import Vendor, World, answer, chunk, price, voucher, world
from tests.gateway.test_anthropic import ASK as MESSAGE
from tests.gateway.test_anthropic import (
    COUNTED,
    ERROR,
    ONE_WON,
    SDK,
    TEXT,
    WORDS,
    anthropic_world,
    answers,
    message,
    streams,
)
from tests.gateway.test_anthropic import PATH as MESSAGES
from tests.providers.anthropic.talk import STOP, TALK, TOOL_CALL, begin, end, finish, start
from tests.providers.anthropic.test_sdk_anthropic import streamed
from tests.providers.translation.sdk_openai import whole_of_stream, whole_said

CHAT: Final = "/v1/chat/completions"
ASK: Final[dict[str, Any]] = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
STREAM: Final = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
WEATHER: Final = {"name": "weather", "parameters": {"type": "object"}}
DONE: Final = b"data: [DONE]\n\n"


# -- OpenAI's caller, Anthropic's vendor


async def test_a_whole_answer(tmp_path: Path) -> None:
    heads: list[dict[str, str]] = []
    entry = price(input=1000, cached_input=100, output=4000)
    async with anthropic_world(answers(message(), heads), tmp_path, prices=(entry,)) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, "temperature": 0.5, "stop": "END"})
        assert heard.status == 200, heard.body
        said = whole_said(heard.body.replace(b'"x1"', b'"p"'))
        assert (said.text, said.ending) == ("hello", "stop")
        assert said.usage is not None
        assert (said.usage["prompt_tokens"], said.usage["completion_tokens"]) == (109, 7)
        assert said.usage["prompt_tokens_details"]["cached_tokens"] == 100
        assert heard.headers["x-voucher-charge-krw"] == "0.047"  # as for a caller of the vendor's own dialect
        [event] = w.events
        assert (event.meta.dialect, event.tokens["cached_input"]) == ("openai", 100)
        assert w.seen == [{
            "model": "vendor-model",
            "max_tokens": 4096,  # the product's: this vendor must be told one
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "temperature": 0.5,
            "stop_sequences": ["END"],
        }]  # fmt: skip
        (head,) = heads
        assert (head["path"], head["x-api-key"]) == (MESSAGES, "vendor-key")
        assert head["anthropic-version"] == "2023-06-01"


async def test_a_stream_ends_after_its_settlement(tmp_path: Path) -> None:
    async with anthropic_world(streams(TALK), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        said = whole_of_stream(heard.body.replace(b'"x1"', b'"p"'))
        assert (said.text, said.thought, said.ending) == ("안녕, hello\n", '생각 of "it"', "stop")
        assert said.usage is not None
        assert (said.usage["prompt_tokens"], said.usage["completion_tokens"]) == (9, 7)
        assert heard.frames[-2] == ": voucher charge_krw=0.037 available_krw=9999999.963"
        assert heard.frames[-1] == "data: [DONE]"
        assert w.seen[0]["stream"] is True
        assert (w.events[0].charge_micro, w.events[0].estimated) == (37_000, False)


async def test_a_tool_is_called_and_answers(tmp_path: Path) -> None:
    rounds = [streams(TOOL_CALL), answers(message())]

    async def vendor(request: web.Request) -> web.StreamResponse:
        return await rounds.pop(0)(request)

    tools = [{"type": "function", "function": WEATHER}]
    async with anthropic_world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**STREAM, "tools": tools, "parallel_tool_calls": False})
        said = whole_of_stream(heard.body.replace(b'"x1"', b'"p"'))
        assert said.ending == "tool_calls"
        [[call_id, name, arguments]] = said.calls
        assert (call_id, name, json.loads(arguments)) == ("toolu_1", "weather", {"city": "서울", "days": 2})
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        turns = [
            *ASK["messages"],
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": "맑음"},
            {"role": "user", "content": "so?"},
        ]
        again = await w.client.call("POST", CHAT, {**ASK, "messages": turns, "tools": tools})
        assert again.status == 200
        first, second = w.seen
        assert first["tools"] == [{"name": "weather", "input_schema": {"type": "object"}}]
        assert first["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
        said_again = {"type": "tool_use", "id": "toolu_1", "name": "weather"}
        assert second["messages"][1:] == [
            {"role": "assistant", "content": [{**said_again, "input": {"city": "서울", "days": 2}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "맑음"}]},
                {"type": "text", "text": "so?"},
            ]},
        ]  # fmt: skip
        assert [event.status for event in w.events] == ["settled", "settled"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"seed": 1}, "seed"),
        ({"temperature": 1.5}, "temperature"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"something_new": 1}, "something_new"),
    ],
)
async def test_what_the_vendor_cannot_be_asked_is_refused(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with anthropic_world(answers(message()), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, {**ASK, **more})
        assert_refused(w, heard.status, heard.json, param)
        assert heard.json["error"]["param"] == param
        assert await w.voucher() == await untouched(tmp_path / "fresh")


def assert_refused(w: World, status: int, body: dict[str, Any], param: str) -> None:
    assert (status, body["error"]["code"]) == (400, "invalid_request")
    assert f"`{param}`" in body["error"]["message"]
    assert not w.seen
    assert [(event.status, event.charge_micro) for event in w.events] in ([], [("released", 0)])


async def untouched(tmp_path: Path) -> dict[str, Any]:
    """A voucher of which nothing is held or spent."""
    async with world(answers(message()), tmp_path) as w:
        return await w.voucher()


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    vendor = streams([start(), begin(0, TEXT), *WORDS, end(0), finish("end_turn"), STOP], pause_s=0.0005)
    async with anthropic_world(vendor, tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        *_, ended, counted, comment, last = heard.frames
        assert json.loads(ended[6:])["choices"][0]["finish_reason"] == "length"
        assert comment.startswith(": voucher charge_krw=")
        assert comment.endswith("ended=voucher_exhausted")
        assert last == "data: [DONE]"
        [event] = w.events
        usage = json.loads(counted[6:])["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (
            event.tokens["input"],
            event.tokens["output"],
        )
        assert (event.end_reason, event.charge_micro <= 1_000_000) == ("voucher_exhausted", True)
        assert w.seen[0]["max_tokens"] <= 4096


@pytest.mark.parametrize("cut", [False, True])
async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(
    tmp_path: Path, cut: bool
) -> None:
    words = WORDS if cut else WORDS[:3]
    vendor = streams([start(), begin(0, TEXT), *words, end(0), finish("end_turn"), STOP], pause_s=0.0005)
    async with anthropic_world(vendor, tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", CHAT, ASK)
        said = whole_said(heard.body.replace(b'"x1"', b'"p"'))
        assert said.ending == ("length" if cut else "stop")
        assert said.text.startswith("wordwordword")
        assert said.usage is not None
        assert said.usage["completion_tokens"] == w.events[0].tokens["output"]
        assert w.seen[0]["stream"] is True


@pytest.mark.parametrize("events", [[], [ERROR], [ERROR, STOP]], ids=["cut", "error", "error and end"])
async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path, events: list[dict[str, Any]]) -> None:
    vendor = streams([start(), begin(0, TEXT), *WORDS[:20], *events])
    async with anthropic_world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", CHAT, STREAM)
        assert json.loads(heard.frames[-1][6:])["error"]["code"] == "upstream_error"
        assert sum('"error"' in frame for frame in heard.frames) == 1
        assert "data: [DONE]" not in heard.frames
        [event] = w.events
        assert (event.end_reason, event.estimated, event.tokens["output"]) == ("upstream_error", True, 20)


NO: Final = {"type": "error", "error": {"type": "some_error", "message": "max_tokens: too many"}}
FAILURES: Final = [
    (400, 400, "upstream_rejected"),
    (429, 429, "upstream_rate_limited"),
    (500, 502, "upstream_error"),
    (529, 502, "upstream_error"),
]


@pytest.mark.parametrize(("vendor_status", "status", "code"), FAILURES)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, vendor_status: int, status: int, code: str) -> None:
    async with anthropic_world(answers(NO, status=vendor_status), tmp_path) as w:
        heard = await w.client.call("POST", CHAT, ASK)
        assert (heard.status, heard.json["error"]["code"]) == (status, code)
        assert ("too many" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


# -- Anthropic's caller, OpenAI's vendor


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
        chunk("잠시"), calls(name="weather", arguments=""), calls(arguments='{"at":'), calls(arguments='"서울"}'),
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
        ({"container": "c1"}, "container"),
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
