"""What callers of the Responses API ask of vendors of other dialects."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from hypothesis import given

from providers.facts import IN_BODY, BadRequest
from providers.openai_responses.request import read_responses_request
from providers.quirks import NO_QUIRKS
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
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.hear import HINTS, hear
from providers.translation.openai_responses.side import SIDE
from providers.translation.pairing import pair
from providers.translation.sides import SIDES
from tests.fakes.any_json import documents
from tests.fakes.gateway_world import answer as chat
from tests.fakes.vendor_recordings import WIRE, exchanges

TO_CHATS: Final = pair(SIDE, OPENAI)
ANSWER: Final = orjson.dumps(chat())
ASK: Final[dict[str, Any]] = {"model": "m", "input": "hi"}
WEATHER: Final = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
CLOCK: Final = {"type": "function", "name": "clock", "parameters": {"type": "array"}, "strict": False}
RICH: Final[dict[str, Any]] = {
    "model": "m",
    "instructions": "be brief",
    "input": [
        {"role": "developer", "content": "in Korean"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
            {"type": "input_image", "image_url": "https://pictures.example/1.png", "file_id": None},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed", "status": None},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "hm", "annotations": [], "logprobs": [], "parsed": {"a": 1}},
            {"type": "refusal", "refusal": "no"},
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather",
         "arguments": '{"at":"서울"}', "status": "completed", "parsed_arguments": {"at": "서울"}},
        {"type": "function_call", "call_id": "c2", "name": "clock", "arguments": ""},
        {"role": "assistant", "content": "wait"},
        {"type": "function_call_output", "call_id": "c1", "output": "맑음", "id": "fco_1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "3"}]},
        {"role": "user", "content": "again"},
    ],
    "tools": [{**WEATHER, "description": "d", "strict": True}, CLOCK],
    "tool_choice": {"type": "function", "name": "weather"},
    "parallel_tool_calls": False,
    "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}},
    "reasoning": {"effort": "low", "summary": "auto"},
    "max_output_tokens": 9,
    "temperature": 0.5,
    "top_p": 0.9,
    "user": "kim",
}  # fmt: skip


def hear_responses(body: dict[str, Any]) -> Conversation:
    return hear(body, read_responses_request(body, 100, IN_BODY), "other")


def heard(**more: Any) -> Conversation:
    return hear_responses({**ASK, **more})


def test_a_rich_request() -> None:
    assert heard(**RICH) == Conversation(
        system=(Text("be brief"), Text("in Korean")),
        turns=(
            Turn("user", (Text("look"), Image("image/png", "AAAA"), Image(url="https://pictures.example/1.png"))),
            Turn("assistant", (
                Text("hm"), Text("no"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "clock", "{}"), Text("wait"),
            )),
            Turn("user", (
                ToolResult("c1", "weather", (Text("맑음"),)), ToolResult("c2", "clock", (Text("3"),)),
            )),
            Turn("user", (Text("again"),)),
        ),
        tools=(Tool("weather", "d", {"type": "object"}, True), Tool("clock", None, {"type": "array"}, False)),
        tool_choice=ToolChoice("tool", "weather", at_most_one=True),
        shape=AnswerShape({"type": "object"}, "s", True),
        output_limit=9,
        temperature=0.5,
        top_p=0.9,
        effort="low",
        user="kim",
    )  # fmt: skip


def test_two_answers_in_a_row_are_two_turns() -> None:
    said = [
        {"role": role, "content": text}
        for role, text in (("user", "q"), ("assistant", "a"), ("assistant", "b"))
    ]
    turns = heard(input=said).turns
    assert [(turn.role, turn.parts) for turn in turns[1:]] == [
        ("assistant", (Text("a"),)), ("assistant", (Text("b"),)),
    ]  # fmt: skip


def test_a_user_who_says_nothing_is_no_place_for_a_result() -> None:
    result = {"type": "function_call_output", "call_id": "c", "output": "비"}
    turns = heard(input=[{"role": "user", "content": []}, result]).turns
    assert turns == (Turn("user", ()), Turn("user", (ToolResult("c", None, (Text("비"),)),)))


def test_a_tool_without_parameters() -> None:
    assert heard(tools=[{**CLOCK, "parameters": None}]).tools == (Tool("clock", None, {}, False),)


def test_a_text_is_a_turn() -> None:
    assert heard() == Conversation(system=(), turns=(Turn("user", (Text("hi"),)),))


@pytest.mark.parametrize(
    "more",
    [
        *({name: {"any": ["thing"]}} for name in sorted(HINTS)),
        {"store": False}, {"store": None}, {"background": False}, {"previous_response_id": None},
        {"include": []}, {"include": ["reasoning.encrypted_content"]},
        {"service_tier": "auto"}, {"service_tier": "default"}, {"top_logprobs": 0},
        {"truncation": "disabled"}, {"stream": True}, {"tools": []}, {"instructions": None},
        {"text": {}}, {"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {"text": None},
        {"reasoning": {}}, {"reasoning": {"summary": "detailed"}}, {"reasoning": None},
        {"parallel_tool_calls": True}, {"max_tool_calls": None}, {"unknown": None},
        {"input": [{"role": "user", "content": "hi", "id": "msg_1"}]},
        {"input": [{"role": "user", "content": [
            {"type": "input_text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}},
        ]}]},
        {"input": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "content": None},
            {"role": "user", "content": "hi"},
        ]},
    ],
)  # fmt: skip
def test_what_says_nothing(more: dict[str, Any]) -> None:
    assert heard(**more) == heard()


@pytest.mark.parametrize(
    ("choice", "names", "meant"),
    [
        ("auto", "weather clock", ToolChoice("auto")),
        ("none", "weather clock", ToolChoice("none")),
        ("required", "weather clock", ToolChoice("any")),
        ({"type": "function", "name": "clock"}, "weather clock", ToolChoice("tool", "clock")),
        ({"mode": "auto", "tools": [{"type": "function", "name": "clock"}]}, "clock", ToolChoice("auto")),
        ({"mode": "required", "tools": [{"type": "function", "name": "clock"}]}, "clock", ToolChoice("any")),
    ],
)
def test_which_tools_may_be_called(choice: Any, names: str, meant: ToolChoice) -> None:
    """Where some of the tools are allowed and the others are not, those are the tools there are."""
    if type(choice) is dict:
        choice = {"type": "allowed_tools", **choice}
    said = heard(tools=[WEATHER, CLOCK], tool_choice=choice)
    assert ([tool.name for tool in said.tools], said.tool_choice) == (names.split(), meant)
    said = heard(tools=[WEATHER, CLOCK], tool_choice=choice, parallel_tool_calls=False)
    assert said.tool_choice == ToolChoice(meant.mode, meant.name, at_most_one=True)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ({"type": "json_object"}, AnswerShape()),
        ({"type": "json_schema", "name": "s", "schema": {}}, AnswerShape({}, "s")),
        ({"type": "json_schema", "schema": {}, "strict": None, "name": None}, AnswerShape({})),
        (
            {"type": "json_schema", "name": "s", "schema": {"description": "b"}, "description": "a"},
            AnswerShape({"description": "a\nb"}, "s"),
        ),
    ],
)
def test_what_the_answer_is_to_be(text: Any, shape: AnswerShape) -> None:
    assert heard(text={"format": text}).shape == shape


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high"])
def test_an_effort(effort: str) -> None:
    assert heard(reasoning={"effort": effort}).effort == effort


@given(data=documents(RICH))
def test_any_json_is_asked_and_repeated_or_refused(data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        facts = TO_CHATS.read(body, 100, IN_BODY)
        written = TO_CHATS.encode(
            body, facts=facts, upstream_model="m", stream=False, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    assert orjson.loads(written)["messages"]
    assert TO_CHATS.remember is not None
    facts = TO_CHATS.remember(facts, body, "op1", 7)
    answer = TO_CHATS.reader(facts)(ANSWER, product_id="p", quirks=NO_QUIRKS)
    said = orjson.loads(answer.body)
    assert (said["id"], said["created_at"], said["model"]) == ("resp_op1", 7, "p")
    assert said["output"][0]["content"][0]["text"] == "hello"


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_recorded_requests_are_asked_or_refused() -> None:
    """Of every vendor's dialect: nothing else can happen."""
    asked, reasons = 0, set()
    for exchange in exchanges("openai.responses"):
        body = exchange["request"]["body"]
        if type(body) is not dict:
            continue
        try:
            said = hear(body, read_responses_request(body, 100, IN_BODY), "other")
        except BadRequest as error:
            reasons.add(error.param)
            continue
        for side in SIDES.values():
            try:
                asked += bool(side.ask(said))  # type: ignore[attr-defined]
            except BadRequest as error:
                reasons.add(error.param)
    assert asked > 200
    assert {"background", "tools[0] (web_search)"} <= reasons
