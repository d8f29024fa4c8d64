"""What callers of the Responses API get of other vendors' answers and streams; OpenAI's own SDK reads it."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Delta,
    Ending,
    Reply,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
)
from providers.translation.openai_responses import output
from providers.translation.openai_responses.repeats import remember
from providers.translation.openai_responses.reply import say
from providers.translation.openai_responses.stream import Speaker
from tests.fakes.vendor_stream import chunks_of
from tests.providers.translation.sdk_responses import events_of, said, whole_of_stream
from tests.providers.translation.test_openai_responses_side import hear_responses

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, include_usage=True)
SUMMARISED: Final = remember(FACTS, {"reasoning": {"summary": "auto"}}, "op1", 7)
COMMENT: Final = b"voucher charge_krw=1"
USAGE: Final = Usage(input=3, cached_input=1, cache_write=2, output=5, reasoning=4)


def spoken(*deltas: Delta, facts: RequestFacts = FACTS, is_cut: bool = False, by: int = 1) -> bytes:
    """All that a client gets; `by`: how many deltas come at once."""
    speaker = Speaker("p", facts)
    frames = [speaker.feed(list(deltas[i : i + by])) for i in range(0, len(deltas), by)]
    frames.append(speaker.graceful_end(USAGE) if is_cut else speaker.finish(USAGE))
    return b"".join(frames) + speaker.comment(COMMENT) + speaker.terminal()


def told(*deltas: Delta, **how: Any) -> list[str]:
    """Events, but for those that begin and end every stream."""
    events = events_of(spoken(*deltas, **how))
    return [event.type.removeprefix("response.") for event in events[2:-1]]


CALL: Final = CallDelta(0, 0, "c1", "weather", '{"at":')
MORE: Final = CallDelta(0, 0, arguments='"서울"}')
STOP: Final = ChoiceEnd(0, "stop")


def test_a_text_in_order() -> None:
    assert told(TextDelta(0, "안"), TextDelta(0, ""), TextDelta(0, "녕"), STOP) == [
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
    ]  # fmt: skip


def test_a_thought_in_order() -> None:
    ended = ["output_item.added", "content_part.added", "output_text.delta", "output_text.done",
             "content_part.done", "output_item.done"]  # fmt: skip
    deltas = (ThinkingDelta(0, "hm"), ThinkingDelta(0, "", "sealed"), TextDelta(0, "so"), STOP)
    assert told(*deltas) == [
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done",
        "content_part.done", "output_item.done", *ended,
    ]  # fmt: skip
    assert told(*deltas, facts=SUMMARISED) == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done", *ended,
    ]  # fmt: skip
    for facts, place in ((FACTS, "content"), (SUMMARISED, "summary")):
        thought = json.loads(orjson.dumps(whole_of_stream(spoken(*deltas, facts=facts)).output[0].to_dict()))
        assert [part["text"] for part in thought[place]] == ["hm"]


def test_calls_in_order_and_in_turns() -> None:
    other = [CallDelta(0, 1, "c2", "clock"), CallDelta(0, 1, arguments="")]
    body = spoken(TextDelta(0, "a"), CALL, *other, MORE, ChoiceEnd(0, "tool_calls"))
    response = whole_of_stream(body)
    assert said(response).told() == {
        "text": "a", "thought": "", "ending": "tool_calls",
        "calls": [["c1", "weather", {"at": "서울"}], ["c2", "clock", {}]],
    }  # fmt: skip
    done = [event for event in events_of(body) if event.type == "response.function_call_arguments.done"]
    assert [(one.name, one.arguments) for one in done] == [("weather", '{"at":"서울"}'), ("clock", "{}")]


def test_a_call_without_an_id_gets_one_and_waits_for_its_name() -> None:
    pieces = [CallDelta(0, 0, arguments="{"), CallDelta(0, 0, name="now"), CallDelta(0, 0, arguments="}")]
    [call] = said(whole_of_stream(spoken(*pieces, facts=SUMMARISED))).calls
    assert call == ["call_op1_0", "now", "{}"]
    [unnamed] = said(whole_of_stream(spoken(CallDelta(0, 0, "c1", None, "{}")))).calls
    assert unnamed == ["c1", "", "{}"]


@pytest.mark.parametrize(
    ("ending", "status", "reason"),
    [
        ("stop", "completed", None), ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"), ("filtered", "incomplete", "content_filter"),
    ],
)  # fmt: skip
def test_how_it_ended(ending: Ending, status: str, reason: str | None) -> None:
    whole = say(Reply(choices=(Choice((Thinking("t"), Text("a")), ending),), reply_id="v", usage=USAGE), "p")
    streamed = chunks_of(spoken(ThinkingDelta(0, "t"), TextDelta(0, "a"), ChoiceEnd(0, ending)))[-1]
    assert whole == streamed["response"]
    assert streamed["type"] == f"response.{status}"
    assert whole["status"] == status
    assert (whole["incomplete_details"] or {}).get("reason") == reason
    assert [item["status"] for item in whole["output"]] == ["completed", status]
    assert whole["usage"] == {
        "input_tokens": 6, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 11,
    }  # fmt: skip


def test_what_the_balance_cut() -> None:
    """Arguments that were cut are not said to be ready."""
    deltas = (TextDelta(0, "a"), CALL)
    body = spoken(*deltas, is_cut=True)
    assert told(*deltas, is_cut=True)[-2:] == ["function_call_arguments.delta", "output_item.done"]
    response = whole_of_stream(body)
    assert [item.to_dict()["status"] for item in response.output] == ["completed", "incomplete"]
    assert said(response).ending == "length"
    assert body.split(b"\n\n")[-3].startswith(b": voucher")
    ended = spoken(TextDelta(0, "a"), STOP, is_cut=True)  # it was over already
    assert said(whole_of_stream(ended)).ending == "stop"


def test_only_what_was_said_last_was_cut() -> None:
    body = spoken(CALL, MORE, CallDelta(0, 1, "c2", "clock", "{"), is_cut=True)
    items = chunks_of(body)[-1]["response"]["output"]
    assert [item["status"] for item in items] == ["completed", "incomplete"]
    done = [event.arguments for event in events_of(body) if event.type.endswith("arguments.done")]
    assert done == ['{"at":"서울"}']


def test_the_first_end_stands() -> None:
    deltas = (TextDelta(0, "a"), ChoiceEnd(0, "length"), TextDelta(0, "b"), STOP)
    assert said(whole_of_stream(spoken(*deltas))).told()["ending"] == "length"


def test_nothing_was_said() -> None:
    assert told() == []
    assert said(whole_of_stream(spoken())).told()["text"] == ""
    assert say(Reply(choices=()), "p")["usage"] is None


def test_another_choice_is_not_told() -> None:
    deltas = (TextDelta(0, "a"), TextDelta(1, "b"), ChoiceEnd(1, "length"), STOP)
    assert said(whole_of_stream(spoken(*deltas))).told()["text"] == "a"
    choices = (Choice((Text("a"),), "stop"), Choice((Text("b"),), "length"))
    whole = say(Reply(choices=choices), "p")
    assert (whole["status"], len(whole["output"])) == ("completed", 1)


def test_a_failure_is_what_the_sdk_raises_on() -> None:
    speaker = Speaker("p", FACTS)
    begun = speaker.feed([TextDelta(0, "a")])
    failed = speaker.failure(Refusal(502, "upstream_error", "It failed.", "api_error"))
    [event] = chunks_of(failed)
    assert (event["type"], event["code"]) == ("error", "upstream_error")
    assert event["sequence_number"] == begun.count(b"data: ")


def test_what_is_kept_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "KEPT_BYTES_MAX", 100)
    events = events_of(spoken(*[TextDelta(0, "x" * 10)] * 9, STOP))
    assert sum(len(event.delta) for event in events if event.type == "response.output_text.delta") == 90
    assert events[-1].response.output_text == "x" * 20
    assert events[-1].response.output[0].status == "incomplete"
    long = CallDelta(0, 0, "c1", "weather", '{"at":"' + "x" * 90 + '"}')
    assert "function_call_arguments.done" not in told(long, STOP)  # they would be no JSON


def test_a_whole_answer_is_kept_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has come already: there is nothing to be spared."""
    monkeypatch.setattr(output, "KEPT_BYTES_MAX", 100)
    parts = (Text("x" * 90), ToolCall("c1", "weather", '{"at":"' + "y" * 90 + '"}'))
    message, call = say(Reply(choices=(Choice(parts, "tool_calls"),)), "p")["output"]
    assert message["content"][0]["text"] == "x" * 90
    assert (call["status"], json.loads(call["arguments"])) == ("completed", {"at": "y" * 90})


def test_of_calls_that_come_in_turns_none_that_was_cut_is_said_to_be_ready() -> None:
    pieces = [CALL, CallDelta(0, 1, "c2", "clock", "{}"), CallDelta(0, 2, "c3", "date", "{}")]
    items = chunks_of(spoken(*pieces, is_cut=True))[-1]["response"]["output"]
    assert [item["status"] for item in items] == ["incomplete", "completed", "incomplete"]


DELTAS: Final = st.lists(
    st.one_of(
        st.builds(TextDelta, st.just(0), st.text("가a\n\"", max_size=4)),
        st.builds(ThinkingDelta, st.just(0), st.text("가a\n\"", max_size=4)),
        st.builds(
            CallDelta, st.just(0), st.integers(0, 2), st.none() | st.just("c"), st.none() | st.just("n"),
            st.sampled_from(["", "{", "}"]),
        ),
        st.builds(ChoiceEnd, st.just(0), st.sampled_from(["stop", "length", "tool_calls", "filtered"])),
    ),
    max_size=8,
)  # fmt: skip


@given(deltas=DELTAS, is_cut=st.booleans(), by=st.integers(1, 4))
def test_a_stream_is_well_formed(deltas: list[Delta], is_cut: bool, by: int) -> None:
    """However the deltas came: an item begins once and ends once, as what its pieces are."""
    body = spoken(*deltas, is_cut=is_cut, by=by)
    assert body == spoken(*deltas, is_cut=is_cut)
    events = chunks_of(body)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events.pop()["response"]
    pieces: dict[int, str] = {}
    ended: dict[int, Any] = {}
    for event in events[2:]:
        kind, index = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            assert event["item"]["status"] == "in_progress"
            assert index not in pieces
            pieces[index] = ""
        elif kind == "response.output_item.done":
            assert index not in ended
            ended[index] = event["item"]
        elif kind.endswith(".delta"):
            assert index not in ended
            pieces[index] += event["delta"]
    assert [ended[index] for index in sorted(ended)] == last["output"]
    assert sorted(pieces) == list(range(len(last["output"])))
    for index, item in ended.items():
        parts = [*item.get("content", ()), *item.get("summary", ())]
        assert item.get("arguments", "".join(part["text"] for part in parts)) == pieces[index]


def test_a_whole_reply_is_as_its_stream() -> None:
    parts = (Thinking("t"), Text("a"), ToolCall("c1", "weather", "{}"), ToolCall("", "clock", ""))
    reply = Reply(choices=(Choice(parts, "tool_calls"),), reply_id="v", usage=USAGE)
    deltas: list[Delta] = [ThinkingDelta(0, "t"), TextDelta(0, "a"), CallDelta(0, 0, "c1", "weather", "{}"),
              CallDelta(0, 1, "", "clock"), ChoiceEnd(0, "tool_calls")]  # fmt: skip
    assert say(reply, "p", SUMMARISED) == chunks_of(spoken(*deltas, facts=SUMMARISED))[-1]["response"]


@given(deltas=DELTAS)
def test_what_was_said_can_be_sent_back(deltas: list[Delta]) -> None:
    """As the SDKs return it, for the next call: the same texts and calls, without the thoughts."""
    items = chunks_of(spoken(*deltas))[-1]["response"]["output"]
    heard = hear_responses({"model": "m", "input": [{"role": "user", "content": "hi"}, *items]})
    parts = [part for turn in heard.turns[1:] for part in turn.parts]
    assert {turn.role for turn in heard.turns[1:]} <= {"assistant"}
    expected: list[Text | ToolCall] = []
    for item in items:
        if item["type"] == "message":
            expected.append(Text(item["content"][0]["text"]))
        elif item["type"] == "function_call":
            expected.append(ToolCall(item["call_id"], item["name"], item["arguments"] or "{}"))
    assert parts == expected
