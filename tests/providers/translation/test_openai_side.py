"""OpenAI's chat understood and said again: a pair with itself must say what was said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.facts import BadRequest
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS, quirks_for
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from providers.translation.openai.ask import ask
from providers.translation.openai.hear import hear
from providers.translation.openai.side import SIDE
from providers.translation.pairing import pair
from tests.fakes.vendor_recordings import WIRE, answers, body_of, exchanges, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, put_through

PAIR = pair(SIDE, SIDE)
HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def heard(**more: Any) -> Conversation:
    body = {**HI, **more}
    return hear(body, read_chat_request(body, 100), "other")


def test_what_is_heard() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"at":"서울"}'}}
    said = heard(
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": "c2"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "맑음"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "비"}]},
        ],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        tool_choice="required",
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        stop="END",
        max_tokens=7,
        reasoning_effort="low",
    )  # fmt: skip
    assert said == Conversation(
        system=(Text("be brief"),),
        turns=(
            Turn("user", (
                Text("look"),
                Image(media_type="image/png", data="AAAA"),
                Image(url="https://pictures.example/1.png"),
            )),
            Turn("assistant", (
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "weather", '{"at":"서울"}'),
            )),
            Turn("user", (
                ToolResult("c1", "weather", (Text("맑음"),)), ToolResult("c2", "weather", (Text("비"),)),
            )),
        ),
        tools=(Tool("weather", None, {"type": "object"}),),
        tool_choice=ToolChoice("any", at_most_one=True),
        shape=AnswerShape(schema={"type": "object"}, name="n"),
        output_limit=7,
        stop=("END",),
        effort="low",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"web_search_options": {}}, "web_search_options"),
        ({"logprobs": True}, "logprobs"),
        ({"something_new": 1}, "something_new"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"reasoning_effort": "xhigh"}, "reasoning_effort"),
        ({"messages": [*HI["messages"], {"role": "system", "content": "late"}]}, "messages[1].role"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": "x", "name": "kim"}]}, "messages[0].name"),
        ({"stop": 3}, "stop"),
        ({"temperature": "hot"}, "temperature"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
    ],
)
def test_what_cannot_be_said_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        heard(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


@pytest.mark.parametrize(
    "more", [{"something_new": None}, {"logprobs": False}, {"metadata": {"a": "b"}}, {"service_tier": "auto"}]
)
def test_what_says_nothing_is_no_reason_to_refuse(more: dict[str, Any]) -> None:
    assert heard(**more) == heard()


@pytest.mark.parametrize(
    ("vendor", "said", "ours", "sent"),
    [
        (None, {}, None, {}),
        (None, {"max_completion_tokens": 9}, None, {"max_tokens": 9}),
        (
            "openai",
            {"max_tokens": 9},
            None,
            {"max_completion_tokens": 9},
        ),  # its newer models refuse the other
        ("openai", {"max_tokens": 9}, 5, {"max_completion_tokens": 5}),
        ("openai", {"max_tokens": 5}, 9, {"max_completion_tokens": 5}),
    ],
)
def test_the_limit_is_named_as_the_vendor_wants_it(
    vendor: str | None, said: dict[str, Any], ours: int | None, sent: dict[str, int]
) -> None:
    body = {**HI, **said}
    written = PAIR.encode(
        body,
        facts=read_chat_request(body, 100),
        upstream_model="m",
        stream=False,
        output_limit=ours,
        quirks=quirks_for(vendor),
    )
    asked = json.loads(written)
    assert {name: asked[name] for name in asked if name.startswith("max")} == sent


@recorded
def test_what_was_asked_is_asked_again() -> None:
    """What we ask is heard as what we were asked, so that we would ask the same again."""
    understood = 0
    for exchange in exchanges():
        body = exchange["request"]["body"]
        if type(body) is not dict or "messages" not in body:
            continue
        try:
            facts = read_chat_request(body, 1000)
            said = hear(body, facts, "other")
        except BadRequest:
            continue
        again = {"model": "m", **ask(said)}
        assert ask(hear(again, read_chat_request(again, 1000), "other")) == ask(said), exchange["id"]
        understood += 1
    assert understood > 300


@recorded
def test_a_stream_says_what_it_said() -> None:
    assert PAIR.fold is not None
    facts = read_chat_request({**HI, "stream": True, "stream_options": {"include_usage": True}}, 100)
    for exchange in streams():
        seen = set()
        for reads in reads_of(exchange).values():
            fold = PAIR.fold("p", facts, NO_QUIRKS)
            frames = put_through(fold, reads)
            if fold.error is None:
                frames.append(fold.owed_frames() + fold.terminal())
            seen.add(b"".join(frames))
        assert len(seen) == 1, exchange["id"]
        if b'"error"' not in body_of(exchange):
            assert _said(chunks_of(seen.pop())) == _said(chunks_of(body_of(exchange))), exchange["id"]


def _said(chunks: list[dict[str, Any]]) -> dict[tuple[int, str], str]:
    """What each choice said, by kind: text, thought, and the names and arguments of calls."""
    said: dict[tuple[int, str], str] = {}
    for chunk in chunks:
        for position, choice in enumerate(chunk.get("choices") or []):
            index = choice["index"] if type(choice.get("index")) is int else position
            delta = choice.get("delta") or {}
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            pieces = [
                ("content", delta.get("content")),
                ("content", delta.get("refusal")),
                ("thought", thought),
            ]
            for part in delta["content"] if type(delta.get("content")) is list else []:  # Mistral
                pieces.append(("content", part.get("text")))
                pieces += [("thought", thought["text"]) for thought in part.get("thinking", ())]
            for call in delta.get("tool_calls") or []:
                function = call.get("function") or {}
                pieces += [("name", function.get("name")), ("arguments", function.get("arguments"))]
            for kind, piece in pieces:
                if type(piece) is str and piece:
                    said[index, kind] = said.get((index, kind), "") + piece
    return said


@recorded
def test_an_answer_says_what_it_said() -> None:
    for exchange in answers():
        if exchange["protocol"] != "openai.chat":
            continue
        answer = PAIR.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
        if answer.error is not None:
            continue
        ours, theirs = json.loads(answer.body), json.loads(body_of(exchange))
        assert ours["model"] == "p"
        for mine, its in zip(ours["choices"], theirs.get("choices") or [], strict=True):
            message = its.get("message") or {}
            spoken = (message.get("audio") or {}).get("transcript")
            content = message.get("content") or message.get("refusal") or spoken or ""
            if type(content) is str:
                assert (mine["message"]["content"] or "") == content, exchange["id"]
            calls = message.get("tool_calls") or []
            names = [call["function"]["name"] for call in calls if "function" in call]
            assert [call["function"]["name"] for call in mine["message"].get("tool_calls", [])] == names


def test_a_tool_that_failed_says_so_at_least() -> None:
    for texts, said in [((), "error"), ((Text("no such city"),), "no such city")]:
        turn = Turn("user", (ToolResult("c1", "weather", texts, is_error=True),))
        [message] = ask(Conversation(system=(), turns=(turn,)))["messages"]
        assert message == {"role": "tool", "tool_call_id": "c1", "content": said}


def test_content_nested_too_deeply_to_be_written_is_not_said() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    body = b'{"choices":[{"index":0,"message":{"content":' + deep + b'},"finish_reason":"stop"}]}'
    answer = PAIR.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] is None


def test_the_vendors_sign_of_life_is_passed_on_until_the_end() -> None:
    assert PAIR.fold is not None
    fold = PAIR.fold("p", read_chat_request({**HI, "stream": True}, 100), NO_QUIRKS)
    assert fold.feed(b": VENDOR PROCESSING\n\n") == b": keep-alive\n\n"
    fold.feed(b"data: [DONE]\n\n")
    assert fold.feed(b": voucher charge_krw=0\n\n") == b""


@recorded
def test_an_assembled_stream_is_said_as_an_answer() -> None:
    assert PAIR.assembler is not None
    facts = read_chat_request(HI, 100)
    for exchange in streams():
        assembler = assemble(PAIR.assembler("p", facts, NO_QUIRKS), [body_of(exchange)])
        answer = json.loads(assembler.answer())
        assert answer["object"] == "chat.completion"
        if assembler.usage is not None:
            assert answer["usage"]["completion_tokens"] == assembler.usage.output_total, exchange["id"]
