"""Callers who speak OpenAI's dialect, on a vendor who speaks Anthropic's: from request to settlement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from tests.fakes.gateway_world import World, price, world
from tests.gateway.test_anthropic import (
    ERROR,
    ONE_WON,
    TEXT,
    WORDS,
    answers,
    anthropic_world,
    message,
    streams,
)
from tests.gateway.test_anthropic import PATH as MESSAGES
from tests.providers.anthropic.talk import STOP, TALK, TOOL_CALL, begin, end, finish, start
from tests.providers.translation.sdk_openai import whole_of_stream, whole_said

CHAT: Final = "/v1/chat/completions"
ASK: Final[dict[str, Any]] = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
STREAM: Final = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
WEATHER: Final = {"name": "weather", "parameters": {"type": "object"}}


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
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [
                    {"type": "text", "text": "맑음"},
                ]},
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
