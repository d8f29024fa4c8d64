"""Callers who speak Gemini's dialect, on vendors who speak OpenAI's or Anthropic's: to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.fakes.gateway_world import Vendor, answer, chunk, voucher, world
from tests.fakes.gemini_vendor import ARRAY, ASK, EVENTS, MODELS, chunks_in, reason_of
from tests.fakes.gemini_vendor import ask as asked
from tests.gateway.test_anthropic import ONE_WON, anthropic_world, message, streams
from tests.gateway.test_anthropic import answers as messages
from tests.gateway.test_translation_anthropic import untouched
from tests.gateway.test_translation_from_anthropic import DONE, USAGE, chats
from tests.providers.anthropic.talk import STOP, TALK, begin, delta, end, finish, start
from tests.providers.translation.sdk_gemini import whole_of_stream, whole_said

WHOLE: Final = f"{MODELS}:generateContent"
WEATHER: Final = {"name": "weather", "parameters": {"type": "OBJECT"}}
FAILURES: Final = [
    (400, 400, "upstream_rejected", "INVALID_ARGUMENT"),
    (429, 429, "upstream_rate_limited", "RESOURCE_EXHAUSTED"),
    (500, 502, "upstream_error", "UNAVAILABLE"),
]


async def test_a_whole_answer(tmp_path: Path) -> None:
    async with world(chats(body=answer(10, 5)), tmp_path) as w:
        system = {"parts": [{"text": "be brief"}]}
        heard = await asked(w, WHOLE, {**ASK, "system_instruction": system})
        assert heard.status == 200, heard.body
        assert heard.json == {
            "candidates": [
                {
                    "content": {"parts": [{"text": "hello"}], "role": "model"},
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "modelVersion": "x1",
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
            "responseId": "chatcmpl-1",
        }
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert w.seen[0]["messages"] == [
            {"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"},
        ]  # fmt: skip
        assert [event.meta.dialect for event in w.events] == ["gemini"]


THOUGHT: Final = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
SAID: Final = {"type": "text", "text": "hello"}


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({}, [{"text": "hello"}]),
        ({"thinking_config": {"include_thoughts": False}}, [{"text": "hello"}]),
        ({"thinkingConfig": {"includeThoughts": True}}, [{"text": "hm", "thought": True}, {"text": "hello"}]),
    ],
)
@pytest.mark.parametrize("is_scarce", [False, True])
async def test_thoughts_are_told_to_whoever_asks_for_them(
    tmp_path: Path, config: dict[str, Any], parts: list[Any], is_scarce: bool
) -> None:
    """A caller that did not would take them for the answer."""
    if is_scarce:
        thinks = [begin(0, {**THOUGHT, "thinking": ""}), delta(0, "thinking_delta", thinking="hm"), end(0)]
        said = [start(), *thinks, begin(1, SAID), end(1), finish("end_turn"), STOP]
        vendor, paying = streams(said), ONE_WON
    else:
        vendor, paying = messages(message(content=[THOUGHT, SAID])), voucher()
    async with anthropic_world(vendor, tmp_path, vouchers=(paying,)) as w:
        heard = await asked(w, WHOLE, {**ASK, "generationConfig": {"maxOutputTokens": 4000, **config}})
        assert heard.json["candidates"][0]["content"]["parts"] == parts
        assert ("stream" in w.seen[0] and w.seen[0]["stream"]) is is_scarce


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
@pytest.mark.parametrize("thought", ["", '생각 of "it"'])
async def test_a_stream_ends_after_its_settlement(path: str, thought: str, tmp_path: Path) -> None:
    async with anthropic_world(streams(TALK), tmp_path) as w:
        thinking = {"thinkingConfig": {"includeThoughts": thought != ""}}
        heard = await asked(w, path, {**ASK, "generationConfig": thinking})
        *said, last = chunks_in(heard, path)
        assert "finishReason" not in str(said)
        assert last["candidates"][0]["finishReason"] == "STOP"
        assert last["usageMetadata"]["totalTokenCount"] == 16
        assert b"voucher" not in heard.body, "no comment can stand in it"
        if path == EVENTS:
            told = whole_of_stream(heard.body.replace(b'"x1"', b'"p"'))
            assert (told.text, told.thought, told.ending) == ("안녕, hello\n", thought, "stop")
        assert (w.events[0].charge_micro, w.events[0].estimated) == (37_000, False)
        assert w.seen[0]["max_tokens"] == 4096  # the product's: this vendor must be told one


async def test_the_end_waits_for_the_settlement(tmp_path: Path) -> None:
    """A client that leaves before the end has not seen it."""
    async with anthropic_world(streams(TALK, pause_s=0.02), tmp_path) as w:
        heard = await asked(w, EVENTS, leave_after=1)
        assert b"finishReason" not in heard.body
        assert (w.events[0].charge_micro, w.events[0].client_gone) == (37_000, True)


def weather_called(*, streamed: bool) -> Vendor:
    """A vendor of OpenAI's dialect that calls a function, its arguments in two pieces where it streams."""
    call = {"index": 0, "id": "c1", "type": "function"}
    pieces = [{**call, "function": {"name": "weather", "arguments": '{"at":'}},
              {"index": 0, "function": {"arguments": '"서울"}'}}]  # fmt: skip
    whole = {**answer(10, 5), "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "tool_calls": [
            {**call, "function": {"name": "weather", "arguments": '{"at":"서울"}'}},
        ],
    }}]}  # fmt: skip
    said = [
        b"data: "
        + orjson.dumps({"id": "r", "choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
        + b"\n\n"
        for piece in pieces
    ]
    if streamed:
        return chats(*said, chunk(finish="tool_calls"), chunk(usage=USAGE), DONE)
    return chats(body=whole)


@pytest.mark.parametrize("path", [WHOLE, EVENTS])
async def test_a_function_is_called_and_answers(path: str, tmp_path: Path) -> None:
    vendor = weather_called(streamed=path != WHOLE)
    tools = {
        "tools": [{"functionDeclarations": [WEATHER]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    async with world(vendor, tmp_path) as w:
        heard = await asked(w, path, {**ASK, **tools})
        body = heard.body.replace(b'"x1"', b'"p"')
        told = whole_said(body) if path == WHOLE else whole_of_stream(body)
        assert (told.ending, told.told()["calls"]) == ("stop", [["c1", "weather", {"at": "서울"}]])
        turns = [
            *ASK["contents"],
            {"role": "model", "parts": [
                {"functionCall": {"name": "weather", "args": {"at": "서울"}}, "thoughtSignature": "c2ln"},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "weather", "response": {"output": "맑음"}}},
            ]},
        ]  # fmt: skip
        await asked(w, path, {"contents": turns, **tools})
        first, second = w.seen
        assert first["tools"] == [
            {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
        ]
        assert first["tool_choice"] == "required"
        called, answered = second["messages"][1:]
        assert answered == {
            "role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "맑음",
        }  # fmt: skip
        assert [event.status for event in w.events] == ["settled", "settled"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({"somethingNew": 1}, "somethingNew"),
    ],
)
async def test_what_the_vendor_cannot_be_asked_is_refused(
    tmp_path: Path, more: dict[str, Any], param: str
) -> None:
    async with world(chats(body=answer()), tmp_path) as w:
        heard = await asked(w, EVENTS, {**ASK, **more})
        assert (heard.status, reason_of(heard.json)) == (400, "invalid_request")
        assert f"`{param}`" in heard.json["error"]["message"]
        assert not w.seen
        assert [(event.status, event.charge_micro) for event in w.events] in ([], [("released", 0)])
        assert await w.voucher() == await untouched(tmp_path / "fresh")


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_the_balance_ends_in_mid_stream(path: str, tmp_path: Path) -> None:
    pieces = [*[chunk("word")] * 300, chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await asked(w, path, {**ASK, "generationConfig": {"maxOutputTokens": 4000}})
        *said, last = chunks_in(heard, path)
        assert 50 < len(said) < 300
        assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"
        [event] = w.events
        assert last["usageMetadata"]["candidatesTokenCount"] == event.tokens["output"]
        assert last["usageMetadata"]["promptTokenCount"] == event.tokens["input"]
        assert (event.end_reason, event.charge_micro <= 1_000_000) == ("voucher_exhausted", True)


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    pieces = [chunk("hel"), chunk("lo"), chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await asked(w, WHOLE, {**ASK, "generationConfig": {"maxOutputTokens": 4000}})
        told = whole_said(heard.body.replace(b'"x1"', b'"p"'))
        assert (told.text, told.ending) == ("hello", "stop")
        assert w.seen[0]["stream"] is True


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_a_vendor_that_fails_in_mid_stream(path: str, tmp_path: Path) -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    async with world(chats(chunk("word"), error, DONE), tmp_path) as w:
        heard = await asked(w, path)
        first, last = chunks_in(heard, path)
        assert first["candidates"][0]["content"]["parts"] == [{"text": "word"}]
        assert (last["error"]["code"], reason_of(last)) == (502, "upstream_error")
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(("vendor_status", "status", "code", "word"), FAILURES)
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, vendor_status: int, status: int, code: str, word: str
) -> None:
    no = {"type": "error", "error": {"type": "some_error", "message": "max_tokens: too many"}}
    async with anthropic_world(messages(no, status=vendor_status), tmp_path) as w:
        heard = await asked(w, WHOLE)
        assert (heard.status, reason_of(heard.json), heard.json["error"]["status"]) == (status, code, word)
        assert ("too many" in heard.json["error"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_there_are_no_embeddings_of_a_vendor_that_has_none(tmp_path: Path) -> None:
    async with anthropic_world(messages(message()), tmp_path) as w:
        heard = await asked(w, f"{MODELS}:embedContent", {"content": {"parts": [{"text": "hi"}]}})
        assert (heard.status, reason_of(heard.json)) == (400, "purpose_mismatch")
        assert not w.seen
