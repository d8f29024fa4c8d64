"""What is asked of Bedrock for callers of other dialects, and what they get of its answers and streams."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

import msgspec
import orjson
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings

from metering.usage import Usage
from providers.anthropic.request import read_messages_request
from providers.dialect import Refusal
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.ask import ask
from providers.translation.bedrock.reply import understand
from providers.translation.bedrock.side import SIDE
from providers.translation.neutral import (
    AnswerShape,
    Choice,
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
from providers.translation.pairing import TranslatedFold, pair
from providers.translation.port import CallerSide
from tests.fakes.any_json import documents
from tests.fakes.vendor_stream import chunks_of, in_random_reads
from tests.providers.bedrock.messages import (
    CALL,
    CALLED,
    END,
    START,
    STOP,
    TALK,
    TEXT,
    THOUGHT,
    assemble,
    begun,
    counts,
    delta,
    ended,
    event,
    exception,
    metadata,
    put_through,
    service,
)
from tests.providers.bedrock.test_bedrock_stream import ANSWERS, EVENTS
from tests.providers.translation.conversations import conversations
from tests.providers.translation.sdk_openai import whole_of_stream, whole_said

PAIR: Final = pair(OPENAI, SIDE)
HI: Final = (Turn("user", (Text("hi"),)),)
PNG: Final = Image(media_type="image/png", data="AAAA")
WEATHER: Final = Tool("weather", "of a town", {"type": "object"})
CALLS: Final = (
    *HI,
    Turn("assistant", (ToolCall("c1", "weather", "{}"),)),
    Turn("user", (ToolResult("c1", "weather", (Text("맑음"),)),)),
)
COMMENT: Final = b"voucher charge_krw=1 available_krw=2"


def asked(**said: Any) -> dict[str, Any]:
    return ask(Conversation(**{"system": (), "turns": HI, **said}))


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


@pytest.mark.parametrize(
    ("media_type", "form"),
    [("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/GIF", "gif"), ("image/webp", "webp")],
)
def test_pictures(media_type: str, form: str) -> None:
    said = asked(turns=(Turn("user", (Image(media_type=media_type, data="AA"),)),))
    assert said["messages"][0]["content"][0]["image"]["format"] == form


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"n": 2}, "n"),
        ({"top_k": 3}, "top_k"),
        ({"seed": 0}, "seed"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": -1}, "frequency_penalty"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": -0.5}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"effort": "none"}, "reasoning_effort"),
        ({"effort": "minimal"}, "reasoning_effort"),
        ({"shape": AnswerShape()}, "response_format"),
        ({"tools": (WEATHER,), "turns": CALLS, "tool_choice": ToolChoice("none")}, "tool_choice"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice(at_most_one=True)}, "parallel_tool_calls"),
        ({"turns": (Turn("user", (Image(url="u"),)),)}, "messages (a picture by its address)"),
        (
            {"turns": (Turn("user", (ToolResult("c", "t", (Image(url="u"),)),)),)},
            "messages (a picture by its address)",
        ),
        *(
            (
                {"turns": (Turn("user", (Image(media_type=media_type, data="AA"),)),)},
                "messages (a picture that is no PNG, JPEG, GIF or WebP)",
            )
            for media_type in ("image/tiff", "", None)
        ),
        ({"turns": ()}, "messages (none but the system's)"),
        ({"turns": (Turn("user", (Text(" \n"),)),)}, "messages (none but the system's)"),
        ({"turns": (*HI, Turn("assistant", (Text("so"),)))}, "messages (the last one is the assistant's)"),
        ({"turns": (Turn("user", (ToolCall("c", "t", "{}"),)),)}, "messages (a tool call of the user's)"),
        (
            {"turns": (Turn("assistant", (PNG,)), *HI)},
            "messages (a picture or a result of the assistant's)",
        ),
        *(
            (
                {"turns": (Turn("assistant", (ToolCall("c", "t", arguments),)), *HI)},
                "messages (arguments of a tool call that are no JSON object)",
            )
            for arguments in ('{"cut": ', "[]", "3", '"text"')
        ),
    ],
)
def test_what_it_has_no_words_for_is_refused_by_name(said: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(**said)
    assert refused.value.param == param
    for message in (refused.value.message_en, refused.value.message_ko):
        assert f"`{param}`" in message
        assert "bedrock" in message


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


# -- what callers get


def new_fold(caller: CallerSide = OPENAI, **more: Any) -> TranslatedFold:
    make = pair(caller, SIDE).fold
    assert make is not None
    facts = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True, include_usage=True)
    made = make("p", msgspec.structs.replace(facts, **more), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def to_client(body: bytes, seed: str = "", caller: CallerSide = OPENAI) -> bytes:
    """All that a client gets of a stream that went well, or what it got until an error."""
    fold = new_fold(caller)
    frames = put_through(fold, in_random_reads(body, seed))
    return frames if fold.error else frames + fold.owed_frames() + fold.comment(COMMENT) + fold.terminal()


TWO_CALLS: Final = (
    TALK + STOP + begun(1, **CALL) + delta(1, toolUse={"input": ""}) + begun(3, toolUseId="t2", name="now")
    + delta(3, toolUse={"input": '{"b":1}'}) + event("contentBlockStop", contentBlockIndex=3)
    + ended("tool_use") + metadata(9, 47)
)  # fmt: skip
SERVERS: Final = (
    START + begun(0, toolUseId="s", name="grounding", type="server_tool_use")
    + delta(0, toolUse={"input": '{"q":1}'}) + delta(1, citation={"title": "t"}) + delta(1, text=TEXT) + END
)  # fmt: skip
SAID: Final[list[tuple[bytes, dict[str, Any]]]] = [
    (TALK + END, {"text": TEXT}),
    (CALLED, {"calls": [["tooluse_1", "weather", {"a": "서울"}]], "ending": "tool_calls"}),
    (THOUGHT, {"text": TEXT, "thought": "음", "ending": "length"}),
    (TWO_CALLS, {"text": TEXT, "calls": [["tooluse_1", "weather", {}], ["t2", "now", {"b": 1}]],
                 "ending": "tool_calls"}),
    (SERVERS, {"text": TEXT}),
    (TALK + ended("guardrail_intervened") + metadata(1, 2), {"text": TEXT, "ending": "content_filter"}),
    (TALK + ended("content_filtered") + metadata(1, 2), {"text": TEXT, "ending": "content_filter"}),
    (TALK + ended("model_context_window_exceeded") + metadata(1, 2), {"text": TEXT, "ending": "length"}),
    (TALK + ended("malformed_tool_use") + metadata(1, 2), {"text": TEXT}),
    (TALK + ended("a word of tomorrow") + metadata(1, 2) + delta(0, text="late"), {"text": TEXT}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "said"), SAID)
def test_a_stream_says_what_it_said_however_it_is_read(body: bytes, said: dict[str, Any]) -> None:
    frames = to_client(body)
    assert all(to_client(body, str(seed)) == frames for seed in range(3))
    heard = whole_of_stream(frames)
    assert heard.told() == {"text": "", "thought": "", "calls": [], "ending": "stop", **said}
    assert heard.usage is not None
    assert frames.endswith(b": " + COMMENT + b"\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(("body", "said"), SAID)
def test_a_stream_put_together_says_the_same(body: bytes, said: dict[str, Any]) -> None:
    assert PAIR.assembler is not None
    facts = RequestFacts(purpose="chat", model="p", body_bytes=1)
    assembler = assemble(PAIR.assembler("p", facts, NO_QUIRKS), [body])
    heard = whole_said(assembler.answer())
    assert heard.told() == {"text": "", "thought": "", "calls": [], "ending": "stop", **said}
    assert heard.usage is not None


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_the_usage_in_the_callers_words(caller: CallerSide) -> None:
    usage = counts(5, 7, read=11, written=13, cacheDetails=[{"ttl": "1h", "inputTokens": 4}])
    body = TALK + ended() + event("metadata", usage=usage)
    fold = new_fold(caller)
    frames = put_through(fold, [body])
    assert fold.usage == Usage(input=5, cached_input=11, cache_write=9, cache_write_1h=4, output=7)
    assert (fold.done, fold.finished) == (True, True)
    said = chunks_of(frames + fold.owed_frames())
    told = [chunk["usage"] for chunk in said if chunk.get("usage")][-1]
    if caller is OPENAI:
        assert (told["prompt_tokens"], told["completion_tokens"]) == (29, 7)
        assert told["prompt_tokens_details"]["cached_tokens"] == 11
    else:
        assert (told["input_tokens"], told["output_tokens"]) == (5, 7)
        assert (told["cache_read_input_tokens"], told["cache_creation_input_tokens"]) == (11, 13)


def test_anthropics_callers_get_the_blocks() -> None:
    events = chunks_of(to_client(THOUGHT[: -len(metadata(58, 588))] + metadata(58, 588), caller=ANTHROPIC))
    kinds = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert kinds == ["thinking", "text"]
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas == ["thinking_delta", "signature_delta", "text_delta"]
    assert events[-1]["type"] == "message_stop"


def test_the_end_waits_for_the_usage() -> None:
    fold = new_fold()
    put_through(fold, [TALK + ended()])
    assert (fold.finished, fold.done, fold.usage) == (True, False, None)
    put_through(fold, [metadata(3, 4)])
    assert (fold.done, fold.usage) == (True, Usage(input=3, output=4))


def test_a_balance_that_ends_in_mid_stream() -> None:
    fold = new_fold()
    put_through(fold, [TALK])
    ended_frame, usage = chunks_of(fold.graceful_end(Usage(input=3, output=2)))
    assert ended_frame["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)


@pytest.mark.parametrize("broken", [exception("modelStreamErrorException"), b"\0\0\0\0" * 4])
def test_a_stream_that_failed(broken: bytes) -> None:
    fold = new_fold()
    frames = put_through(fold, [TALK + broken + END])
    assert fold.error is not None
    assert whole_of_stream(frames + fold.terminal()).text == TEXT
    assert b"error" in fold.failure(Refusal(502, "upstream_error", "The vendor failed.", "api_error"))


def test_an_answer() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "음", "signature": "sealed"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {"text": TEXT},
        {"text": ""},
        {"citationsContent": {"content": [{"text": " 인용"}, {"text": 3}, 4], "citations": []}},
        {"toolUse": {**CALL, "input": {"a": "서울"}}},
        {"toolUse": {"toolUseId": "s", "name": "g", "input": {}, "type": "server_tool_use"}},
        {"toolUse": {"name": "no id"}},
        {"toolResult": {}},
        3,
    ]
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use",
        "usage": counts(1, 2),
    }
    [choice] = understand(body).choices
    assert choice == Choice(
        (
            Thinking("음", "sealed"),
            Text(TEXT),
            Text(" 인용"),
            ToolCall("tooluse_1", "weather", '{"a":"서울"}'),
        ),
        "tool_calls",
    )
    answer = PAIR.answer(json.dumps(body).encode(), product_id="p", quirks=NO_QUIRKS)
    assert answer.usage == Usage(input=1, output=2)
    heard = whole_said(answer.body)
    assert (heard.text, heard.thought, heard.ending) == (TEXT + " 인용", "음", "tool_calls")


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


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
@given(events=EVENTS, body=ANSWERS)
def test_any_stream_and_answer(caller: CallerSide, events: list[bytes], body: bytes) -> None:
    operation = pair(caller, SIDE)
    assert operation.assembler is not None
    fold = new_fold(caller)
    put_through(fold, events)
    fold.owed_frames()
    assembler = assemble(operation.assembler("p", RequestFacts("chat", "p", 1), NO_QUIRKS), events)
    assert orjson.loads(assembler.answer(Usage(input=1)))["model"] == "p"
    answer = operation.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.error is not None or orjson.loads(answer.body)["model"] == "p"


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
