"""A stream on its way through: every kind of it, however its bytes are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.clova.assemble import Assembler
from providers.clova.stream import SIGNAL_FRAME, StreamFold
from providers.clova.version import V1, V3
from providers.dialect import Refusal
from tests.providers.clova.events import events_of, said, through
from tests.providers.clova.exchanges import CALL, CALL_TALK, STREAMS, TALK3, TEXT, Synthetic, sse, token3

REFUSAL = Refusal(status=502, code="upstream_error", message="Try again.", openai_type="api_error")
each = pytest.mark.parametrize("synthetic", STREAMS, ids=lambda synthetic: synthetic.name)


@each
def test_stream(synthetic: Synthetic) -> None:
    seen = set()
    for seed in range(12):
        fold = StreamFold(synthetic.version)
        frames = through(fold, synthetic.body, f"{synthetic.name} {seed}")
        assert fold.usage == synthetic.usage
        assert fold.done == synthetic.done
        assert (fold.error and fold.error.code) == synthetic.error
        assert fold.text_bytes == len(synthetic.text.encode())
        assert fold.deltas == synthetic.deltas
        seen.add(b"".join(frames))
    assert len(seen) == 1
    for frame in frames:
        assert frame.endswith(b"\n\n")
        assert frame.count(b"\n\n") == 1
        assert b"\r" not in frame
        assert b"signal" not in frame
        assert b"status" not in frame
    assert {frame for frame in frames if frame.startswith(b":")} <= {b": keep-alive\n\n"}


def test_what_comes_in_plain_frames_goes_on_as_it_came() -> None:
    body = next(synthetic.body for synthetic in STREAMS if synthetic.name == "v3")
    fold = StreamFold(V3)
    assert b"".join(through(fold, body)) + fold.terminal() == body


def test_the_end_is_the_vendors_own_or_else_ours() -> None:
    fold = StreamFold(V3)
    assert fold.terminal() == SIGNAL_FRAME == b'event: signal\ndata: {"data":"[DONE]"}\n\n'
    fold.feed(b'id:1\nevent:signal\ndata:{"data":"[DONE]"}\n\n')
    fold.feed(b'event:error\ndata:{"status":{"code":"50000"}}\n\n')
    assert fold.terminal() == b'id:1\nevent:signal\ndata:{"data":"[DONE]"}\n\n'
    assert fold.comment(b"voucher charge_krw=1") == b": voucher charge_krw=1\n\n"
    assert fold.owed_frames() == b""


def test_another_signal_is_not_the_end() -> None:
    fold = StreamFold(V3)
    event = b'event:signal\ndata:{"data":"PAUSED"}\n\n'
    assert fold.feed(event) == event
    assert not fold.done


@pytest.mark.parametrize(
    ("event", "out"),
    [
        (
            b"id: 1\r\nevent: token\r\ndata: {\r\ndata:  }\r\n\r\n",
            b"id: 1\nevent: token\ndata: {  }\n\n",
        ),
        (b"event:token\n: voucher charge_krw=0\ndata:{}\n\n", b"event: token\ndata: {}\n\n"),
        (b"event:token\ndata:{}\n\n\n", b"event: token\ndata: {}\n\n"),
        (b"data:{}\r\n\r\n", b"data: {}\n\n"),
        (b"event:token\r\ndata:{}\n\n", b"event: token\ndata: {}\n\n"),
        (b"retry:3\nevent:token\ndata:{}\n\n", b"retry:3\nevent:token\ndata:{}\n\n"),
        (b"event:other\ndata:[]\n\n", b"event:other\ndata:[]\n\n"),
        (b"event:token\ndata:3\n\n", b""),
        (b"event:token\ndata:{\n\n", b""),
        (b"event:token\ndata\n\n", b""),
        (b"event:token\n\n", b""),
        (b"\n\n", b""),
        (b": hi\n\n", b": keep-alive\n\n"),
    ],
)
def test_odd_frames(event: bytes, out: bytes) -> None:
    fold = StreamFold(V3)
    assert fold.feed(event) == out
    assert (fold.deltas, fold.error) == (0, None)


def test_a_result_that_says_more_than_the_tokens_did() -> None:
    fold = StreamFold(V3)
    through(fold, sse(token3({"content": "ab"}), ("result", {"message": {"content": "abcdefghi"}})))
    assert (fold.deltas, fold.text_bytes, fold.delivered_tokens()) == (1, 9, 2)


@pytest.mark.parametrize("data", [b"oops", b"3", b"{}", b'{"status":{}}', b'{"status":{"code":"20000"}}'])
def test_an_error_event_is_an_error_whatever_it_holds(data: bytes) -> None:
    fold = StreamFold(V3)
    assert fold.feed(b"event:error\ndata:" + data + b"\n\n") == b""
    assert fold.error is not None


def test_graceful_end_of_v3() -> None:
    fold = StreamFold(V3)
    through(fold, sse(token3({"thinkingContent": "음"}), *TALK3))
    frame = fold.graceful_end(Usage(input=7, output=3, reasoning=1))
    assert frame.startswith(b"event: result\ndata: {")
    assert said(frame) == [
        (
            "result",
            {
                "message": {"role": "assistant", "content": TEXT, "thinkingContent": "음"},
                "finishReason": "length",
                "created": 1744710905,
                "seed": 3284419119,
                "usage": {
                    "promptTokens": 7,
                    "completionTokens": 3,
                    "totalTokens": 10,
                    "completionTokensDetails": {"thinkingTokens": 1},
                },
            },
        )
    ]


def test_graceful_end_of_v1() -> None:
    fold = StreamFold(V1)
    through(fold, sse(("token", {"message": {"content": "안"}})))
    ((_, result),) = said(fold.graceful_end(Usage(input=7, output=3)))
    assert result == {
        "message": {"role": "assistant", "content": "안"},
        "stopReason": "LENGTH",
        "inputLength": 7,
        "outputLength": 3,
    }


def test_graceful_end_before_the_first_event_and_after_the_result() -> None:
    ((_, result),) = said(StreamFold(V3).graceful_end(None))
    assert result == {
        "message": {"role": "assistant", "content": ""},
        "finishReason": "length",
        "usage": None,
    }
    fold = StreamFold(V3)
    through(fold, sse(("result", {"message": {"content": "x"}})))
    assert fold.graceful_end(Usage(input=1)) == b""


def test_graceful_end_after_the_last_token_keeps_its_reason() -> None:
    fold = StreamFold(V3)
    through(fold, sse(token3({"content": "x"}, finishReason="stop")))
    ((_, result),) = said(fold.graceful_end(None))
    assert result["finishReason"] == "stop"


@pytest.mark.parametrize(
    ("events", "calls"), [(CALL_TALK, [CALL]), (CALL_TALK[:-1], None), (CALL_TALK[:1], 1)]
)
def test_an_end_holds_tool_calls_that_are_whole(events: Any, calls: Any) -> None:
    fold = StreamFold(V3)
    through(fold, sse(*events))
    ((_, result),) = said(fold.graceful_end(None))
    if calls == 1:  # its arguments may still come: none so far is none
        calls = [{**CALL, "function": {"name": "weather", "arguments": {}}}]
    assert result["message"].get("toolCalls") == calls


def test_failure_is_an_error_event_with_our_code() -> None:
    frame = StreamFold(V3).failure(REFUSAL)
    assert frame.startswith(b"event: error\ndata: {")
    assert said(frame) == [
        ("error", {"status": {"code": "50200", "message": "Try again.", "reason": "upstream_error"}})
    ]


PLAIN: list[Any] = [None, True, 0, 7, -1, 2**63 - 1, 1.5, 3.0, "", "x", "[DONE]", "20000", [], [1], {}]
OBJECTS: list[Any] = [
    {"a": None},
    {"code": 7},
    {"code": "20000"},
    {"code": None, "message": 3},
    {"promptTokens": -3, "totalTokens": "x"},
    {"promptTokens": 3.0, "completionTokens": 4, "completionTokensDetails": 1},
]
ANYTHING = st.sampled_from([*PLAIN, *OBJECTS])
CALLS = st.sampled_from([[], [3], [{}], [{"id": 1, "function": {"name": 2, "partialJson": [3]}}], {}, "x"])
FIELDS = st.sampled_from(
    ["finishReason", "stopReason", "usage", "inputLength", "outputLength", "status", "error", "data", "seed"]
)
MESSAGES = st.fixed_dictionaries({"content": ANYTHING, "thinkingContent": ANYTHING, "toolCalls": CALLS})
HOSTILE = st.builds(
    lambda fields, message: fields | message,
    st.dictionaries(FIELDS, ANYTHING, max_size=3),
    st.fixed_dictionaries({"message": MESSAGES | ANYTHING}),
)
NAMES = st.sampled_from(["token", "result", "signal", "error", "", "other"])


@given(st.lists(st.tuples(NAMES, HOSTILE), max_size=5))
def test_any_type_may_stand_anywhere(events: list[tuple[str, Any]]) -> None:
    body = sse(*events)
    for version in (V1, V3):
        fold, assembler = StreamFold(version), Assembler(version)
        for event in events_of([body]):
            fold.feed(event)
            assembler.feed(event)
        assert fold.usage == assembler.usage
        assert fold.delivered_tokens() == assembler.delivered_tokens() >= 0
        said(fold.graceful_end(Usage(input=1)))
        json.loads(assembler.answer())
        json.loads(assembler.graceful_end(None))


@given(st.lists(st.integers(1, 40), max_size=80), st.sampled_from(STREAMS))
def test_how_bytes_are_cut_changes_nothing(lengths: list[int], synthetic: Synthetic) -> None:
    cuts, start = [], 0
    for length in lengths:
        cuts.append(synthetic.body[start : start + length])
        start += length
    fold, whole = StreamFold(synthetic.version), StreamFold(synthetic.version)
    pieces = b"".join(fold.feed(event) for event in events_of([*cuts, synthetic.body[start:]]))
    assert pieces == b"".join(whole.feed(event) for event in events_of([synthetic.body]))
    assert (fold.usage, fold.delivered_tokens()) == (whole.usage, whole.delivered_tokens())


def test_nested_beyond_what_can_be_written() -> None:
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    event = b'event:result\ndata:{"message":{"toolCalls":[{"function":{"arguments":' + deep + b"}}]}}\n\n"
    assembler, fold = Assembler(V3), StreamFold(V3)
    assembler.feed(event)
    assert fold.feed(event) == event
    assert deep in assembler.answer(Usage(input=1))


def test_arguments_nested_beyond_what_can_be_written_are_left_out() -> None:
    call = {"id": "a", "function": {"name": "f", "partialJson": '{"a":' * 300 + "1" + "}" * 300}}
    fold = StreamFold(V3)
    through(fold, sse(token3({"content": "x", "toolCalls": [call]})))
    ((_, result),) = said(fold.graceful_end(None))
    assert result["message"] == {"role": "assistant", "content": "x"}
