"""Callers of the Responses API, on vendors who have no such thing: from request to settlement."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import openai
import orjson
import pytest
from aiohttp import web

from tests.fakes.gateway_world import Everything, answer, chunk, voucher, world
from tests.gateway.test_anthropic import ERROR, TEXT, WORDS, answers, anthropic_world, message
from tests.gateway.test_anthropic import streams as messages
from tests.gateway.test_translation_anthropic import FAILURES, assert_refused
from tests.gateway.test_translation_from_anthropic import DONE, USAGE, chats
from tests.providers.anthropic.talk import STOP, TALK, begin, end, finish, start
from tests.providers.openai_responses.events import RESPONSE
from tests.providers.openai_responses.events import USAGE as RESPONSE_USAGE
from tests.providers.translation.sdk_openai import openai as client
from tests.providers.translation.sdk_responses import events_of, said, whole_of_stream, whole_said

ROUTE: Final = "/v1/responses"
ASK: Final[dict[str, Any]] = {"model": "x1", "input": "hi"}
STREAM: Final = {**ASK, "stream": True}
TOOL: Final = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
CHATS: Final[dict[str, Any]] = {
    "quirks": "chat-only"
}  # the vendor speaks OpenAI's dialect, and has chats alone


async def test_a_whole_answer(tmp_path: Path) -> None:
    ask = {**ASK, "instructions": "be brief", "max_output_tokens": 9, "metadata": {"a": "b"}, "store": False}
    async with world(chats(body=answer(10, 5)), tmp_path, **CHATS) as w:
        heard = await w.client.call("POST", ROUTE, ask)
        assert heard.status == 200, heard.body
        assert heard.json == {
            "id": "resp_op1", "object": "response", "created_at": 1_790_000_000, "status": "completed",
            "background": False, "error": None, "incomplete_details": None, "instructions": "be brief",
            "max_output_tokens": 9, "metadata": {"a": "b"}, "model": "x1",
            "output": [{
                "id": "msg_op1_0", "type": "message", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}],
            }],
            "parallel_tool_calls": True, "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None}, "store": False, "temperature": None,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": None,
            "truncation": "disabled",
            "usage": {
                "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
            },
        }  # fmt: skip
        assert whole_said(heard.body).output_text == "hello"
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert w.seen == [{
            "model": "vendor-model",
            "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
            "max_tokens": 9,
        }]  # fmt: skip
        [event] = w.events
        assert (event.meta.dialect, event.tokens["output"]) == ("openai", 5)


async def test_a_stream_ends_after_its_settlement(tmp_path: Path) -> None:
    async with anthropic_world(messages(TALK), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, STREAM)
        response = whole_of_stream(heard.body)
        told = said(response)
        assert (told.text, told.thought, told.ending) == ("안녕, hello\n", '생각 of "it"', "stop")
        assert (response.id, response.model, response.created_at) == ("resp_op1", "x1", 1_790_000_000)
        assert response.usage is not None
        assert (response.usage.input_tokens, response.usage.output_tokens) == (9, 7)
        assert heard.frames[0].startswith("event: response.created\ndata: ")
        assert heard.frames[-2] == ": voucher charge_krw=0.037 available_krw=9999999.963"
        assert heard.frames[-1].startswith("event: response.completed\ndata: ")


async def test_a_tool_is_called_and_answers(tmp_path: Path) -> None:
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
    ask = {**STREAM, "tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False}
    async with world(chats(*pieces), tmp_path, **CHATS) as w:
        heard = await w.client.call("POST", ROUTE, ask)
        response = whole_of_stream(heard.body)
        kinds = [item.to_dict(warnings=False) for item in response.output]
        assert kinds[1] == {
            "id": "fc_op1_1", "type": "function_call", "status": "completed", "call_id": "call_1",
            "name": "weather", "arguments": '{"at":"서울"}',
        }  # fmt: skip
        assert (response.tool_choice, response.parallel_tool_calls) == ("required", False)
        assert [tool.to_dict() for tool in response.tools] == [TOOL]
        assert (w.seen[0]["tool_choice"], w.seen[0]["parallel_tool_calls"]) == ("required", False)

    back = [{"role": "user", "content": "hi"}, *kinds]
    back.append({"type": "function_call_output", "call_id": "call_1", "output": "맑음"})
    async with world(chats(body=answer()), tmp_path / "second", **CHATS) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "input": back, "tools": [TOOL]})
        assert heard.status == 200, heard.body
        assert w.seen[0]["messages"] == [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "잠시", "tool_calls": [
                {"id": "call_1", "type": "function",
                 "function": {"name": "weather", "arguments": '{"at":"서울"}'}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "맑음"},
        ]  # fmt: skip


REFUSED: Final[list[tuple[dict[str, Any], str]]] = [
    ({"tools": [{"type": "web_search"}]}, "tools[0] (web_search)"),
    ({"store": True}, "store"),
    ({"background": True}, "background"),
    ({"previous_response_id": "resp_op1"}, "previous_response_id"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
    ({"truncation": "auto"}, "truncation"),
]


async def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    async with world(chats(body=answer()), tmp_path, **CHATS) as w:
        before = await w.voucher()
        for more, param in REFUSED:
            heard = await w.client.call("POST", ROUTE, {**ASK, **more})
            assert (heard.status, heard.json["error"]["code"]) == (400, "invalid_request"), heard.body
            assert heard.json["error"]["param"] == param
            assert f"`{param}`" in heard.json["error"]["message"]
        assert not w.seen
        assert {event.charge_micro for event in w.events} == {0}
        assert await w.voucher() == before


async def test_a_vendors_dialect_without_the_words_is_named(tmp_path: Path) -> None:
    async with anthropic_world(answers(message()), tmp_path) as w:
        asked = {**ASK, "input": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "{"}]}
        heard = await w.client.call("POST", ROUTE, asked)
        assert_refused(w, heard.status, heard.json, "messages (the last one is the assistant's)")


async def test_an_answer_cannot_be_asked_for_again(tmp_path: Path) -> None:
    async with world(chats(body=answer()), tmp_path, **CHATS) as w:
        made = await w.client.call("POST", ROUTE, ASK)
        at = f"{ROUTE}/{made.json['id']}"
        asked = [("GET", at), ("DELETE", at), ("GET", f"{at}/input_items"), ("POST", f"{at}/cancel")]
        heard = [await w.client.call(method, path) for method, path in asked]
        assert [one.status for one in heard] == [404] * 4
        assert len(w.seen) == 1


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    pieces = [*[chunk("word")] * 300, chunk(finish="stop"), chunk(usage=USAGE), DONE]
    scarce = (voucher(1, 0, share_ppm=1_000_000),)
    async with world(chats(*pieces), tmp_path, vouchers=scarce, **CHATS) as w:
        heard = await w.client.call("POST", ROUTE, STREAM)
        response = whole_of_stream(heard.body)
        assert (response.status, said(response).ending) == ("incomplete", "length")
        assert [item.to_dict()["status"] for item in response.output] == ["incomplete"]
        [event] = w.events
        assert event.end_reason == "voucher_exhausted"
        assert response.usage is not None
        assert response.usage.input_tokens == event.tokens["input"]
        assert response.usage.output_tokens == event.tokens["output"]
        assert heard.frames[-2].startswith(": voucher charge_krw=")
        assert heard.frames[-2].endswith("ended=voucher_exhausted")
        assert heard.frames[-1].startswith("event: response.incomplete\n")


@pytest.mark.parametrize("cut", [False, True])
async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(
    tmp_path: Path, cut: bool
) -> None:
    vendor = messages(
        [start(), begin(0, TEXT), *(WORDS if cut else WORDS[:3]), end(0), finish("end_turn"), STOP],
        pause_s=0.0005,
    )
    async with anthropic_world(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, "metadata": {"a": "b"}})
        response = whole_said(heard.body)
        assert said(response).ending == ("length" if cut else "stop")
        assert (response.id, response.metadata) == ("resp_op1", {"a": "b"})
        assert w.seen[0]["stream"] is True


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    async with anthropic_world(messages([start(), begin(0, TEXT), *WORDS[:20], ERROR]), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, STREAM)
        name, data = heard.frames[-1].split("\n")
        assert (name, json.loads(data[6:])["code"]) == ("event: error", "upstream_error")
        assert not any("response.completed" in frame for frame in heard.frames)
        with pytest.raises(openai.APIError, match="vendor failed"):
            events_of(heard.body)
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(("vendor_status", "status", "code"), FAILURES)
async def test_a_vendors_no(tmp_path: Path, vendor_status: int, status: int, code: str) -> None:
    body = {"error": {"message": "too many tokens", "type": "invalid_request_error", "param": "max_tokens"}}
    async with world(chats(body=body, status=vendor_status), tmp_path, **CHATS) as w:
        heard = await w.client.call("POST", ROUTE, ASK)
        assert (heard.status, heard.json["error"]["code"]) == (status, code)
        with pytest.raises(openai.APIStatusError) as refused:
            client(heard.body, status=heard.status).responses.create(model="p", input="hi")
        assert refused.value.code == code
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_what_is_to_be_kept_goes_to_the_upstream_that_keeps(tmp_path: Path) -> None:
    paths: list[str] = []

    async def vendor(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        if request.path == "/v1/responses":
            return web.json_response({**RESPONSE, "status": "completed", "usage": RESPONSE_USAGE})
        return web.json_response(answer())

    async with world(vendor, tmp_path) as w:
        made = w.directory.products["x1"]
        keeps = made.upstreams[0]
        chats_alone = replace(keeps, target_id="x1/1", vendor="chat-only")
        both = replace(made, upstreams=(replace(keeps, priority=2), chats_alone))
        w.directory.apply(Everything(revision=2, vouchers=(voucher(),), products=(both,)))
        plain = await w.client.call("POST", ROUTE, ASK)
        kept = await w.client.call("POST", ROUTE, {**ASK, "store": True})
        after = await w.client.call("POST", ROUTE, {**ASK, "previous_response_id": kept.json["id"]})
        assert [heard.status for heard in (plain, kept, after)] == [200, 200, 200], after.body
        assert paths == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]
        assert plain.json["id"] == "resp_op1"
