"""What Gemini's models say, told to callers of OpenAI's dialect and of Anthropic's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import RequestFacts
from providers.gemini.answer import read_answer
from providers.openai.usage import usage_to_openai
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.gemini.reply import understand
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Delta,
    Ending,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
)
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.any_json import DEEP
from tests.fakes.gemini_recordings import (
    WIRE,
    answers,
    body_of,
    chunks_of,
    event_of,
    events_in,
    put_through,
    reads_of,
    streams,
)
from tests.fakes.gemini_stream import chunk
from tests.providers.anthropic.test_sdk_anthropic import ASKED, client, streamed
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, include_usage=True)
TO_OPENAI: Final = pair(OPENAI, GEMINI)
TO_ANTHROPIC: Final = pair(ANTHROPIC, GEMINI)
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
CALL: Final = {"functionCall": {"name": "weather", "args": {"at": "서울"}}, "thoughtSignature": "c2ln"}


def candidate(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, **fields}


def test_what_is_understood() -> None:
    reply = understand({
        "responseId": "r-_1", "modelVersion": "v", "candidates": [
            candidate({"text": "b"}, index=1, finishReason="MAX_TOKENS"),
            candidate(
                {"text": "hm", "thought": True}, {"text": "잠시", "thoughtSignature": "c2ln"}, {"text": ""},
                {"executableCode": {"code": "1"}}, CALL,
                {"functionCall": {"id": "own", "name": "clock"}},
                index=0, finishReason="STOP",
            ),
        ],
    })  # fmt: skip
    assert (reply.reply_id, reply.usage) == ("r-_1", None)
    assert reply.choices == (
        Choice((
            Thinking("hm"), Text("잠시"), ToolCall("call_r1_1", "weather", '{"at":"서울"}'),
            ToolCall("own", "clock", "{}"),
        ), "tool_calls"),
        Choice((Text("b"),), "length"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("STOP", "stop"), (1, "stop"), ("MAX_TOKENS", "length"), (2, "length"), ("SAFETY", "filtered"),
        ("RECITATION", "filtered"), ("PROHIBITED_CONTENT", "filtered"), ("OTHER", "stop"),
        ("MALFORMED_FUNCTION_CALL", "stop"), ("SOMETHING_NEW", "stop"), (None, "stop"), ({}, "stop"),
    ],
)  # fmt: skip
def test_how_an_answer_ended(reason: Any, ending: Ending) -> None:
    [choice] = understand({"candidates": [candidate({"text": "a"}, finishReason=reason)]}).choices
    assert choice.ending == ending
    told = GEMINI.make_listener().feed(event_of(chunk("a", finish=reason)))
    is_said = reason is not None and reason != {}
    assert told == [TextDelta(0, "a"), *([ChoiceEnd(0, ending)] if is_said else [])]


BLOCKED: Final = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 10}}


def test_a_refused_question_is_filtered() -> None:
    assert understand(BLOCKED).choices == (Choice((), "filtered"),)
    assert GEMINI.make_listener().feed(event_of(BLOCKED)) == [ChoiceEnd(0, "filtered")]
    answer = TO_OPENAI.answer(json.dumps(BLOCKED).encode(), product_id="p", quirks=NO_QUIRKS)
    assert whole_said(answer.body).ending == "content_filter"
    frames, usage = to_client(TO_ANTHROPIC, [event_of(BLOCKED)])
    assert (streamed(frames).stop_reason, usage) == ("refusal", Usage(input=10))
    feedbacks: list[dict[str, Any]] = [{}, {"promptFeedback": {}}, {"promptFeedback": []}]
    for nothing in feedbacks:
        assert understand(nothing).choices == ()


def test_a_stream_is_heard_piece_by_piece() -> None:
    listener = GEMINI.make_listener()
    last = {"responseId": "r1", "candidates": [candidate(CALL, CALL, finishReason="STOP")]}
    deltas: list[Delta] = []
    for said in (
        {"responseId": "r1", "candidates": [candidate({"text": "hm", "thought": True})]},
        chunk("안", index=0), chunk("b", index=1, finish="STOP"), last, chunk(finish="STOP"),
    ):  # fmt: skip
        deltas += listener.feed(event_of(said))
    assert deltas == [
        ThinkingDelta(0, "hm"), TextDelta(0, "안"), TextDelta(1, "b"), ChoiceEnd(1, "stop"),
        CallDelta(0, 0, "call_r1_1", "weather", '{"at":"서울"}'),
        CallDelta(0, 1, "call_r1_2", "weather", '{"at":"서울"}'),
        ChoiceEnd(0, "tool_calls"),
    ]  # fmt: skip
    assert listener.feed(b": comment\n\n") == listener.feed(b"data: [1]\n\n") == []


@pytest.mark.parametrize("value", DEEP[2:4], ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_a_call_too_deep_to_be_said_is_left_out(value: bytes) -> None:
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"n","args":{"a":%b}}}]}}]}' % value
    assert understand(json.loads(body)).choices == (Choice((), "stop"),)
    assert GEMINI.make_listener().feed(b"data: " + body + b"\n\n") == []


def to_client(operation: Operation, reads: Iterable[bytes]) -> tuple[bytes, Usage | None]:
    """All that a client gets, as the relay sends it."""
    assert operation.fold is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    frames = put_through(fold, reads)
    if fold.error is None:
        frames += fold.owed_frames() + fold.comment(b"voucher charge_krw=1") + fold.terminal()
    return frames, fold.usage


def told(candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """What was said, read with nothing of ours; ids that the vendor left out are not compared."""
    said = Said()
    for one in candidates:
        for part in (one.get("content") or {}).get("parts") or []:
            if part.get("thought"):
                said.thought += part.get("text") or ""
            else:
                said.text += part.get("text") or ""
            if (call := part.get("functionCall") or {}).get("name"):
                said.calls.append([None, call["name"], json.dumps(call.get("args") or {})])
        if one.get("finishReason"):
            said.ending = {"STOP": "stop", 1: "stop", "MAX_TOKENS": "length"}.get(one["finishReason"], "stop")
    if said.calls and said.ending == "stop":
        said.ending = "tool_calls"
    return said.told()


def without_ids(said: dict[str, Any]) -> dict[str, Any]:
    assert all(call[0] for call in said["calls"])
    assert len({call[0] for call in said["calls"]}) == len(said["calls"])
    return {**said, "calls": [[None, *call[1:]] for call in said["calls"]]}


def in_blocks(message: dict[str, Any]) -> dict[str, Any]:
    said = Said(ending={"end_turn": "stop", "max_tokens": "length"}.get(message["stop_reason"], "tool_calls"))
    for block in message["content"]:
        said.text += block.get("text", "")
        said.thought += block.get("thinking", "")
        if block["type"] == "tool_use":
            said.calls.append([block["id"], block["name"], json.dumps(block["input"])])
    return without_ids(said.told())


@recorded
def test_every_recorded_stream_is_told() -> None:
    seen = 0
    for exchange in streams():
        if exchange["response"]["status"] != 200:
            continue
        bodies = {to_client(TO_OPENAI, reads)[0] for reads in reads_of(exchange).values()}
        assert len(bodies) == 1, exchange["id"]
        body, usage = to_client(TO_OPENAI, [body_of(exchange)])
        if b'"error"' in body:
            continue
        said = whole_of_stream(body)
        candidates = [c for one in chunks_of(body_of(exchange)) for c in one.get("candidates") or ()]
        theirs = told(candidates)
        theirs["ending"] = theirs["ending"] or said.ending  # of one that was cut
        assert without_ids(said.told()) == theirs, exchange["id"]
        assert said.usage == (None if usage is None else usage_to_openai(usage)), exchange["id"]
        message = streamed(to_client(TO_ANTHROPIC, [body_of(exchange)])[0])
        assert in_blocks(message.to_dict(warnings=False)) == theirs, exchange["id"]
        assert usage is None or message.usage.output_tokens == usage.output_total
        seen += 1
    assert seen > 60


@recorded
def test_every_recorded_answer_is_told() -> None:
    seen = 0
    for exchange in answers("gemini.generate"):
        body = body_of(exchange)
        answer = TO_OPENAI.answer(body, product_id="p", quirks=NO_QUIRKS)
        if answer.error is not None or not json.loads(body).get("candidates"):
            continue
        theirs = told(json.loads(body)["candidates"][:1])
        said = whole_said(answer.body)
        assert without_ids(said.told()) == theirs, exchange["id"]
        assert answer.usage == read_answer(body, product_id="p").usage
        assert said.usage == (None if answer.usage is None else usage_to_openai(answer.usage))
        anthropics = TO_ANTHROPIC.answer(body, product_id="p", quirks=NO_QUIRKS)
        message = client(anthropics.body).messages.create(**ASKED)
        assert in_blocks(message.to_dict(warnings=False)) == theirs, exchange["id"]
        seen += 1
    assert seen > 100


@recorded
def test_an_assembled_stream_is_told_as_the_stream() -> None:
    for exchange in streams():
        body, usage = to_client(TO_OPENAI, [body_of(exchange)])
        assert TO_OPENAI.assembler is not None
        assembler = TO_OPENAI.assembler("p", FACTS, NO_QUIRKS)
        for event in events_in([body_of(exchange)]):
            assembler.feed(event)
        if assembler.error is None and assembler.finished:
            assert whole_said(assembler.answer()).told() == whole_of_stream(body).told(), exchange["id"]
            assert assembler.usage == usage
