"""What is said to CLOVA Studio's callers: pieces, their result, and what ends a stream."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.clova.version import V1, V3, Version
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.translation.clova.result import say
from providers.translation.clova.speaker import Speaker
from providers.translation.gathering import Gathering
from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Delta,
    Ending,
    Image,
    ImageDelta,
    Reply,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
)
from tests.fakes.any_json import nested
from tests.providers.clova.events import said as events_in
from tests.providers.translation.clova_reader import read_result, said_in, stream_result

FACTS: Final = RequestFacts(
    purpose="chat", model="p", body_bytes=1, stream=True, op="op1", began_s=7, repeats=b'{"seed":5}'
)
USAGE: Final = Usage(input=3, cached_input=4, output=2, reasoning=1)
COUNTED: Final = {
    "promptTokens": 7,
    "completionTokens": USAGE.output_total,
    "totalTokens": 7 + USAGE.output_total,
    "completionTokensDetails": {"thinkingTokens": 1},
}
BORN: Final = {"created": 7, "seed": 5}


def token(**message: Any) -> tuple[str, Any]:
    said = {"message": {"role": "assistant", "content": "", **message}, "finishReason": None}
    return "token", {**said, **BORN, "usage": None}


def piece(number: int, text: str, **begun: str) -> tuple[str, Any]:
    function = {"partialJson": text, **({"name": begun["name"]} if begun else {})}
    call = {"index": number, "type": "function", "function": function}
    return token(toolCalls=[call | ({"id": begun["id"]} if begun else {})])


def result(reason: str, **message: Any) -> tuple[str, Any]:
    said = {"message": {"role": "assistant", "content": "", **message}, "finishReason": reason}
    return "result", {**said, **BORN, "usage": COUNTED}


def whole_call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def spoken(*deltas: Delta, v1: bool = False) -> tuple[Speaker, bytes]:
    speaker = Speaker("p", FACTS, V1 if v1 else V3)
    return speaker, b"".join([speaker.feed([delta]) for delta in deltas])


def test_a_stream() -> None:
    speaker, frames = spoken(
        ThinkingDelta(0, "hm"), ThinkingDelta(0, "", "seal"), TextDelta(0, "안녕"), TextDelta(0, ""),
        TextDelta(1, "of another choice"), ImageDelta(0, Image(url="u")), ChoiceEnd(0, "stop"),
    )  # fmt: skip
    frames += speaker.finish(USAGE)
    shown = "[a picture is left out here]"
    assert events_in(frames) == [
        token(thinkingContent="hm"), token(content="안녕"), token(content=shown),
        result("stop", content="안녕" + shown, thinkingContent="hm"),
    ]  # fmt: skip
    assert frames.startswith(b"id: op1-0\nevent: token\ndata: {")
    assert [line for line in frames.decode().split("\n") if line.startswith("id")] == [
        f"id: op1-{number}" for number in range(4)
    ]
    assert speaker.finish(USAGE) == speaker.graceful_end(USAGE) == b"", "it is over"
    assert speaker.terminal() == b'event: signal\ndata: {"data":"[DONE]"}\n\n'
    assert speaker.comment(b"voucher charge_krw=1") == b": voucher charge_krw=1\n\n"


def test_a_stream_of_v1() -> None:
    speaker, frames = spoken(TextDelta(0, "안녕"), ChoiceEnd(0, "stop"), v1=True)
    assert events_in(frames + speaker.finish(USAGE)) == [
        ("token", {"message": {"role": "assistant", "content": "안녕"}, "stopReason": None, "seed": 5}),
        ("result", {"message": {"role": "assistant", "content": "안녕"}, "stopReason": "stop_before",
                    "seed": 5, "inputLength": 7, "outputLength": USAGE.output_total}),
    ]  # fmt: skip


def test_calls_in_turns_are_told_one_after_the_other() -> None:
    speaker, frames = spoken(
        CallDelta(0, 0, "c1", "weather"), CallDelta(0, 1, "c2", "clock", '{"at"'),
        CallDelta(0, 0, arguments='{"at": "서울"}'), TextDelta(0, "잠시"), CallDelta(0, 1, arguments=": 9}"),
        CallDelta(0, 2, None, "search"), ChoiceEnd(0, "stop"),
    )  # fmt: skip
    told = [piece(0, "", id="c1", name="weather"), piece(0, '{"at": "서울"}'), token(content="잠시")]
    assert events_in(frames) == told, "the others wait"
    frames += speaker.finish(USAGE)
    assert events_in(frames)[len(told) :] == [
        piece(1, '{"at"', id="c2", name="clock"), piece(1, ": 9}"), piece(2, "", id="call_2", name="search"),
        result("tool_calls", content="잠시", toolCalls=[
            whole_call("c1", "weather", {"at": "서울"}), whole_call("c2", "clock", {"at": 9}),
            whole_call("call_2", "search", {}),
        ]),
    ]  # fmt: skip
    stream_result(frames + speaker.terminal())


def test_a_call_that_is_whole_lets_the_next_one_begin() -> None:
    _, frames = spoken(
        CallDelta(0, 0, "c1", "weather", "{}"), CallDelta(0, 1, "c2", "clock", "{"),
        CallDelta(0, 0, arguments=" "), CallDelta(0, 1, arguments=""), CallDelta(0, 1, arguments="}"),
    )  # fmt: skip
    assert events_in(frames) == [
        piece(0, "{}", id="c1", name="weather"), piece(1, "{", id="c2", name="clock"), piece(1, "}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("deltas", "ended"),
    [
        ([], {}),
        ([TextDelta(0, "a")], {"content": "a"}),
        ([TextDelta(0, "a"), CallDelta(0, 0, "c1", "n", '{"a"')], {"content": "a"}),
        ([CallDelta(0, 0, "c1", "n", "{}")], {"toolCalls": [whole_call("c1", "n", {})]}),
    ],
)
def test_the_end_of_the_balance(deltas: list[Delta], ended: dict[str, Any]) -> None:
    speaker, frames = spoken(*deltas)
    frames += speaker.graceful_end(USAGE)
    assert events_in(frames)[-1] == result("length", **ended)
    stream_result(frames + speaker.terminal())


def test_an_end_that_was_told_stays_the_end() -> None:
    speaker, _ = spoken(TextDelta(0, "a"), ChoiceEnd(0, "filtered"))
    [(_, ended)] = events_in(speaker.graceful_end(None))
    assert (ended["finishReason"], ended["usage"]) == ("content_filter", None)


def test_a_failure() -> None:
    speaker, frames = spoken(TextDelta(0, "half"))
    frames += speaker.failure(Refusal(status=502, code="upstream_error", message="Again.", openai_type="x"))
    assert events_in(frames)[1] == (
        "error", {"status": {"code": "50200", "message": "Again.", "reason": "upstream_error"}},
    )  # fmt: skip


CALL: Final = ToolCall("c", "n", '{"a":1}')


@pytest.mark.parametrize(
    ("parts", "ending", "version", "reason"),
    [
        ((Text("a"),), "stop", V3, "stop"), ((Text("a"),), "stop", V1, "stop_before"),
        ((Text("a"),), "length", V3, "length"), ((Text("a"),), "length", V1, "LENGTH"),
        ((CALL,), "tool_calls", V3, "tool_calls"), ((CALL,), "stop", V3, "tool_calls"),
        ((CALL,), "length", V3, "length"), ((), "filtered", V3, "content_filter"),
        ((ToolCall("c", "n", '{"a"'),), "tool_calls", V3, "stop"), ((), "filtered", V1, "content_filter"),
        ((ToolCall("c", "n", nested(250).decode()),), "tool_calls", V3, "stop"),
        ((ToolCall("c", "n", nested(250, objects=True).decode()),), "tool_calls", V3, "stop"),
    ],
)  # fmt: skip
def test_why_it_ended(parts: Any, ending: Ending, version: Version, reason: str) -> None:
    whole = say(Reply(choices=(Choice(parts, ending),)), FACTS, version)["result"]
    assert whole[version.reason_field] == reason
    assert ("toolCalls" in whole["message"]) == (CALL in parts)


def test_nobody_has_judged_it() -> None:
    facts = RequestFacts(purpose="chat", model="p", body_bytes=1, repeats=b'{"includeAiFilters":true}')
    assert say(Reply(choices=()), facts) == {
        "status": {"code": "20000", "message": "OK"},
        "result": {"message": {"role": "assistant", "content": ""}, "finishReason": "stop", "created": 0,
                   "seed": 0, "usage": None, "aiFilter": []},
    }  # fmt: skip


words: Final = st.sampled_from(["", "a", "가", '"', "\n", "{"])
said: Final = st.one_of(
    st.builds(TextDelta, st.just(0), words),
    st.builds(ThinkingDelta, st.just(0), words),
    st.builds(ImageDelta, st.just(0), st.just(Image(url="u"))),
    st.builds(ChoiceEnd, st.just(0), st.sampled_from(["stop", "length", "tool_calls", "filtered"])),
)


@st.composite
def streams(draw: st.DrawFn) -> list[Delta]:
    """Calls are told in pieces, in turns, between all else; each begins in its order."""
    deltas: list[Delta] = []
    left: dict[int, list[str]] = {}
    begun = 0
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            deltas.append(draw(said))
        elif draw(st.booleans()) and left:
            number = draw(st.sampled_from(sorted(left)))
            deltas.append(CallDelta(0, number, arguments=left[number].pop(0)))
            if not left[number]:
                del left[number]
        else:
            pieces = draw(st.sampled_from([['{"a"', ": 1", "}"], ["{", "}"], ["", "{}"], ["{}"], ['{"cut']]))
            deltas.append(CallDelta(0, begun, draw(st.sampled_from(["c", "", None])), "n", pieces[0]))
            if pieces[1:]:
                left[begun] = pieces[1:]
            begun += 1
    rest = [CallDelta(0, n, arguments=text) for n, pieces in left.items() for text in pieces]
    return [*deltas, *rest]


@given(deltas=streams(), v1=st.booleans())
def test_pieces_their_result_and_the_whole_say_the_same(deltas: list[Delta], v1: bool) -> None:
    speaker, frames = spoken(*deltas, v1=v1)
    told = stream_result(frames + speaker.finish(USAGE) + speaker.terminal(), v1=v1)
    gathering = Gathering()
    gathering.feed(deltas)
    whole = say(gathering.reply(None, "stop"), FACTS, V1 if v1 else V3)["result"]
    assert said_in(told).told() == said_in(read_result(whole, v1=v1)).told()


def test_thoughts_and_texts_are_put_together() -> None:
    reply = Reply(choices=(Choice((Thinking("a"), Text("b"), Thinking("c"), Text("d")), "stop"),))
    assert say(reply)["result"]["message"] == {
        "role": "assistant", "content": "bd", "thinkingContent": "ac",
    }  # fmt: skip
