"""What is asked of Bedrock for callers of other dialects."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from typing import Any, Final

import orjson
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings

from providers.anthropic.request import read_messages_request
from providers.facts import IN_BODY, BadRequest
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.ask import ask
from providers.translation.bedrock.side import SIDE
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
from tests.fakes.any_json import documents
from tests.providers.bedrock.messages import (
    service,
)
from tests.providers.translation.asking import HI, WEATHER, asked_of
from tests.providers.translation.conversations import conversations

PAIR: Final = pair(OPENAI, SIDE)
asked: Final = partial(asked_of, SIDE)
PNG: Final = Image(media_type="image/png", data="AAAA")
CALLS: Final = (
    *HI,
    Turn("assistant", (ToolCall("c1", "weather", "{}"),)),
    Turn("user", (ToolResult("c1", "weather", (Text("맑음"),)),)),
)


def test_a_conversation_in_its_words() -> None:
    said = asked(
        system=(Text("be brief"), Text(" "), Text("be kind")),
        turns=(
            Turn("user", (Text("look"), PNG, Text(""))),
            Turn("user", (Text("here"),)),
            Turn("assistant", (
                Thinking("hm", "sealed"), Text("I look"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "now", ""),
            )),
            Turn("user", (
                Text("and?"),
                ToolResult("c1", "weather", (Text("맑음"), PNG, Text(" \n"))),
                ToolResult("c2", None, (), is_error=True),
            )),
        ),
        tools=(WEATHER, Tool("now", None, {}, strict=True)),
        tool_choice=ToolChoice("tool", "now"),
        shape=AnswerShape({"type": "object"}, "town", strict=True),
        stop=("END",), temperature=0.5, top_p=0.9, effort="low", output_limit=9, user="kim",
    )  # fmt: skip
    picture = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    assert said == {
        "system": [{"text": "be brief"}, {"text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"text": "look"}, picture, {"text": "here"}]},
            {"role": "assistant", "content": [
                {"text": "I look"},
                {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"at": "서울"}}},
                {"toolUse": {"toolUseId": "c2", "name": "now", "input": {}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "c1", "status": "success",
                                "content": [{"text": "맑음"}, picture]}},
                {"toolResult": {"toolUseId": "c2", "content": [], "status": "error"}},
                {"text": "and?"},
            ]},
        ],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "weather", "description": "of a town",
                              "inputSchema": {"json": {"type": "object"}}}},
                {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}, "strict": True}},
            ],
            "toolChoice": {"tool": {"name": "now"}},
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"name": "town", "schema": '{"type":"object"}'}},
            },
            "effort": "low",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({}, "inferenceConfig", None),
        ({"presence_penalty": 0.0, "frequency_penalty": 0}, "inferenceConfig", None),
        ({"temperature": 0}, "inferenceConfig", {"temperature": 0}),
        ({"user": "kim"}, "requestMetadata", None),
        ({"effort": "high"}, "outputConfig", {"effort": "high"}),
        # A choice among no tools says nothing, and none is called where none is told of.
        ({"tool_choice": ToolChoice("auto", at_most_one=True)}, "toolConfig", None),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("none", at_most_one=True)}, "toolConfig", None),
        ({"turns": CALLS, "tool_choice": ToolChoice("none")}, "toolConfig", None),
    ],
)
def test_one_word_of_a_conversation(said: dict[str, Any], field: str, value: Any) -> None:
    assert asked(**said).get(field) == value


@pytest.mark.parametrize(
    ("choice", "said"),
    [(ToolChoice("auto"), {"auto": {}}), (ToolChoice("any"), {"any": {}}), (None, None)],
)
def test_a_choice_of_tools(choice: ToolChoice | None, said: Any) -> None:
    assert asked(tools=(WEATHER,), tool_choice=choice)["toolConfig"].get("toolChoice") == said


def test_a_tool_without_a_word_about_it() -> None:
    [said] = asked(tools=(Tool("now", "", {"type": "object"}, strict=False),))["toolConfig"]["tools"]
    assert said == {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}, "strict": False}}


@pytest.mark.parametrize(
    ("media_type", "form"),
    [("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/GIF", "gif"), ("image/webp", "webp")],
)
def test_pictures(media_type: str, form: str) -> None:
    said = asked(turns=(Turn("user", (Image(media_type=media_type, data="AA"),)),))
    assert said["messages"][0]["content"][0]["image"]["format"] == form


@settings(deadline=None)
@given(conversations)
def test_what_is_asked_is_what_awss_own_client_would_ask(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    shape = service().operation_model("Converse").input_shape
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    # That a stop may not be empty is the vendor's to say; its other rules hold.
    assert not report.has_errors() or "valid min length" in report.generate_report()
    roles = [message["role"] for message in body["messages"]]
    assert all(one != another for one, another in pairwise(roles))


@given(conversations)
def test_what_is_asked_says_everything(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    blocks = [block for message in body["messages"] for block in message["content"]]
    parts = [part for turn in said.turns for part in turn.parts]
    texts = [part.text for part in parts if isinstance(part, Text) and part.text.strip()]
    assert sorted(block["text"] for block in blocks if "text" in block) == sorted(texts)
    calls = [
        (part.call_id, part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)
    ]
    told = [block["toolUse"] for block in blocks if "toolUse" in block]
    assert [(call["toolUseId"], call["name"], call["input"]) for call in told] == calls
    results = [(part.call_id, part.is_error) for part in parts if isinstance(part, ToolResult)]
    told = [block["toolResult"] for block in blocks if "toolResult" in block]
    assert [(result["toolUseId"], result["status"] == "error") for result in told] == results
    assert sum("image" in block for block in blocks) == sum(isinstance(part, Image) for part in parts)
    assert [text["text"] for text in body.get("system", ())] == [
        text.text for text in said.system if text.text.strip()
    ]


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        (None, None),
        ({"type": "adaptive"}, None),
        ({"type": "enabled", "budget_tokens": 2048}, "low"),
        ({"type": "enabled", "budget_tokens": 8192}, "medium"),
        ({"type": "enabled", "budget_tokens": 20_000}, "high"),
        ({"type": "disabled"}, "refused"),
    ],
)
def test_thinking_of_anthropics_callers_is_said_by_effort(thinking: Any, effort: str | None) -> None:
    hi = [{"role": "user", "content": "hi"}]
    body = {"model": "p", "max_tokens": 30_000, "messages": hi, "thinking": thinking}
    heard = ANTHROPIC.hear(body, read_messages_request(body, 100, IN_BODY), "bedrock")
    if effort == "refused":
        with pytest.raises(BadRequest, match="reasoning_effort"):
            ask(heard)
    else:
        assert ask(heard).get("outputConfig") == (effort and {"effort": effort})


# -- whatever JSON stands anywhere

BODY: Final[dict[str, Any]] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": "hm", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "맑음"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "n", "parameters": {}, "strict": None}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "stop": ["END"], "temperature": 0.5, "top_p": 0.9, "reasoning_effort": "low", "max_tokens": 9,
}  # fmt: skip


@given(documents(BODY))
def test_any_request(data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        facts = PAIR.read(body, 100, IN_BODY)
        written = PAIR.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    assert 1 <= orjson.loads(written)["inferenceConfig"]["maxTokens"] <= 5
