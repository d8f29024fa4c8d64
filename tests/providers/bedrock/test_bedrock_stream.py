"""One Converse stream, listened to and put together; and a whole answer."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.bedrock.answer import read_answer
from providers.bedrock.assemble import Assembler
from providers.bedrock.dialect import BEDROCK, CONVERSE
from providers.bedrock.stream import StreamFold
from providers.dialect import Refusal
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.json_depth import written_if_shallow
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import DEEP, documents
from tests.fakes.vendor_stream import in_random_reads
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
    event_of,
    metadata,
    put_through,
)

FACTS = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True)
TOOL_USE = {"toolUse": {**CALL, "input": {"a": "서울"}}}


def listened(body: bytes) -> StreamFold:
    fold = StreamFold()
    assert put_through(fold, [body]) == b"", "nobody is answered in this dialect"
    return fold


@pytest.mark.parametrize(
    ("body", "usage", "reason", "text_bytes", "deltas"),
    [
        (TALK + END, Usage(input=20, output=5), "end_turn", len(TEXT.encode()), 2),
        (CALLED, Usage(input=9, output=47), "tool_use", len('weather{"a": "서울"}'.encode()), 3),
        (THOUGHT, Usage(input=58, output=588), "max_tokens", len(("음" + TEXT).encode()), 2),
        (TALK + ended() + event("metadata"), None, "end_turn", len(TEXT.encode()), 2),
        (
            START + delta(0, text="") + delta(0, new={"a": "b"}) + END,
            Usage(input=20, output=5),
            "end_turn",
            0,
            0,
        ),
    ],
)
def test_what_is_seen(body: bytes, usage: Usage | None, reason: str, text_bytes: int, deltas: int) -> None:
    for seed in ("a", "b"):
        fold = StreamFold()
        put_through(fold, in_random_reads(body, seed))
        assert (fold.usage, fold.reason, fold.text_bytes, fold.deltas) == (usage, reason, text_bytes, deltas)
        assert (fold.finished, fold.done, fold.error, fold.upstream_id) == (True, True, None, None)
        assert fold.delivered_tokens() == max(deltas, text_bytes // 4)


@pytest.mark.parametrize(
    ("body", "finished", "done"),
    [
        (TALK, False, False),
        (TALK + STOP, False, False),
        (TALK + ended(), True, False),  # its usage is still to come
        (TALK + metadata(20, 5), False, False),  # said early: why it ended is not
        (TALK + metadata(20, 5) + ended() + metadata(20, 6), True, True),
    ],
)
def test_when_it_is_over(body: bytes, finished: bool, done: bool) -> None:
    fold = listened(body)
    assert (fold.finished, fold.done) == (finished, done)


def test_what_follows_the_end_changes_nothing() -> None:
    assert listened(TALK + END + delta(0, text="more") + metadata(0, 0)).usage == Usage(input=20, output=5)


def test_it_says_nothing_of_its_own() -> None:
    fold = listened(TALK)
    frames = [fold.owed_frames(), fold.graceful_end(Usage()), fold.terminal(), fold.comment(b"x")]
    assert [*frames, fold.failure(Refusal(502, "c", "m", "t"))] == [b""] * 5


def answer_of(assembler: Assembler) -> Any:
    return json.loads(assembler.answer())


@pytest.mark.parametrize(
    ("body", "content", "reason"),
    [
        (TALK + END, [{"text": TEXT}], "end_turn"),
        (CALLED, [TOOL_USE], "tool_use"),
        (
            THOUGHT,
            [{"reasoningContent": {"reasoningText": {"text": "음", "signature": "sealed"}}}, {"text": TEXT}],
            "max_tokens",
        ),
        (
            START + begun(0, **CALL) + STOP + ended("tool_use"),
            [{"toolUse": {**CALL, "input": {}}}],
            "tool_use",
        ),
        # A call whose input was cut is none.
        (START + begun(0, **CALL) + delta(0, toolUse={"input": '{"a'}), [], "end_turn"),
        (START + delta(0, toolUse={"input": "{}"}), [], "end_turn"),
        (b"", [], "end_turn"),
    ],
)
def test_put_together(body: bytes, content: Any, reason: str) -> None:
    assembler = assemble(Assembler(), [body])
    answer = answer_of(assembler)
    assert answer["output"] == {"message": {"role": "assistant", "content": content}}
    assert answer["stopReason"] == reason
    read = read_answer(assembler.answer(), product_id="p")
    assert (read.usage, read.error) == (assembler.usage, None)
    assert read.text_bytes <= assembler.text_bytes


def test_put_together_where_it_was_cut() -> None:
    assembler = assemble(Assembler(), [TALK])
    answer = json.loads(assembler.graceful_end(Usage(input=3, output=2)))
    assert (answer["stopReason"], answer["usage"]["totalTokens"]) == ("max_tokens", 5)
    assert answer["output"]["message"]["content"] == [{"text": TEXT}]
    assert "usage" not in answer_of(assembler)
    assert json.loads(assembler.answer(Usage(output=2)))["usage"]["outputTokens"] == 2
    whole = assemble(Assembler(), [TALK + END])
    assert json.loads(whole.answer(Usage(output=2)))["usage"]["outputTokens"] == 5, "the vendor's own"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "no message"),
        (b'{"output":[]}', "no message"),
        (b'{"output":{"message":"hi"},"usage":{"inputTokens":1,"outputTokens":2}}', "no message"),
    ],
)
def test_no_answer(body: bytes, error: str) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert error in answer.error.message
    assert answer.usage == (Usage(input=1, output=2) if b"usage" in body else None)


def test_a_whole_answer() -> None:
    cited = {"citationsContent": {"content": [{"text": "인용"}, 3], "citations": [{"title": "t"}]}}
    content = [{"text": TEXT}, TOOL_USE, cited, 7, {"image": {}}]
    said = {"output": {"message": {"role": "assistant", "content": content}}, "usage": counts(1, 2)}
    body = json.dumps(said).encode()
    answer = read_answer(body, product_id="p")
    assert (answer.usage, answer.body, answer.error) == (Usage(input=1, output=2), body, None)
    assert answer.text_bytes == len((TEXT + 'weather{"a":"서울"}인용').encode())


@pytest.mark.parametrize(
    ("said", "limit", "config"),
    [
        ({}, None, None),
        ({}, 50, {"maxTokens": 50}),
        ({"inferenceConfig": {"temperature": 1}}, 50, {"temperature": 1, "maxTokens": 50}),
        ({"inferenceConfig": {"maxTokens": 100}}, 50, {"maxTokens": 50}),
        ({"inferenceConfig": {"maxTokens": 100}}, 500, {"maxTokens": 100}),
        ({"inferenceConfig": {"maxTokens": 100}}, None, {"maxTokens": 100}),
    ],
)
def test_our_limit_only_lowers_the_callers(said: Any, limit: int | None, config: Any) -> None:
    written = CONVERSE.encode(
        said, facts=FACTS, upstream_model="m", stream=True, output_limit=limit, quirks=NO_QUIRKS
    )
    assert json.loads(written).get("inferenceConfig") == config


def test_nobody_calls_us_in_it() -> None:
    for path in ("/model/m/converse", "/model/m/converse-stream", "/v1/chat/completions"):
        assert BEDROCK.find(path, b"", {}) is None
    with pytest.raises(BadRequest):
        CONVERSE.read({"messages": []}, 10, IN_BODY)


# -- whatever JSON stands anywhere

NAMES = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata", "x"]
)
SAID = documents(
    {"contentBlockIndex": 0, "start": {"toolUse": {**CALL, "type": "server_tool_use"}}},
    {"contentBlockIndex": 0, "delta": {"text": "a", "toolUse": {"input": "{}"},
                                       "reasoningContent": {"text": "t", "signature": "s"}}},
    {"stopReason": "end_turn"},
    {"usage": counts(1, 2, read=3, written=4, cacheDetails=[{"ttl": "1h", "inputTokens": 4}])},
)  # fmt: skip
EVENTS = st.lists(st.builds(event_of, NAMES, SAID), max_size=5)
ANSWERS = documents(
    {"output": {"message": {"role": "assistant", "content": [
        {"text": "a"}, TOOL_USE, {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
        {"citationsContent": {"content": [{"text": "a"}]}},
    ]}}, "stopReason": "end_turn", "usage": counts(1, 2)},
)  # fmt: skip


@given(EVENTS)
def test_any_events(events: list[bytes]) -> None:
    fold, assembler = listened(b"".join(events)), assemble(Assembler(), [b"".join(events)])
    assert (fold.usage, fold.done, fold.text_bytes) == (assembler.usage, assembler.done, assembler.text_bytes)
    for answer in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert type(orjson.loads(answer)) is dict


@given(ANSWERS)
def test_any_answer(body: bytes) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None or answer.text_bytes >= 0


@pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_arguments_too_deep_to_be_written_leave_the_rest(value: bytes) -> None:
    call = begun(1, **CALL) + delta(1, toolUse={"input": f'{{"a":{value.decode()}}}'})
    answer = answer_of(assemble(Assembler(), [TALK + call + END]))
    texts = [block for block in answer["output"]["message"]["content"] if "text" in block]
    assert texts == [{"text": TEXT}]
    assert written_if_shallow(answer) is not None
