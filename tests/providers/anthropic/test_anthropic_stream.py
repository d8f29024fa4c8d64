"""What a client gets of a vendor's stream, and what the gateway says in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.anthropic.assemble import Assembler
from providers.anthropic.stream import StreamFold
from providers.dialect import Refusal
from providers.errors import VendorError
from providers.sse import COMMENT_FRAME
from tests.fakes.vendor_stream import in_random_reads, put_through
from tests.providers.anthropic.talk import (
    PING,
    STOP,
    TALK,
    begin,
    delta,
    end,
    event_of,
    finish,
    start,
    stream_of,
)

TEXT = delta(0, "text_delta", text="hello")


def fed(*events: dict[str, Any]) -> StreamFold:
    fold = StreamFold("nuri-x1")
    for event in events:
        fold.feed(event_of(event))
    return fold


def parsed(frames: bytes) -> list[dict[str, Any]]:
    """Each frame's data, its name being the type in it."""
    events = []
    for frame in frames.split(b"\n\n")[:-1]:
        name, data = frame.split(b"\n")
        events.append(json.loads(data.removeprefix(b"data: ")))
        assert name == b"event: " + events[-1]["type"].encode()
    return events


def test_events_leave_as_they_came_but_for_the_model_and_the_end() -> None:
    fold = StreamFold("nuri-x1")
    frames = put_through(fold, [stream_of(TALK)])
    named = event_of(TALK[0]).replace(b'"model":"claude-x-20260101"', b'"model":"nuri-x1"')
    assert frames == [named, *map(event_of, TALK[1:-1])]
    assert (fold.done, fold.finished, fold.upstream_id) == (True, True, "msg_1")
    assert fold.usage == Usage(input=9, output=7)
    assert fold.terminal() == event_of(STOP)


def test_the_vendors_own_last_frame_is_kept() -> None:
    last = b'event: message_stop\ndata: {"type":"message_stop"      }\n\n'
    fold = StreamFold("p")
    assert (fold.feed(last), fold.terminal()) == (b"", last)


@pytest.mark.parametrize(
    ("event", "out"),
    [
        (b'data: {"type":"ping"}\n\n', b'event: ping\ndata: {"type":"ping"}\n\n'),
        (b'event:ping\r\ndata:{"type":"ping"}\r\n\r\n', b'event: ping\ndata: {"type":"ping"}\n\n'),
        (b'id: 7\nevent: x\ndata: {"type":\ndata: "ping"}\n\n', b'event: ping\ndata: {"type": "ping"}\n\n'),
        (b'event: later_kind\ndata: {"a":1}\n\n', b'event: later_kind\ndata: {"a":1}\n\n'),
        (b": OPENROUTER PROCESSING\n\n", COMMENT_FRAME),
        (b'event: a b\ndata: {"type":"x\\ny"}\n\n', b""),
        (b"event: ping\n\n", b""),
        (b"event: ping\ndata: {\n\n", b""),
        (b"event: ping\ndata: 3\n\n", b""),
        (b"data: {}\n\n", b""),
        (b"\n\n", b""),
    ],
)
def test_frames_are_written_as_sdks_want_them(event: bytes, out: bytes) -> None:
    assert StreamFold("p").feed(event) == out


def test_no_model_but_the_products_leaves() -> None:
    for said in ({"model": "other", "id": "m"}, {"id": "m"}, {"model": None}, {"model": {"model": "x"}}):
        (event,) = parsed(StreamFold("p").feed(event_of({"type": "message_start", "message": said})))
        assert event["message"]["model"] == "p"
    odds: list[Any] = [[], "m", None]
    for odd in odds:
        fold = StreamFold("p")
        assert fold.feed(event_of({"type": "message_start", "message": odd}))
        assert fold.usage is None


def test_usage_is_the_last_word_and_none_before_it() -> None:
    first = {"input_tokens": 20, "cache_read_input_tokens": 4, "output_tokens": 1}
    last = finish("end_turn", {"input_tokens": 30, "cache_read_input_tokens": None, "output_tokens": 8})
    more = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}}
    assert fed(start(first), begin(0, {"type": "text", "text": ""}), TEXT, end(0)).usage is None
    assert fed(start(first), last).usage == Usage(input=30, cached_input=4, output=8)
    assert fed(start(first), last, more).usage == Usage(input=30, cached_input=4, output=9)


@pytest.mark.parametrize("usage", [None, [], {}, {"input_tokens": 5}, {"output_tokens": None}])
def test_a_last_event_that_counts_no_output_is_no_usage(usage: Any) -> None:
    fold = fed(start(), {**finish("end_turn"), "usage": usage})
    assert (fold.usage, fold.finished) == (None, True)


def test_what_follows_the_end_is_heard_and_not_passed_on() -> None:
    fold = fed(*TALK)
    late = [start(), TEXT, PING, finish("end_turn", {"input_tokens": 3, "output_tokens": 2}), STOP]
    before = (fold.deltas, fold.text_bytes)
    assert put_through(fold, [stream_of(late) + b": x\n\n"]) == []
    assert (fold.usage, fold.deltas, fold.text_bytes) == (Usage(input=3, output=2), *before)


def test_an_error_is_withheld_and_said_in_our_words() -> None:
    fold = fed(start(), TEXT)
    said = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert fold.feed(event_of(said)) == b""
    assert fold.error == VendorError(200, "Overloaded", type="overloaded_error")
    assert fold.feed(event_of(TEXT)) == b""
    refusal = Refusal(502, "upstream_error", "Try again.", "api_error", request_id="r1")
    assert fold.failure(refusal) == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Try again.",'
        b'"code":"upstream_error"},"request_id":"r1"}\n\n'
    )


@pytest.mark.parametrize(
    "event",
    [
        b'event: error\ndata: {"type":"error"}\n\n',
        b'event: error\ndata: {"message":"m"}\n\n',
        b'data: {"type":"error","error":"m"}\n\n',
        b'event: error\ndata: {"type":"ping"}\n\n',
    ],
)
def test_errors_of_other_shapes_are_errors(event: bytes) -> None:
    fold = StreamFold("p")
    assert fold.feed(event) == b""
    assert fold.error is not None


def test_graceful_end_closes_what_is_open() -> None:
    fold = fed(start(), begin(0, {"type": "text", "text": ""}), end(0), begin(1, {}), begin(2, {}), TEXT)
    usage = Usage(input=5, cached_input=2, output=3, reasoning=1)
    assert parsed(fold.graceful_end(usage) + fold.terminal()) == [
        end(1),
        end(2),
        finish(
            "max_tokens",
            {
                "input_tokens": 5,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 2,
                "output_tokens": 3,
                "output_tokens_details": {"thinking_tokens": 1},
            },
        ),
        STOP,
    ]


def test_graceful_end_before_the_first_event() -> None:
    begun, ended = parsed(StreamFold("p").graceful_end(Usage(input=5, output=3)))
    message = begun["message"]
    assert (message["model"], message["content"], message["stop_reason"]) == ("p", [], None)
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (5, 0)
    assert (ended["delta"]["stop_reason"], ended["usage"]["output_tokens"]) == ("max_tokens", 3)


def test_graceful_end_of_what_the_vendor_has_ended() -> None:
    assert fed(*TALK[:-1]).graceful_end(Usage()) == b""


def test_nothing_is_owed_and_the_comment_is_a_comment() -> None:
    fold = fed(*TALK)
    assert fold.owed_frames() == b""
    assert fold.comment(b"voucher charge_krw=1") == b": voucher charge_krw=1\n\n"


@given(st.binary(max_size=200), st.integers(0, len(TALK)))
def test_whatever_a_vendor_sends_is_read_alike_however_it_is_cut(junk: bytes, place: int) -> None:
    body = stream_of(TALK[:place]) + junk + b"\n\n" + stream_of(TALK[place:])
    whole, pieces = StreamFold("p"), StreamFold("p")
    assert b"".join(put_through(whole, [body])) == b"".join(put_through(pieces, in_random_reads(body, "x")))
    assert (whole.usage, whole.text_bytes) == (pieces.usage, pieces.text_bytes)


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"input_tokens": 9, "output_tokens": 1}, Usage(input=9)),
        ({"input_tokens": 9, "cache_read_input_tokens": 90}, Usage(input=9, cached_input=90)),
        ({"input_tokens": 9, "service_tier": "priority"}, Usage(input=9, service_tier="priority")),
        ({"input_tokens": 0, "output_tokens": 0}, None),  # some tell it last
        ({"output_tokens": 1}, None),
        ({"input_tokens": "9"}, None),
        ({}, None),
    ],
)
def test_the_first_event_tells_the_input(told: dict[str, Any], counted: Usage | None) -> None:
    """It is known before the usage is, and no number of the output with it."""
    fold = StreamFold("p")
    assert fold.told_input() is None
    put_through(fold, [stream_of([start(told), *TALK[1:4]])])
    assert (fold.usage, fold.told_input()) == (None, counted)


ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({})
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "message", "index", "delta", "content_block", "usage", "error"]),
            ODD
            | st.sampled_from([event["type"] for event in TALK] + ["error"])
            | st.dictionaries(st.sampled_from(["type", "model", "usage", "text", "stop_reason"]), ODD),
        ),
        max_size=5,
    )
)
def test_events_of_any_types_are_survived(events: list[dict[str, Any]]) -> None:
    fold, assembler = StreamFold("p"), Assembler("p")
    for event in [*events, start(), *events]:
        written = f"event: x\ndata: {json.dumps(event)}\n\n".encode()
        fold.feed(written)
        assembler.feed(written)
    fold.graceful_end(None)
    assert json.loads(assembler.graceful_end(Usage()))["model"] == "p"
