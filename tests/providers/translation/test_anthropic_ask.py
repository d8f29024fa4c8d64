"""What is asked of a vendor of Anthropic's dialect, and what cannot be asked of it."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given

from providers.anthropic.request import read_messages_request
from providers.facts import IN_BODY, BadRequest
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.ask import ask
from providers.translation.anthropic.hear import hear
from providers.translation.anthropic.side import SIDE
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from providers.translation.openai import ask as openai_ask
from providers.translation.openai import hear as openai_hear
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.vendor_recordings import WIRE, exchanges
from tests.providers.translation.conversations import conversations

MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
SAID: Final = Conversation(system=(), turns=(Turn("user", (Text("hi"),)),))
WEATHER: Final = Tool("weather", "of a place", {"properties": {"at": {"type": "string"}}}, strict=True)
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def asked(**more: Any) -> dict[str, Any]:
    return ask(Conversation(**{"system": (), "turns": SAID.turns, **more}))


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_what_is_asked() -> None:
    picture = Image(media_type="image/png", data="AAAA")
    said = asked(
        system=(Text("be brief"), Text("")),
        turns=(
            Turn("user", (Text("look"), picture, Image(url="https://pictures.example/1.png"))),
            Turn("assistant", (Thinking("hm", "worthless"), Text(""))),
            Turn("assistant", (ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "weather", ""))),
            Turn("user", (ToolResult("c1", "weather", (Text("맑음"), picture)),)),
            Turn("user", (Text("so?"), ToolResult("c2", None, (), is_error=True))),
        ),
        tools=(WEATHER,),
        tool_choice=ToolChoice("tool", "weather", at_most_one=True),
        shape=AnswerShape(schema={"type": "object"}, name="n", strict=False),
        output_limit=7,
        stop=("END",),
        temperature=1,
        top_p=0.5,
        top_k=3,
        effort="low",
        user="u1",
        presence_penalty=0,
    )
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    url = {"type": "url", "url": "https://pictures.example/1.png"}
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    assert said == {
        "system": [text("be brief")],
        "messages": [
            {"role": "user", "content": [
                text("look"), {"type": "image", "source": source}, {"type": "image", "source": url},
            ]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"at": "서울"}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [
                    text("맑음"), {"type": "image", "source": source},
                ]},
                {"type": "tool_result", "tool_use_id": "c2", "is_error": True},
                text("so?"),
            ]},
        ],
        "tools": [
            {"name": "weather", "description": "of a place", "input_schema": schema, "strict": True},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive"},
        "output_config": {
            "effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}},
        },
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "temperature": 1,
        "top_p": 0.5,
        "top_k": 3,
        "metadata": {"user_id": "u1"},
    }  # fmt: skip


def test_what_was_not_said_is_not_asked() -> None:
    assert asked() == {"messages": [{"role": "user", "content": [text("hi")]}]}
    assert asked(tool_choice=ToolChoice("auto", at_most_one=True)) == asked()
    assert asked(effort="none")["thinking"] == {"type": "disabled"}
    choice = asked(tools=(WEATHER,), tool_choice=ToolChoice("none", at_most_one=True))["tool_choice"]
    assert choice == {"type": "none"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"seed": 0}, "seed"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": -0.1}, "frequency_penalty"),
        ({"temperature": 1.01}, "temperature"),
        ({"effort": "minimal"}, "reasoning_effort"),
        ({"shape": AnswerShape()}, "response_format"),
        ({"turns": ()}, "messages (none but the system's)"),
        ({"turns": (Turn("user", (Text(""),)),)}, "messages (none but the system's)"),
        (
            {"turns": (*SAID.turns, Turn("assistant", (Text("so"),)))},
            "messages (the last one is the assistant's)",
        ),
        (
            {"turns": (Turn("assistant", (ToolCall("c", "t", "[1]"),)), *SAID.turns)},
            "messages (arguments of a tool that are no JSON object)",
        ),
        (
            {"turns": (Turn("assistant", (ToolCall("c", "t", '{"a'),)), *SAID.turns)},
            "messages (arguments of a tool that are no JSON object)",
        ),
        (
            {"turns": (Turn("assistant", (Image(url="https://p.example"),)), *SAID.turns)},
            "messages (a picture or a result of the assistant's)",
        ),
        ({"turns": (Turn("user", (ToolCall("c", "t", "{}"),)),)}, "messages (a tool call of the user's)"),
    ],
)
def test_what_cannot_be_asked_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


def heard(body: dict[str, Any]) -> Conversation:
    body = {"model": "m", "max_tokens": 9, **body}
    return hear(body, read_messages_request(body, 1000, IN_BODY), "other")


def put(said: Conversation) -> dict[str, Any] | None:
    """As it would be asked with the gateway's own limit where there is none."""
    try:
        return {"max_tokens": 9, **ask(said)}
    except BadRequest as refused:
        assert refused.message_ko
        return None


@given(conversations)
def test_what_was_asked_is_asked_again(said: Conversation) -> None:
    """What we ask is heard as what we were asked, so that we would ask the same again."""
    body = put(said)
    if body is not None:
        assert put(heard(body)) == body


@given(conversations)
def test_roles_alternate_and_nothing_is_empty(said: Conversation) -> None:
    body = put(said)
    for index, message in enumerate(body["messages"] if body is not None else ()):
        assert message["content"]
        if index:
            assert message["role"] != body["messages"][index - 1]["role"]
        kinds = [block["type"] for block in message["content"]]
        assert kinds == sorted(kinds, key="tool_result".__ne__)
        assert all(block["text"] for block in message["content"] if block["type"] == "text")


@given(conversations)
def test_all_that_is_said_is_asked(said: Conversation) -> None:
    """Texts, calls and results, in any order but that results come first."""
    body = put(said)
    if body is None:
        return
    blocks = [block for message in body["messages"] for block in message["content"]]
    parts = [part for turn in said.turns for part in turn.parts]
    texts = [part.text for part in parts if isinstance(part, Text) and part.text]
    assert sorted(block["text"] for block in blocks if block["type"] == "text") == sorted(texts)
    calls = [(p.call_id, p.name, json.loads(p.arguments)) for p in parts if isinstance(p, ToolCall)]
    assert [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"] == calls
    results = [(part.call_id, part.is_error) for part in parts if isinstance(part, ToolResult)]
    asked = [(b["tool_use_id"], b.get("is_error", False)) for b in blocks if b["type"] == "tool_result"]
    assert asked == results


@recorded
def test_recorded_requests_are_asked_again() -> None:
    understood, refused = 0, []
    for exchange in exchanges(*MESSAGES):
        body = exchange["request"]["body"]
        if type(body) is not dict or exchange["response"]["status"] >= 400:
            continue
        try:
            said = heard(body)
        except BadRequest as bad:
            refused.append(bad.param)
            continue
        first = ask(said)
        assert ask(heard(first)) == first, exchange["id"]
        understood += 1
    assert understood > 60, refused
    assert not [param for param in refused if param in ("messages", "max_tokens", "tools")]


@recorded
def test_what_callers_of_openai_ask_is_asked() -> None:
    """And said back in their words, but for what the dialect has no place for."""
    understood = 0
    for exchange in exchanges("openai.chat"):
        body = exchange["request"]["body"]
        if type(body) is not dict or "messages" not in body:
            continue
        try:
            facts = read_chat_request(body, 1000)
            said = openai_hear.hear(body, facts, "anthropic")
            first = ask(said)
        except BadRequest:
            continue
        assert ask(heard(first)) == {**first, "max_tokens": first.get("max_tokens", 9)}, exchange["id"]
        understood += 1
    assert understood > 200


@recorded
def test_what_anthropics_callers_ask_is_asked_of_openai() -> None:
    understood = 0
    for exchange in exchanges(*MESSAGES):
        body = exchange["request"]["body"]
        if type(body) is not dict or exchange["response"]["status"] >= 400:
            continue
        try:
            first = openai_ask.ask(heard(body))
        except BadRequest:
            continue
        again = {"model": "m", **first}
        said = openai_hear.hear(again, read_chat_request(again, 1000), "anthropic")
        assert openai_ask.ask(said) == first, exchange["id"]
        understood += 1
    assert understood > 60



@pytest.mark.parametrize(("own", "limit", "sent"), [(None, 50, 50), (20, 50, 20), (80, 50, 50), (20, None, 20)])
def test_the_vendor_gets_a_limit_always(own: int | None, limit: int | None, sent: int) -> None:
    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}
    facts = read_chat_request(body if own is None else {**body, "max_tokens": own}, 100)
    operation = pair(OPENAI, SIDE)
    assert operation.needs_limit
    out = operation.encode(
        body, facts=facts, upstream_model="vendor-model", stream=True, output_limit=limit, quirks=NO_QUIRKS
    )
    said = orjson.loads(out)
    assert (said["model"], said["stream"], said["max_tokens"]) == ("vendor-model", True, sent)
    assert operation.path("vendor-model", True) == "/v1/messages"
