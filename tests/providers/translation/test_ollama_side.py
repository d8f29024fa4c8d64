"""What is asked of Ollama, and what OpenAI's callers get of its answers and streams."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.facts import BadRequest, RequestFacts
from providers.ollama.errors import read_error
from providers.ollama.stream import LineSplitter
from providers.ollama.usage import usage_of
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.sse import SseEventTooLarge
from providers.translation.anthropic.side import SIDE as ANTHROPIC
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
from providers.translation.ollama.ask import ask
from providers.translation.ollama.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import TranslatedFold, pair
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import chunks_of, in_random_reads
from tests.providers.translation.conversations import conversations
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

PAIR: Final = pair(OPENAI, SIDE)
HI: Final = (Turn("user", (Text("hi"),)),)
WEATHER: Final = Tool("weather", "of a town", {"type": "object"})
ASKED: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
STREAMS: Final = [e for e in streams("ollama.native") if e["request"]["path"] == "/api/chat"]
ANSWERS: Final = [e for e in answers("ollama.native") if e["request"]["path"] == "/api/chat"]
CALL: Final = {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"at": "서울"}}}
ENDED: Final = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
                "prompt_eval_count": 3, "eval_count": 2}  # fmt: skip


def asked(**said: Any) -> dict[str, Any]:
    return ask(Conversation(**{"system": (), "turns": HI, **said}))


def facts(**more: Any) -> RequestFacts:
    asked = {**ASKED, "stream": True, "stream_options": {"include_usage": True}, **more}
    return read_chat_request(asked, 100)


def encoded(*, output_limit: int | None = None, stream: bool = False, **more: Any) -> dict[str, Any]:
    body = {**ASKED, **more}
    written = PAIR.encode(
        body,
        facts=read_chat_request(body, 100),
        upstream_model="qwen3:8b",
        stream=stream,
        output_limit=output_limit,
        quirks=NO_QUIRKS,
    )
    said: dict[str, Any] = json.loads(written)
    return said


def events(reads: list[bytes]) -> list[bytes]:
    splitter = LineSplitter(1 << 22)
    cut = [event for read in reads for event in splitter.feed(read)]
    return [*cut, rest + b"\n\n"] if (rest := splitter.flush()) else cut


def new_fold() -> TranslatedFold:
    assert PAIR.fold is not None
    made = PAIR.fold("p", facts(), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def lines(*said: Any) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in said)


def put_together(body: bytes) -> Any:
    assert PAIR.assembler is not None
    assembler = PAIR.assembler("p", facts(), NO_QUIRKS)
    for event in events([body]):
        assembler.feed(event)
    return assembler


def piece(**message: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": "", **message}, "done": False}


# -- what is asked


def test_a_conversation_in_its_words() -> None:
    said = asked(
        system=(Text("be brief"), Text("be kind")),
        turns=(
            Turn("user", (Text("look"), Image(media_type="image/png", data="AAAA"), Text("here"))),
            Turn("assistant", (
                Thinking("hm", "sealed"), Text("I look"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "clock", "{}"),
            )),
            Turn("user", (
                Text("and?"),
                ToolResult("c1", None, (Text("맑음"), Text("20도"))),
                ToolResult("c2", "clock", (), is_error=True),
                ToolResult("c9", None, (Text("?"),)),
            )),
            Turn("assistant", (Thinking("nothing said", None),)),
        ),
        tools=(WEATHER, Tool("clock", None, {})),
        tool_choice=ToolChoice("auto"),
        shape=AnswerShape({"type": "object"}, "n", strict=True),
        stop=("END",), temperature=0.5, top_p=0.9, top_k=3, seed=7, effort="low",
        presence_penalty=0.1, frequency_penalty=0.2, user="kim",
    )  # fmt: skip
    nothing = {"type": "object", "properties": {}}
    assert said == {
        "messages": [
            {"role": "system", "content": "be brief\n\nbe kind"},
            {"role": "user", "content": "look\nhere", "images": ["AAAA"]},
            {"role": "assistant", "content": "I look", "tool_calls": [
                {"id": "c1", "function": {"name": "weather", "arguments": {"at": "서울"}}},
                {"id": "c2", "function": {"name": "clock", "arguments": {}}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "tool_name": "weather", "content": "맑음\n20도"},
            {"role": "tool", "tool_call_id": "c2", "tool_name": "clock", "content": "error"},
            {"role": "tool", "tool_call_id": "c9", "content": "?"},
            {"role": "user", "content": "and?"},
        ],
        "tools": [
            {"type": "function", "function": {
                "name": "weather", "description": "of a town", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "clock", "description": "", "parameters": nothing}},
        ],
        "format": {"type": "object"},
        "think": "low",
        "options": {"stop": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7,
                    "presence_penalty": 0.1, "frequency_penalty": 0.2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "limit", "asks"),
    [
        ({}, None, {}),
        ({"max_tokens": 9}, None, {"options": {"num_predict": 9}}),
        ({"max_tokens": 9, "seed": 7}, 5, {"options": {"num_predict": 5, "seed": 7}}),
        ({"reasoning_effort": "none"}, None, {"think": False}),
        ({"reasoning_effort": "high"}, None, {"think": "high"}),
        ({"response_format": {"type": "json_object"}}, None, {"format": "json"}),
        ({"tool_choice": "none"}, None, {}),
    ],
)
def test_single_wishes(more: dict[str, Any], limit: int | None, asks: dict[str, Any]) -> None:
    plain = {"model": "qwen3:8b", "messages": ASKED["messages"], "stream": False}
    assert encoded(output_limit=limit, **more) == plain | asks


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"n": 2}, "n"),
        ({"effort": "minimal"}, "reasoning_effort"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("any")}, "tool_choice"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("tool", "weather")}, "tool_choice"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("none")}, "tool_choice"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("auto", at_most_one=True)}, "parallel_tool_calls"),
        ({"tools": (Tool("clock", None, {}, strict=True),)}, "tools (strict)"),
        ({"turns": (Turn("user", (Image(url="https://pictures.example/1"),)),)},
         "messages (a picture by its address)"),
        ({"turns": (Turn("assistant", (ToolCall("c", "n", '{"a'),)),)},
         "messages (arguments of a tool call that are no JSON object)"),
    ],
)  # fmt: skip
def test_what_it_has_no_words_for_is_refused_by_name(said: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(**said)
    assert refused.value.param == param
    assert "ollama" in refused.value.message_en
    assert "ollama" in refused.value.message_ko


@given(conversations)
def test_what_is_asked_says_everything(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    parts = [part for turn in said.turns for part in turn.parts]
    results = [message for message in body["messages"] if message["role"] == "tool"]
    assert len(results) == sum(isinstance(part, ToolResult) for part in parts)
    pictures = [image for message in body["messages"] for image in message.get("images", ())]
    assert pictures == [part.data for part in parts if isinstance(part, Image)]
    written = json.dumps(body["messages"], ensure_ascii=False)
    for part in parts:
        if isinstance(part, Text):
            assert json.dumps(part.text, ensure_ascii=False)[1:-1] in written
    assert len(body.get("tools", ())) == len(said.tools)


# -- what is answered


def recorded(body: bytes) -> Said:
    """Of a stream or a whole answer; read with nothing of ours."""
    said = Said()
    for line in body.decode().splitlines():
        message = json.loads(line)["message"]
        said.text += message.get("content") or ""
        said.thought += message.get("thinking") or ""
        for call in message.get("tool_calls", ()):
            said.calls.append(
                [call["id"], call["function"]["name"], json.dumps(call["function"]["arguments"])]
            )
    said.ending = "tool_calls" if said.calls else "stop"
    return said


def expected_counts(exchange: dict[str, Any]) -> tuple[int, int]:
    usage = exchange["expected_usage"]
    return usage["input_tokens"] or 0, usage["output_tokens"]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange["id"])
def test_a_recorded_stream_says_what_it_said_however_it_is_read(exchange: dict[str, Any]) -> None:
    told = set()
    for reads in reads_of(exchange).values():
        fold = new_fold()
        frames = b"".join([fold.feed(event) for event in events(reads)])
        told.add(frames + fold.owed_frames() + fold.terminal())
        assert (fold.done, fold.finished, fold.error) == (True, True, None)
        assert fold.usage is not None
        assert (fold.usage.input_total, fold.usage.output_total) == expected_counts(exchange)
        assert fold.delivered_tokens() > 0
    [frames] = told
    assert whole_of_stream(frames).told() == recorded(body_of(exchange)).told()
    assert whole_said(put_together(body_of(exchange)).answer()).told() == recorded(body_of(exchange)).told()


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange["id"])
def test_a_recorded_answer(exchange: dict[str, Any]) -> None:
    read = PAIR.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
    assert read.error is None
    assert read.usage is not None
    assert (read.usage.input_total, read.usage.output_total) == expected_counts(exchange)
    assert read.text_bytes > 0
    assert whole_said(read.body).told() == recorded(body_of(exchange)).told()


def test_the_recordings_are_there_where_they_are() -> None:
    assert bool(STREAMS) == bool(ANSWERS) == bool(streams("openai.chat"))


def test_calls_come_whole_and_are_named_by_their_place_where_they_have_no_id() -> None:
    clock = {"function": {"name": "clock", "arguments": {}}}
    body = lines(piece(thinking="hm"), piece(tool_calls=[CALL]), piece(tool_calls=[clock, clock]), ENDED)
    fold = new_fold()
    frames = b"".join([fold.feed(event) for event in events([body])]) + fold.owed_frames() + fold.terminal()
    for said in (whole_of_stream(frames), whole_said(put_together(body).answer())):
        assert said.told() == {
            "text": "", "thought": "hm", "ending": "tool_calls",
            "calls": [["c1", "weather", {"at": "서울"}], ["call_1", "clock", {}], ["call_2", "clock", {}]],
        }  # fmt: skip


@pytest.mark.parametrize(("reason", "told"), [("length", "length"), ("stop", "stop"), (None, "stop")])
def test_endings(reason: str | None, told: str) -> None:
    said = ENDED | {"done_reason": reason, "message": {"content": "네"}}
    read = PAIR.answer(orjson.dumps(said), product_id="p", quirks=NO_QUIRKS)
    assert orjson.loads(read.body)["choices"][0]["finish_reason"] == told
    [chunk, ended] = chunks_of(new_fold().feed(orjson.dumps(said)))
    assert (chunk["choices"][0]["delta"]["content"], ended["choices"][0]["finish_reason"]) == ("네", told)


def test_a_stream_that_fails_and_one_that_is_cut() -> None:
    fold = new_fold()
    said = lines(piece(content="네"), {"error": "model runner has stopped"})
    frames = b"".join([fold.feed(event) for event in events([said])])
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks_of(frames)] == ["네"]
    assert fold.error is not None
    assert fold.error.message == "model runner has stopped"
    assert (fold.usage, fold.finished) == (None, False)
    assembler = put_together(lines(piece(content="네")))
    cut = whole_said(assembler.graceful_end(Usage(input=3, output=2)))
    assert (cut.text, cut.ending) == ("네", "length")


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_eval_count": 3, "eval_count": 2}, Usage(input=3, output=2)),
        ({"eval_count": 2}, Usage(output=2)),  # the prompt was still in memory
        ({"prompt_eval_count": 3}, Usage(input=3)),
        ({"prompt_eval_count": 3.0, "eval_count": -2}, Usage(input=3)),
        ({}, None),
        ({"prompt_eval_count": "3", "eval_count": True}, None),
    ],
)
def test_what_is_counted(said: dict[str, Any], usage: Usage | None) -> None:
    assert usage_of(said) == usage


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"model \'m\' not found"}', "model 'm' not found"),
        (b'{"error":{"message":"no"}}', "no"),
        (b'{"error":[1]}', ""),
        (b"404 page not found", "404 page not found"),
    ],
)
def test_what_it_says_when_something_is_wrong(body: bytes, message: str) -> None:
    error = read_error(404, body)
    assert (error.status, error.message) == (404, message)


@pytest.mark.parametrize("body", [b"[1]", b"{", b"{}", b'{"error":"no"}', b'{"message":"no"}'])
def test_an_answer_that_says_nothing_is_an_error(body: bytes) -> None:
    assert PAIR.answer(body, product_id="p", quirks=NO_QUIRKS).error is not None


# -- lines, and any JSON


@given(said=st.lists(st.binary(max_size=20), max_size=6), seed=st.text(max_size=3))
def test_lines_depend_on_the_bytes_alone(said: list[bytes], seed: str) -> None:
    body = b"\n".join(said)
    splitter = LineSplitter(1000)
    cut = [line for read in in_random_reads(body, seed) for line in splitter.feed(read)]
    rest = splitter.flush()
    *ended, last = body.split(b"\n")
    assert cut == [line.strip() for line in ended if line.strip()]
    assert rest == last


def test_a_line_has_an_end() -> None:
    splitter = LineSplitter(10)
    assert splitter.feed(b"12345\n12345") == [b"12345"]
    with pytest.raises(SseEventTooLarge):
        splitter.feed(b"678901")


@given(
    said=st.lists(
        documents(piece(content="a", thinking="b", tool_calls=[CALL]), ENDED, {"error": "a"}), max_size=5
    ),
    body=documents(ENDED | {"message": {"content": "a", "thinking": "b", "tool_calls": [CALL]}}),
)
@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_any_stream_and_any_answer_can_be_said(caller: Any, said: list[bytes], body: bytes) -> None:
    operation = pair(caller, SIDE)
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", facts(), NO_QUIRKS)
    assembler = operation.assembler("p", facts(), NO_QUIRKS)
    for event in said:
        fold.feed(event)
        assembler.feed(event)
    fold.graceful_end(Usage(input=1))
    assert orjson.loads(assembler.answer(Usage(input=1)))["model"] == "p"
    read = operation.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert read.error is not None or orjson.loads(read.body)["model"] == "p"
