"""What a client gets of a vendor's stream, and what the gateway says in its own words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from metering.usage import Usage
from providers.dialect import Refusal
from providers.openai.stream import StreamFold

CHUNK = b'data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"v-1","choices":[%s]}\n\n'


def delta(text: str, index: int = 0) -> bytes:
    said = json.dumps({"index": index, "delta": {"content": text}, "finish_reason": None}, ensure_ascii=False)
    return CHUNK % said.replace(": ", ":").replace(", ", ",").encode()


def parsed(frames: bytes) -> list[dict[str, Any]]:
    return [json.loads(frame[6:]) for frame in frames.split(b"\n\n") if frame]


def test_ordinary_events_leave_as_they_came_but_for_the_model() -> None:
    fold = StreamFold("nuri-x1", False)
    for text in ("", "a", "값", 'say \\"model\\":\\"v-1\\"', "x"):
        event = delta("a").replace(b'"a"', b'"' + text.encode() + b'"')
        assert fold.feed(event) == event.replace(b'"model":"v-1"', b'"model":"nuri-x1"', 1)
    assert fold.upstream_id == "c1"


@pytest.mark.parametrize(
    ("text", "length"), [("abc", 3), ("값", 3), (r"a\"b", 4), (r"\\", 2), (r"\\\"", 4), ("", 0)]
)
def test_text_is_counted_as_it_stands_in_the_json(text: str, length: int) -> None:
    fold = StreamFold("p", False)
    fold.feed(delta("x"))
    fold.feed(delta("a").replace(b'"a"', b'"' + text.encode() + b'"'))
    assert fold.text_bytes == 1 + length
    assert fold.deltas == (2 if length else 1)


def padded(text: str, padding: str = "abc") -> bytes:
    """As OpenAI hides from who watches the wire how long a word is."""
    return delta(text).replace(b"]}\n", b'],"obfuscation":"%s"}\n' % padding.encode())


@pytest.mark.parametrize("event", [delta, padded])
def test_a_template_does_not_hide_what_differs(event: Callable[[str], bytes]) -> None:
    """Events that begin and end like an ordinary one, and are none."""
    fold = StreamFold("p", True)
    for text in ("a", "b", "c"):
        fold.feed(event(text))
    finish = b'a"},"finish_reason":"stop"},{"index":1,"delta":{"content":"b'
    usage = b'a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2},"z":[{"index":0,"delta":{"content":"'
    assert fold.feed(event("@").replace(b"@", finish))
    assert fold.finished_choices == {0}
    assert fold.feed(event("@").replace(b"@", usage))
    assert fold.usage == Usage(input=1, output=2)
    assert fold.text_bytes == 6


@pytest.mark.parametrize(
    "padding",
    ['x","usage":{"prompt_tokens":1,"completion_tokens":2},"z":"', 'x","error":{"message":"y"},"z":"'],
)
def test_a_template_takes_no_more_than_padding_for_padding(padding: str) -> None:
    fold = StreamFold("p", True)
    for event in (delta, padded, padded):
        fold.feed(event("a"))
    fold.feed(padded("a", padding))
    assert (fold.usage is None) != (fold.error is None)


def test_padding_of_any_length_is_passed_on_as_it_came() -> None:
    fold, templates = StreamFold("p", False), set()
    for count in range(200):
        event = padded("ab", "x" * (count % 16))
        assert fold.feed(event) == event.replace(b'"v-1"', b'"p"')
        templates.add(fold._templates)
    assert (fold.deltas, fold.text_bytes) == (200, 400)
    assert templates == {0, 1}, "one is learnt, and fits all of them"


def test_a_template_follows_what_changes() -> None:
    """Padding that differs each time; a vendor whose clock ticks."""
    fold, out = StreamFold("p", False), b""
    for count in range(200):
        padding = b'"obfuscation":"%s","id"' % (b"x" * (count % 16))
        out += fold.feed(delta("ab").replace(b'"id"', padding).replace(b":7,", b":%d," % (7 + count // 50)))
    assert (fold.deltas, fold.text_bytes, out.count(b'"model":"p"')) == (200, 400, 200)
    assert [chunk["created"] for chunk in parsed(out)][::50] == [7, 8, 9, 10]


def test_a_model_of_the_products_own_name() -> None:
    fold = StreamFold("v-1", False)
    assert all(fold.feed(delta(text)) == delta(text) for text in "abc")


def test_korean_in_escapes_counts_as_korean() -> None:
    fold = StreamFold("p", False)
    fold.feed(delta("x"))
    fold.feed(delta("a").replace(b'"a"', rb'"\uac12\uac12"'))
    assert fold.text_bytes == 1 + 6


def test_the_text_that_flows_is_found_whatever_its_name() -> None:
    fold = StreamFold("p", False)
    fold.feed(delta("x"))
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        fold.feed(CHUNK % b'{"index":0,"delta":{"%s":"four"},"finish_reason":null}' % name.encode())
    call = b'{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"four"}}]}}'
    fold.feed(CHUNK % call)
    assert (fold.deltas, fold.text_bytes) == (6, 21)
    assert fold.delivered_tokens() == 6


def test_a_vendor_that_changes_its_model_in_mid_stream_is_followed() -> None:
    fold = StreamFold("p", False)
    out = fold.feed(delta("x")) + fold.feed(delta("y").replace(b"v-1", b"v-2")) + fold.feed(delta("z"))
    assert [chunk["model"] for chunk in parsed(out)] == ["p", "p", "p"]


def test_a_model_spelt_with_escapes_is_replaced() -> None:
    fold = StreamFold("p", False)
    out = fold.feed(delta("x").replace(b"v-1", rb"meta\/v")) + fold.feed(
        delta("y").replace(b"v-1", rb"meta\/v")
    )
    assert [chunk["model"] for chunk in parsed(out)] == ["p", "p"]


def test_a_model_that_is_not_first_in_the_text_is_the_right_one() -> None:
    event = b'data: {"x":{"model":"inner"},"model":"outer","choices":[]}\n\n'
    assert parsed(StreamFold("p", False).feed(event)) == [
        {"x": {"model": "inner"}, "model": "p", "choices": []}
    ]


def test_a_chunk_without_a_model_gets_none() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    assert StreamFold("p", False).feed(event) == event


@pytest.mark.parametrize("event", [b"data: {\n\n", b"data: 3\n\n", b"event: ping\n\n", b"\n\n", b"data:\n\n"])
def test_what_no_sdk_could_read_is_dropped(event: bytes) -> None:
    assert StreamFold("p", False).feed(event) == b""


def test_done_is_withheld() -> None:
    fold = StreamFold("p", False)
    assert fold.feed(b"data: [DONE]\n\n") == b""
    assert fold.done


def test_graceful_end_ends_each_open_choice_by_length() -> None:
    fold = StreamFold("p", True)
    fold.feed(delta("a", 0))
    fold.feed(delta("b", 1))
    fold.feed(delta("c", 2))
    fold.feed(CHUNK % b'{"index":1,"delta":{},"finish_reason":"stop"}')
    frames = parsed(fold.graceful_end(Usage(input=5, cached_input=2, output=3, reasoning=1)))
    assert [choice["index"] for chunk in frames for choice in chunk["choices"]] == [0, 2]
    assert {choice["finish_reason"] for chunk in frames for choice in chunk["choices"]} == {"length"}
    assert all((chunk["id"], chunk["model"], chunk["created"]) == ("c1", "p", 7) for chunk in frames)
    assert frames[-1]["choices"] == []
    assert frames[-1]["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 0},
    }


def test_graceful_end_before_the_first_event() -> None:
    (chunk,) = parsed(StreamFold("p", False).graceful_end(Usage()))
    assert chunk["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}]
    assert "usage" not in chunk


def test_usage_that_came_where_sdks_do_not_look_is_owed() -> None:
    fold = StreamFold("p", True)
    fold.feed(
        CHUNK[:-3] % b'{"index":0,"delta":{},"finish_reason":"stop"}' + b',"x_groq":{"usage":'
        b'{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}\n\n'
    )
    (chunk,) = parsed(fold.owed_frames())
    assert (chunk["choices"], chunk["usage"]["total_tokens"]) == ([], 3)


def test_usage_that_was_sent_or_not_asked_for_is_not_owed() -> None:
    last = b'data: {"model":"v","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    for asked in (True, False):
        fold = StreamFold("p", asked)
        assert (fold.feed(last) != b"") == asked
        assert fold.owed_frames() == b""


def test_error_frame_is_what_sdks_raise_on() -> None:
    refusal = Refusal(502, "upstream_error", "Try again.", "api_error")
    assert parsed(StreamFold("p", False).failure(refusal)) == [
        {"error": {"message": "Try again.", "type": "api_error", "param": None, "code": "upstream_error"}}
    ]


def test_an_ordinary_event_is_cheap() -> None:
    """A guard, not a benchmark: the aim is 3 µs, the wall is ten times that."""
    fold, event, count = StreamFold("p", False), delta(" world"), 5_000
    fold.feed(event)
    best_s = min(_seconds(fold, event, count) for _ in range(3))
    assert best_s / count < 30e-6


def _seconds(fold: StreamFold, event: bytes, count: int) -> float:
    start_s = time.perf_counter()
    for _ in range(count):
        fold.feed(event)
    return time.perf_counter() - start_s
