"""One Converse stream, listened to; and a whole answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.bedrock.answer import read_answer
from providers.bedrock.dialect import BEDROCK, CONVERSE
from providers.bedrock.stream import StreamFold
from providers.dialect import Refusal
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import documents
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
    ("body", "usage", "text_bytes", "deltas"),
    [
        (TALK + END, Usage(input=20, output=5), len(TEXT.encode()), 2),
        (CALLED, Usage(input=9, output=47), len('weather{"a": "서울"}'.encode()), 3),
        (THOUGHT, Usage(input=58, output=588), len(("음" + TEXT).encode()), 2),
        (TALK + ended() + event("metadata"), None, len(TEXT.encode()), 2),
        (
            START + delta(0, text="") + delta(0, new={"a": "b"}) + END,
            Usage(input=20, output=5),
            0,
            0,
        ),
    ],
)
def test_what_is_seen(body: bytes, usage: Usage | None, text_bytes: int, deltas: int) -> None:
    for seed in ("a", "b"):
        fold = StreamFold()
        put_through(fold, in_random_reads(body, seed))
        assert (fold.usage, fold.text_bytes, fold.deltas) == (usage, text_bytes, deltas)
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
    assert listened(b"".join(events)).delivered_tokens() >= 0


@given(ANSWERS)
def test_any_answer(body: bytes) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None or answer.text_bytes >= 0
