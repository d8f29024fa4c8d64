"""What CLOVA Studio's callers say, heard; and what asks for nothing."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given

from providers.clova.request import read_chat_request, read_chat_v1_request
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.openai.request import read_chat_request as read_openai_request
from providers.translation.clova.ask import ask
from providers.translation.clova.hear import hear, hear_v1
from providers.translation.clova.result import remember
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
from providers.translation.openai import hear as openai_hear
from tests.fakes.vendor_recordings import WIRE, exchanges
from tests.providers.clova.exchanges import CALL
from tests.providers.translation.conversations import conversations

HI: Final = {"role": "user", "content": "hi"}
WEATHER: Final[dict[str, Any]] = {"type": "function", "function": {"name": "weather"}}
CLOSED: Final = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
RICH: Final[dict[str, Any]] = {
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "imageUrl": {"url": "https://pictures.example/1.png"}},
            {"type": "image_url", "dataUri": {"data": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": "hm", "thinkingContent": "t", "toolCalls": [
            {"id": "c", "type": "function", "function": {"name": "n", "arguments": {"at": 1}}},
        ]},
        {"role": "tool", "toolCallId": "c", "content": [{"type": "text", "text": "맑음"}]},
        {"role": "user", "content": "again"},
    ],
    "tools": [{"type": "function", "function": {
        "name": "n", "description": "d", "parameters": {"type": "object"},
    }}],
    "toolChoice": {"type": "function", "function": {"name": "n"}}, "thinking": {"effort": "low"},
    "responseFormat": {"type": "json", "schema": {"type": "object"}},
    "stop": ["END"], "temperature": 0.5, "topP": 0.9, "topK": 3, "seed": 5, "maxTokens": 9,
}  # fmt: skip
RICH_V1: Final[dict[str, Any]] = {
    **{name: RICH[name] for name in ("messages", "temperature", "topP", "topK", "seed", "maxTokens")},
    "stopBefore": ["END"],
}


def facts(body: dict[str, Any]) -> RequestFacts:
    return read_chat_request(body, 100, Spoken(model="p"))


def hear_body(body: dict[str, Any]) -> Conversation:
    return hear(body, facts(body), "other")


def hear_body_v1(body: dict[str, Any]) -> Conversation:
    return hear_v1(body, read_chat_v1_request(body, 100, Spoken(model="p")), "other")


def heard(**more: Any) -> Conversation:
    return hear_body({"messages": [HI], **more})


def heard_v1(**more: Any) -> Conversation:
    return hear_body_v1({"messages": [HI], **more})


def user(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def picture(**fields: Any) -> dict[str, Any]:
    return {"type": "image_url", **fields}


def test_a_conversation() -> None:
    said = heard(
        messages=[
            {"role": "system", "content": [{"type": "text", "text": "be brief"}]},
            HI,
            {"role": "assistant", "content": "", "thinkingContent": "hm", "toolCalls": [CALL]},
            {"role": "tool", "toolCallId": "call_1", "content": "맑음"},
            {"role": "tool", "toolCallId": "c9", "content": [{"type": "text", "text": "비"}]},
        ],
        topP=0.8, topK=3, maxTokens=9, temperature=0.5, seed=7, stop=["END"], thinking={"effort": "low"},
        tools=[WEATHER], toolChoice="auto", responseFormat={"type": "json", "schema": CLOSED},
        stream=True, model="other",
    )  # fmt: skip
    assert said == Conversation(
        system=(Text("be brief"),),
        turns=(
            Turn("user", (Text("hi"),)),
            Turn("assistant", (Thinking("hm"), Text(""), ToolCall("call_1", "weather", '{"a":"서울"}'))),
            Turn("user", (
                ToolResult("call_1", "weather", (Text("맑음"),)), ToolResult("c9", None, (Text("비"),)),
            )),
        ),
        tools=(Tool("weather", None, {}),), tool_choice=ToolChoice("auto"),
        shape=AnswerShape(CLOSED, strict=True), output_limit=9, stop=("END",), temperature=0.5, top_p=0.8,
        top_k=3, seed=7, effort="low",
    )  # fmt: skip


def test_a_conversation_of_v1() -> None:
    said = heard_v1(topP=0.8, maxTokens=9, temperature=0.1, stopBefore=["###"], repeatPenalty=5.0)
    assert said == Conversation(
        system=(), turns=(Turn("user", (Text("hi"),)),), output_limit=9, stop=("###",), temperature=0.1,
        top_p=0.8,
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"topK": 0}, {"seed": 0}, {"stop": []}, {"tools": []}, {"responseFormat": {"type": "text"}},
        {"repetitionPenalty": 1}, {"repetitionPenalty": 1.0}, {"repetitionPenalty": 1.1}, {"thinking": {}},
        {"includeAiFilters": False}, {"includeAiFilters": True}, {"stream": False}, {"model": "other"},
        {"toolChoice": None}, {"temperature": None}, {"somethingNew": None},
    ],
)  # fmt: skip
def test_what_says_nothing(more: dict[str, Any]) -> None:
    assert heard(**more) == heard()


@pytest.mark.parametrize("more", [{"repeatPenalty": 5.0}, {"repeatPenalty": 0}, {"stopBefore": []}])
def test_what_says_nothing_in_v1(more: dict[str, Any]) -> None:
    assert heard_v1(**more) == heard_v1()


@pytest.mark.parametrize(
    ("part", "image"),
    [
        (picture(imageUrl={"url": "https://p.example/1.png"}), Image(url="https://p.example/1.png")),
        (picture(imageUrl="https://p.example/1.png"), Image(url="https://p.example/1.png")),
        (picture(imageUrl={"url": "data:image/png;base64,AAAA"}), Image("image/png", "AAAA")),
        (picture(dataUri={"data": "data:image/webp;base64,AAAA"}), Image("image/webp", "AAAA")),
        (picture(dataUri={"data": "iVBORw0KGgoAAAA"}), Image("image/png", "iVBORw0KGgoAAAA")),
        (picture(dataUri={"data": "/9j/4AAQ"}, imageUrl=None), Image("image/jpeg", "/9j/4AAQ")),
    ],
)
def test_a_picture(part: dict[str, Any], image: Image) -> None:
    assert heard(**user(part)).turns == (Turn("user", (image,)),)


@pytest.mark.parametrize("effort", ["none", "low", "medium", "high"])
def test_how_much_to_think(effort: str) -> None:
    assert heard(thinking={"effort": effort}).effort == effort


@pytest.mark.parametrize(
    ("choice", "meant"),
    [("none", ToolChoice("none")), (WEATHER, ToolChoice("tool", "weather"))],
)
def test_which_tool(choice: Any, meant: ToolChoice) -> None:
    assert heard(toolChoice=choice, tools=[WEATHER]).tool_choice == meant


def test_a_schema_binds_elsewhere_where_it_leaves_nothing_open() -> None:
    open_one = {"type": "object", "properties": {"at": {"type": "string"}}}
    assert heard(responseFormat={"type": "json", "schema": open_one}).shape == AnswerShape(open_one)


def test_arguments_may_be_a_text() -> None:
    call = {**CALL, "function": {"name": "n", "arguments": '{"at": 1}'}}
    said = heard(messages=[HI, {"role": "assistant", "content": "", "toolCalls": [call]}])
    assert said.turns[1].parts[1] == ToolCall("call_1", "n", '{"at": 1}')


@pytest.mark.parametrize(
    ("thinking", "is_told"),
    [(None, True), ({}, True), ({"effort": "low"}, True), ({"effort": "none"}, False)],
)
def test_what_is_thought_aloud_is_told_unless_none_is_wanted(thinking: Any, is_told: bool) -> None:
    body = {"messages": [HI], "thinking": thinking}
    assert facts(body).include_thoughts is is_told
    assert not read_chat_v1_request(body, 100, Spoken(model="p")).include_thoughts


@pytest.mark.parametrize(
    ("more", "repeats"),
    [
        ({}, b"{}"), ({"seed": 7}, b'{"seed":7}'), ({"seed": None, "includeAiFilters": False}, b"{}"),
        ({"includeAiFilters": True}, b'{"includeAiFilters":true}'),
    ],
)  # fmt: skip
def test_what_an_answer_says_of_its_request(more: dict[str, Any], repeats: bytes) -> None:
    told = remember(facts({"messages": [HI]}), more, "op1", 7)
    assert (told.op, told.began_s, told.repeats) == ("op1", 7, repeats)


def put(said: Conversation) -> dict[str, Any] | None:
    try:
        return ask(said)
    except BadRequest:
        return None


@given(conversations)
def test_what_was_asked_is_asked_again(said: Conversation) -> None:
    """What we ask is heard as what we were asked, so that we would ask the same again."""
    body = put(said)
    if body is not None and body["messages"]:
        assert ask(hear(body, facts(body), "other")) == body


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_what_openais_callers_ask_is_asked_again() -> None:
    understood = 0
    for exchange in exchanges():
        body = exchange["request"]["body"]
        if type(body) is not dict or "messages" not in body:
            continue
        try:
            first = ask(openai_hear.hear(body, read_openai_request(body, 1000), "clova"))
        except BadRequest:
            continue
        assert ask(hear(first, facts(first), "other")) == first, exchange["id"]
        understood += 1
    assert understood > 200
