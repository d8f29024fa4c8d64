"""What is asked of Cohere for a caller of another dialect."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given

from providers.facts import BadRequest
from providers.openai.request import read_chat_request
from providers.translation.cohere.ask import ask
from providers.translation.cohere.side import SIDE
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
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.providers.translation.asking import BODY, WEATHER, asked_of, encoded_for
from tests.providers.translation.conversations import conversations

PAIR: Final = pair(OPENAI, SIDE)
asked: Final = partial(asked_of, SIDE)
encoded: Final = partial(encoded_for, SIDE, "command-a-03-2025")
CLOCK: Final = Tool("clock", None, {})
ASKED_CLOCK: Final = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}},
}
ASKED_WEATHER: Final = {
    "type": "function",
    "function": {"name": "weather", "description": "of a town", "parameters": {"type": "object"}},
}


def test_a_conversation_in_its_words() -> None:
    said = asked(
        system=(Text("be brief"), Text("be kind")),
        turns=(
            Turn("user", (
                Text("look"),
                Image(media_type="image/png", data="AAAA"),
                Image(url="https://pictures.example/1.png"),
            )),
            Turn("assistant", (
                Thinking("hm", "sealed"), Text("I "), Text("look"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "clock", "{}"),
            )),
            Turn("user", (
                Text("and?"),
                ToolResult("c1", "weather", (Text("맑음"), Text("20도"))),
                ToolResult("c2", None, (), is_error=True),
            )),
            Turn("assistant", (Thinking("so", None), Text("Clear."))),
            Turn("assistant", (Thinking("nothing said", None),)),
        ),
        tools=(WEATHER, CLOCK),
        shape=AnswerShape({"type": "object"}, "n", strict=True),
        stop=("END",), temperature=0.5, top_p=0.9, top_k=3, seed=7, effort="low",
        presence_penalty=0.1, frequency_penalty=0.2, user="kim",
    )  # fmt: skip
    assert said == {
        "messages": [
            {"role": "system", "content": "be brief\n\nbe kind"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}},
            ]},
            {"role": "assistant", "tool_plan": "I look", "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "weather", "arguments": '{"at":"서울"}'}},
                {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "맑음\n20도"},
            {"role": "tool", "tool_call_id": "c2", "content": "error"},
            {"role": "user", "content": "and?"},
            {"role": "assistant", "content": "Clear."},
        ],
        "tools": [ASKED_WEATHER, ASKED_CLOCK],
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 4096},
        "stop_sequences": ["END"], "temperature": 0.5, "p": 0.9, "k": 3, "seed": 7,
        "presence_penalty": 0.1, "frequency_penalty": 0.2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ({}, {}),
        ({"effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"shape": AnswerShape()}, {"response_format": {"type": "json_object"}}),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("any")}, {"tool_choice": "REQUIRED"}),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("tool", "weather")}, {"tool_choice": "REQUIRED"}),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("none", at_most_one=True)}, {"tool_choice": "NONE"}),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("auto")}, {}),
        ({"tool_choice": ToolChoice("none")}, {}),
        ({"tools": (Tool("weather", "of a town", {"type": "object"}, strict=True),)}, {"strict_tools": True}),
        ({"tools": (Tool("weather", "of a town", {"type": "object"}, strict=False),)}, {}),
    ],
)
def test_single_wishes(said: dict[str, Any], asks: dict[str, Any]) -> None:
    tools = {"tools": [ASKED_WEATHER]} if "tools" in said else {}
    assert asked(**said) == {"messages": [{"role": "user", "content": "hi"}], **tools, **asks}


@pytest.mark.parametrize(
    ("more", "limit", "asks"),
    [
        ({}, None, {}),
        ({"max_tokens": 9}, None, {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, 5, {"max_tokens": 5}),
        ({}, 5, {"max_tokens": 5}),
        ({"reasoning_effort": "low", "max_tokens": 5000}, None,
         {"max_tokens": 5000, "thinking": {"type": "enabled", "token_budget": 4096}}),
        ({"reasoning_effort": "low"}, 100,
         {"max_tokens": 100, "thinking": {"type": "enabled", "token_budget": 50}}),
        ({"reasoning_effort": "none"}, 100, {"max_tokens": 100, "thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "low"}, 1, {"max_tokens": 1, "thinking": {"type": "disabled"}}),
    ],
)  # fmt: skip
def test_limits_are_written_and_only_lowered(
    more: dict[str, Any], limit: int | None, asks: dict[str, Any]
) -> None:
    plain = {"model": "command-a-03-2025", "messages": BODY["messages"], "stream": False}
    assert encoded(output_limit=limit, **more) == plain | asks


def test_a_stream_is_asked_for() -> None:
    assert encoded(stream=True)["stream"] is True
    assert PAIR.path("command-a-03-2025", True) == "/v2/chat"


@given(conversations)
def test_what_is_asked_says_everything(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    assert sum(message["role"] == "tool" for message in body["messages"]) == sum(
        isinstance(part, ToolResult) for turn in said.turns for part in turn.parts
    )
    written = json.dumps(body["messages"], ensure_ascii=False)
    for turn in said.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                assert json.dumps(part.text, ensure_ascii=False)[1:-1] in written
            elif isinstance(part, ToolCall):
                assert json.dumps(part.arguments, ensure_ascii=False)[1:-1] in written
    assert len(body.get("tools", ())) == len(said.tools)


@given(conversations)
def test_what_is_asked_by_way_of_openai_is_the_same(said: Conversation) -> None:
    """There is nobody to hear this dialect, so another is heard: nothing is lost or changed on the way."""

    def outcome(said: Conversation) -> Any:
        try:
            return ask(said)
        except BadRequest as refused:
            return refused.param

    try:
        by_way = {"model": "p", **OPENAI.ask(said)}
        heard = OPENAI.hear(by_way, read_chat_request(by_way, 100), "cohere")
    except BadRequest:
        return
    if heard.turns == said.turns and heard.system == said.system and heard.tools == said.tools:
        assert outcome(heard) == outcome(said)
