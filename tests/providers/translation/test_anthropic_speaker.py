"""What a caller of Anthropic's dialect gets while a vendor of another speaks, and where that one stops."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from anthropic import APIStatusError
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.anthropic.speaker import Speaker
from providers.translation.anthropic.stream import Listener
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, TextDelta, ThinkingDelta
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.vendor_stream import put_through
from tests.providers.anthropic.talk import STOP, TALK, TOOL_CALL, begin, delta, end, event_of, finish, start
from tests.providers.anthropic.test_sdk_anthropic import streamed
from tests.providers.translation.sdk_openai import whole_of_stream
from tests.providers.translation.test_anthropic_streams import assert_well_formed, said_in_blocks

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, include_usage=True)
USAGE: Final = Usage(input=9, cached_input=5, output=3)


def spoken(deltas: list[Delta], *, cut: bool = False) -> dict[str, Any]:
    """As the SDK puts it together."""
    speaker = Speaker("p", FACTS)
    speaker.reply_id = "chatcmpl-7"
    frames = b"".join(speaker.feed([said]) for said in deltas)
    frames += speaker.graceful_end(USAGE) if cut else speaker.finish(USAGE)
    assert speaker.finish(USAGE) == speaker.graceful_end(USAGE) == b""
    frames += speaker.comment(b"voucher charge_krw=1") + speaker.terminal()
    assert_well_formed(frames)
    message: dict[str, Any] = streamed(frames).to_dict(warnings=False)
    assert (message["id"], message["model"]) == ("chatcmpl-7", "p")
    counted = message["usage"]
    assert (counted["input_tokens"], counted["cache_read_input_tokens"], counted["output_tokens"]) == (
        9,
        5,
        3,
    )
    return message


def call(number: int, arguments: str = "", **more: Any) -> CallDelta:
    return CallDelta(0, number, arguments=arguments, **more)


FIRST: Final = call(0, call_id="c0", name="weather")
SECOND: Final = call(1, call_id="c1", name="clock")
THIRD: Final = call(2, call_id="c2", name="clock")


@pytest.mark.parametrize(
    ("deltas", "said"),
    [
        ([], []),
        ([TextDelta(0, "a"), TextDelta(0, "b"), TextDelta(1, "of another choice")], ["ab"]),
        ([ThinkingDelta(0, "hm"), ThinkingDelta(0, "", "c2ln"), TextDelta(0, "a")], [("hm", "c2ln"), "a"]),
        ([TextDelta(0, "a"), FIRST, call(0, '{"a"'), call(0, ":1}")], ["a", {"a": 1}]),
        ([FIRST, call(0, "{}"), SECOND, call(1, '{"b":2}')], [{}, {"b": 2}]),
        ([FIRST], [{}]),
        # Vendors that say several at once, or a word in the midst of a call.
        (
            [FIRST, SECOND, call(0, '{"a"'), call(1, '{"b"'), call(0, ":1}"), call(1, ":2}")],
            [{"a": 1}, {"b": 2}],
        ),
        (
            [
                FIRST,
                call(0, "{"),
                SECOND,
                THIRD,
                call(1, '{"b"'),
                call(2, "{"),
                call(1, ":2}"),
                call(2, "}"),
                call(0, "}"),
            ],
            [{}, {"b": 2}, {}],
        ),
        (
            [FIRST, call(0, '{"a"'), TextDelta(0, "so"), SECOND, call(0, ":1}"), call(1, "{}")],
            [{"a": 1}, "so", {}],
        ),
        ([FIRST, call(0, '{"a":1}'), SECOND, call(1, "{}"), call(0, "}")], [{"a": 1}, {}]),
    ],
)
def test_blocks_are_said_one_by_one(deltas: list[Delta], said: list[Any]) -> None:
    message = spoken([*deltas, ChoiceEnd(0, "stop")])
    blocks = [
        block.get("text", block.get("input", (block.get("thinking"), block.get("signature"))))
        for block in message["content"]
    ]
    assert blocks == said
    has_calls = any(type(delta) is CallDelta for delta in deltas)
    assert message["stop_reason"] == ("tool_use" if has_calls else "end_turn")


@pytest.mark.parametrize(
    ("ending", "reason"), [("length", "max_tokens"), ("tool_calls", "tool_use"), ("filtered", "refusal")]
)
def test_why_it_ended(ending: Any, reason: str) -> None:
    assert spoken([TextDelta(0, "a"), ChoiceEnd(0, ending)])["stop_reason"] == reason
    assert spoken([TextDelta(0, "a"), ChoiceEnd(0, ending)], cut=True)["stop_reason"] == reason
    assert spoken([TextDelta(0, "a")], cut=True)["stop_reason"] == "max_tokens"


pieces: Final = st.one_of(
    st.builds(TextDelta, st.just(0), st.text(min_size=1, max_size=3)),
    st.builds(ThinkingDelta, st.just(0), st.text(max_size=3), st.none() | st.just("c2ln")),
    st.builds(call, st.integers(0, 2), st.sampled_from(['{"a"', ":1}", "{}", ""])),
    st.builds(ChoiceEnd, st.just(0), st.sampled_from(["stop", "length", "tool_calls", "filtered"])),
)


@given(st.lists(pieces, max_size=12), st.booleans())
def test_whatever_comes_the_frames_are_well_formed_and_no_text_is_lost(
    deltas: list[Delta], cut: bool
) -> None:
    speaker = Speaker("p", FACTS)
    frames = speaker.feed(deltas) + (speaker.graceful_end(None) if cut else speaker.finish(None))
    assert_well_formed(frames + speaker.terminal())
    listener, heard = Listener(), []
    for event in (frames + speaker.terminal()).split(b"\n\n"):
        heard += listener.feed(event + b"\n\n")
    for kind in (TextDelta, ThinkingDelta):
        said = "".join(delta.text for delta in deltas if type(delta) is kind)
        assert "".join(delta.text for delta in heard if type(delta) is kind) == said


@given(st.lists(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "index", "delta", "content_block", "text", "input", "partial_json"]),
        inner | st.sampled_from(["content_block_start", "content_block_delta", "message_delta", "tool_use",
                                 "text_delta", "input_json_delta"])),
), max_size=6))  # fmt: skip
def test_any_type_anywhere_in_an_event_is_heard(events: list[Any]) -> None:
    listener = Listener()
    for said in events:
        heard = listener.feed(b"data: " + json.dumps(said).encode() + b"\n\n")
        assert all(piece.choice == 0 for piece in heard)


ANY: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "thinking", "signature", "id", "name", "input"]),
            inner | st.sampled_from(["text", "thinking", "tool_use"]),
        )
    ),
)


@given(ANY, ANY, ANY)
def test_any_type_anywhere_in_an_answer_is_said(content: Any, stop_reason: Any, answer_id: Any) -> None:
    body = json.dumps({"id": answer_id, "content": content, "stop_reason": stop_reason}).encode()
    for caller in (ANTHROPIC, OPENAI):
        answer = pair(caller, ANTHROPIC).answer(body, product_id="p", quirks=NO_QUIRKS)
        assert json.loads(answer.body)["model"] == "p"


@pytest.mark.parametrize("events", [TALK, TOOL_CALL])
def test_openais_caller_is_cut_in_its_own_words(events: list[dict[str, Any]]) -> None:
    operation = pair(OPENAI, ANTHROPIC)
    assert operation.fold is not None
    for count in range(len(events)):
        fold = operation.fold("p", FACTS, NO_QUIRKS)
        frames = put_through(fold, map(event_of, events[:count]))
        frames.append(fold.graceful_end(USAGE) + fold.comment(b"voucher charge_krw=1") + fold.terminal())
        said = whole_of_stream(b"".join(frames))
        expected = {"end_turn": "stop", "tool_use": "tool_calls"}[events[-2]["delta"]["stop_reason"]]
        assert said.ending == (expected if fold.finished else "length"), count
        assert said.usage is not None
        assert said.usage["completion_tokens"] == 3


def test_an_input_that_came_whole_and_none_at_all() -> None:
    """Callers of other dialects read the arguments as JSON, also of a tool that takes none."""
    events = [
        start(),
        begin(0, {"type": "tool_use", "id": "t1", "name": "weather", "input": {"at": "서울"}}),
        end(0),
        begin(1, {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}),
        delta(1, "input_json_delta", partial_json='{"query": "x"}'),
        end(1),
        begin(2, {"type": "tool_use", "id": "t2", "name": "clock", "input": {}}),
        delta(2, "input_json_delta", partial_json=""),
        end(2),
        finish("tool_use"),
        finish("end_turn"),
        STOP,
        delta(2, "text_delta", text="after the end"),
    ]
    operation = pair(OPENAI, ANTHROPIC)
    assert operation.fold is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    frames = put_through(fold, map(event_of, events))
    said = whole_of_stream(b"".join(frames) + fold.owed_frames() + fold.terminal())
    assert said.told() == {
        "text": "",
        "thought": "",
        "calls": [["t1", "weather", {"at": "서울"}], ["t2", "clock", {}]],
        "ending": "tool_calls",
    }
    assert b"".join(frames).count(b'"finish_reason":"') == 1
    assert [json.loads(arguments) for _, _, arguments in said.calls] == [{"at": "서울"}, {}]


def test_a_failure_in_mid_stream_raises() -> None:
    speaker = Speaker("p", FACTS)
    frames = speaker.feed([TextDelta(0, "a")])
    refusal = Refusal(502, "upstream_error", "Try again.", "api_error", request_id="r1")
    with pytest.raises(APIStatusError) as raised:
        streamed(frames + speaker.failure(refusal))
    assert raised.value.body["error"]["code"] == "upstream_error"  # type: ignore[index]


def test_arguments_cut_in_the_middle_are_none() -> None:
    """As the dialect itself has it; numbers stay as the vendor wrote them."""
    operation = pair(ANTHROPIC, OPENAI)
    for arguments, said in [('{"a":', {}), ("[1]", {}), ('{"a":1e400000}', {}), ('{"n":1.50}', {"n": 1.5})]:
        function = {"name": "weather", "arguments": arguments}
        message = {"content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]}
        body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        answer = operation.answer(json.dumps(body).encode(), product_id="p", quirks=NO_QUIRKS)
        heard = json.loads(answer.body)
        assert (heard["content"][0]["input"], heard["stop_reason"]) == (said, "tool_use")
        assert heard["usage"] == {"input_tokens": None, "output_tokens": None}
        assert said_in_blocks(heard)["calls"] == [["c1", "weather", said]]
        assert (b"1.50" in answer.body) == ("1.50" in arguments)


def test_an_input_nested_too_deeply_to_be_written_is_none() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    body = b'{"content":[{"type":"tool_use","id":"t1","name":"weather","input":' + deep + b"}]}"
    answer = pair(OPENAI, ANTHROPIC).answer(body, product_id="p", quirks=NO_QUIRKS)
    [call_said] = json.loads(answer.body)["choices"][0]["message"]["tool_calls"]
    assert call_said["function"] == {"name": "weather", "arguments": "{}"}
