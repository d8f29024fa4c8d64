"""What a client gets of a vendor's stream while it runs."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.gemini.stream import StreamFold
from tests.fakes.gemini_stream import chunk, fed, named, parsed


def test_events_leave_one_by_one_but_for_the_last() -> None:
    fold = StreamFold("p")
    first, second, last = chunk("a"), chunk("값"), chunk("b", finish="STOP", prompt=3, candidates=4)
    assert parsed(fed(fold, first)) == named(first)
    assert parsed(fed(fold, second)) == named(second)
    assert fed(fold, last) == b""
    assert parsed(fold.terminal()) == named(last)
    assert fold.terminal() == b"", "it is given once"
    assert (fold.usage, fold.upstream_id, fold.done) == (Usage(input=3, output=4), "r1", False)


def test_an_array_is_opened_continued_and_closed() -> None:
    fold = StreamFold("p", as_array=True)
    first, second, last = chunk("a"), chunk("b"), chunk("c", finish="STOP")
    out = fed(fold, first)
    assert out.startswith(b"[{")
    out += fed(fold, second)
    assert b"},\r\n{" in out
    out += fed(fold, last) + fold.owed_frames() + fold.comment(b"voucher charge_krw=1") + fold.terminal()
    assert out.endswith(b"}]")
    assert json.loads(out) == named(first, second, last)


def test_an_array_of_one_and_of_none() -> None:
    fold = StreamFold("p", as_array=True)
    assert fed(fold, chunk("a", finish="STOP")) == b""
    assert json.loads(fold.terminal()) == named(chunk("a", finish="STOP"))
    assert StreamFold("p", as_array=True).terminal() == b"[]"
    assert StreamFold("p").terminal() == b""


def test_what_follows_the_end_is_withheld_with_it() -> None:
    fold = StreamFold("p")
    late = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}, "modelVersion": "v-1"}
    stray = chunk("b", index=1)
    assert fed(fold, chunk("a", finish="STOP"), late, stray) == b""
    assert parsed(fold.terminal()) == named(chunk("a", finish="STOP"), late, stray)
    assert fold.usage == Usage(input=1, output=2)


def test_of_several_candidates_the_last_to_end_is_withheld() -> None:
    fold = StreamFold("p")
    both = chunk("a", index=0)
    both["candidates"] += chunk("b", index=1)["candidates"]
    out = fed(fold, both, chunk("c", index=0, finish="STOP"), chunk("d", index=1))
    assert len(parsed(out)) == 3
    assert fed(fold, chunk("e", index=1, finish="STOP")) == b""
    assert len(parsed(fold.terminal())) == 1


@pytest.mark.parametrize("finish", ["STOP", "MAX_TOKENS", "SAFETY", "OF_A_LATER_YEAR", 1])
def test_reasons_that_end(finish: Any) -> None:
    fold = StreamFold("p")
    assert fed(fold, chunk("a", finish=finish)) == b""
    assert fold.finished


@pytest.mark.parametrize("finish", [None, "", 0, "FINISH_REASON_UNSPECIFIED", True, [], {}])
def test_reasons_that_do_not(finish: Any) -> None:
    fold = StreamFold("p")
    assert fed(fold, chunk("a", finish=finish)) != b""
    assert not fold.finished


def test_a_blocked_prompt_ends_a_stream_without_candidates() -> None:
    fold = StreamFold("p")
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
        "modelVersion": "v-1",
    }
    assert fed(fold, blocked) == b""
    assert (fold.finished, fold.usage) == (True, Usage(input=4))
    assert parsed(fold.terminal()) == named(blocked)


def test_counts_before_the_end_are_reckoned_with_and_are_no_bill() -> None:
    fold = StreamFold("p")
    fed(fold, chunk("a", prompt=9, thoughts=300, candidates=1, total=310))
    assert (fold.usage, fold.delivered_tokens()) == (None, 301)
    fed(fold, chunk("b", prompt=9))
    assert fold.delivered_tokens() == 301
    fed(fold, chunk("c", finish="STOP", prompt=9, candidates=900, thoughts=300, total=1209))
    assert fold.delivered_tokens() == 301, "so that output which shows in the last chunk only is noticed"
    assert fold.usage == Usage(input=9, output=1200, reasoning=300)


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"text": ""}, 0),
        ({"text": "a"}, 1),
        ({"text": "값" * 40}, 30),
        ({"text": "a" * 40, "thought": True}, 10),
        ({"functionCall": {"name": "f" * 40}}, 12),
        ({"executableCode": {"code": "1" * 40}}, 12),
        ({"codeExecutionResult": {"output": "1" * 400}}, 0),
        ({"inlineData": {"mimeType": "image/png", "data": "A"}}, 1_290),
        ({"inlineData": {"mimeType": "audio/L16", "data": "A" * 25_600}}, 10),
        ({"inlineData": 3, "text": 3, "functionCall": []}, 0),
    ],
)
def test_what_was_delivered_is_estimated(part: dict[str, Any], tokens: int) -> None:
    fold = StreamFold("p")
    event = chunk()
    event["candidates"][0]["content"]["parts"] = [part]
    fed(fold, event)
    assert fold.delivered_tokens() == tokens


@pytest.mark.parametrize(
    "event",
    [
        b": a comment\n\n",
        b"data: {\n\n",
        b"data: 3\n\n",
        b"data: []\n\n",
        b"data: [DONE]\n\n",
        b"event: ping\n\n",
        b"\n\n",
        b"{ cut in the mid\n\n",
    ],
)
@pytest.mark.parametrize("as_array", [False, True])
def test_what_no_sdk_could_read_is_dropped(event: bytes, as_array: bool) -> None:
    fold = StreamFold("p", as_array)
    assert fold.feed(event) == b""
    assert (fold.error, fold.finished) == (None, False)


@pytest.mark.parametrize("reads", [b'data: {"a":\r\ndata: 1}\r\n\r\n', b'data:{"a":\ndata:1}\n\n'])
def test_data_of_several_lines_leaves_on_one(reads: bytes) -> None:
    assert StreamFold("p").feed(reads).split() == [b"data:", b'{"a":', b"1}"]


@pytest.mark.parametrize(
    "event",
    [
        b'{"modelVersion":"v\\/1","a":1}',
        b'{"modelVersion" : "v","a":1}',
        b'{"x":{"modelVersion":"inner"},"modelVersion":"outer","a":1}',
        b'{"model\\u0056ersion":"v","a":1}',
        b'{"modelVersion":3,"a":1}',
        b'{"modelVersion":null,"a":1}',
        b'{"x":"modelVersion","modelVersion":"v","a":1}',
    ],
)
def test_the_model_is_the_product(event: bytes) -> None:
    (out,) = parsed(StreamFold("p").feed(b"data: " + event + b"\n\n"))
    assert out == {**json.loads(event), "modelVersion": "p"}


def test_a_chunk_without_a_model_gets_none() -> None:
    assert StreamFold("p").feed(b'data: {"candidates":[]}\n\n') == b'data: {"candidates":[]}\n\n'


def test_what_is_nested_more_deeply_than_json_is_written_is_dropped_where_it_must_be() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    event = b'data: {"modelVersion":"v","x":' + deep + b"}\n\n"
    assert StreamFold("p").feed(event) == event.replace(b'"v"', b'"p"')
    assert StreamFold("p").feed(event.replace(b"{", b'{"y":"modelVersion",', 1)) == b""


HOSTILE: Final[list[Any]] = [None, True, 3, 1.5, "x", [], {}, [None], [3], {"a": 1}, [[]], [{}]]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "path",
    [
        ("candidates",),
        ("usageMetadata",),
        ("promptFeedback",),
        ("responseId",),
        ("createTime",),
        ("candidates", 0),
        ("candidates", 0, "content"),
        ("candidates", 0, "content", "parts"),
        ("candidates", 0, "content", "parts", 0),
        ("candidates", 0, "content", "parts", 0, "text"),
        ("candidates", 0, "index"),
        ("candidates", 0, "groundingMetadata"),
        ("usageMetadata", "promptTokenCount"),
        ("usageMetadata", "promptTokensDetails"),
    ],
)
def test_any_type_anywhere_is_passed_on(path: tuple[Any, ...], value: Any) -> None:
    event = chunk("a", index=0, prompt=1)
    place: Any = event
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    fold = StreamFold("p")
    assert parsed(fed(fold, event) + fold.terminal()) == named(event)
    fold.graceful_end(None)
