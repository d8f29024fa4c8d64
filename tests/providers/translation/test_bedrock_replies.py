"""What callers of other dialects get of Bedrock's answers and streams; OpenAI's own SDK reads it."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given

from metering.usage import Usage
from providers.bedrock.event_stream import MessageSplitter
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.reply import understand
from providers.translation.bedrock.side import SIDE
from providers.translation.listening import TranslatedFold
from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Text,
    Thinking,
    ToolCall,
)
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import CallerSide
from tests.fakes.vendor_stream import chunks_of, in_random_reads
from tests.providers.bedrock.messages import (
    CALL,
    CALLED,
    END,
    MESSAGE_BYTES_MAX,
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
    exception,
    metadata,
    put_through,
)
from tests.providers.bedrock.test_bedrock_stream import ANSWERS, EVENTS
from tests.providers.translation.saying import say_all
from tests.providers.translation.sdk_openai import whole_of_stream, whole_said

PAIR: Final = pair(OPENAI, SIDE)
COMMENT: Final = b"voucher charge_krw=1 available_krw=2"


def new_fold(caller: CallerSide = OPENAI, **more: Any) -> TranslatedFold:
    make = pair(caller, SIDE).fold
    assert make is not None
    facts = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True, include_usage=True)
    made = make("p", msgspec.structs.replace(facts, **more), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def to_client(body: bytes, seed: str = "", caller: CallerSide = OPENAI) -> bytes:
    """All that a client gets of a stream that went well, or what it got until an error."""
    fold = new_fold(caller)
    frames = put_through(fold, in_random_reads(body, seed))
    return frames if fold.error else frames + fold.owed_frames() + fold.comment(COMMENT) + fold.terminal()


TWO_CALLS: Final = (
    TALK + STOP + begun(1, **CALL) + delta(1, toolUse={"input": ""}) + begun(3, toolUseId="t2", name="now")
    + delta(3, toolUse={"input": '{"b":1}'}) + event("contentBlockStop", contentBlockIndex=3)
    + ended("tool_use") + metadata(9, 47)
)  # fmt: skip
SERVERS: Final = (
    START + begun(0, toolUseId="s", name="grounding", type="server_tool_use")
    + delta(0, toolUse={"input": '{"q":1}'}) + delta(1, citation={"title": "t"}) + delta(1, text=TEXT) + END
)  # fmt: skip
SAID: Final[list[tuple[bytes, dict[str, Any]]]] = [
    (TALK + END, {"text": TEXT}),
    (CALLED, {"calls": [["tooluse_1", "weather", {"a": "서울"}]], "ending": "tool_calls"}),
    (THOUGHT, {"text": TEXT, "thought": "음", "ending": "length"}),
    (TWO_CALLS, {"text": TEXT, "calls": [["tooluse_1", "weather", {}], ["t2", "now", {"b": 1}]],
                 "ending": "tool_calls"}),
    (SERVERS, {"text": TEXT}),
    (TALK + ended("guardrail_intervened") + metadata(1, 2), {"text": TEXT, "ending": "content_filter"}),
    (TALK + ended("content_filtered") + metadata(1, 2), {"text": TEXT, "ending": "content_filter"}),
    (TALK + ended("model_context_window_exceeded") + metadata(1, 2), {"text": TEXT, "ending": "length"}),
    (TALK + ended("malformed_tool_use") + metadata(1, 2), {"text": TEXT}),
    (TALK + ended("a word of tomorrow") + metadata(1, 2) + delta(0, text="late"), {"text": TEXT}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "said"), SAID)
def test_a_stream_says_what_it_said_however_it_is_read(body: bytes, said: dict[str, Any]) -> None:
    frames = to_client(body)
    assert all(to_client(body, str(seed)) == frames for seed in range(3))
    heard = whole_of_stream(frames)
    assert heard.told() == {"text": "", "thought": "", "calls": [], "ending": "stop", **said}
    assert heard.usage is not None
    assert frames.endswith(b": " + COMMENT + b"\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(("body", "said"), SAID)
def test_a_stream_put_together_says_the_same(body: bytes, said: dict[str, Any]) -> None:
    assert PAIR.assembler is not None
    facts = RequestFacts(purpose="chat", model="p", body_bytes=1)
    assembler = assemble(PAIR.assembler("p", facts, NO_QUIRKS), [body])
    heard = whole_said(assembler.answer())
    assert heard.told() == {"text": "", "thought": "", "calls": [], "ending": "stop", **said}
    assert heard.usage is not None


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_the_usage_in_the_callers_words(caller: CallerSide) -> None:
    usage = counts(5, 7, read=11, written=13, cacheDetails=[{"ttl": "1h", "inputTokens": 4}])
    body = TALK + ended() + event("metadata", usage=usage)
    fold = new_fold(caller)
    frames = put_through(fold, [body])
    assert fold.usage == Usage(input=5, cached_input=11, cache_write=9, cache_write_1h=4, output=7)
    assert (fold.done, fold.finished) == (True, True)
    said = chunks_of(frames + fold.owed_frames())
    told = [chunk["usage"] for chunk in said if chunk.get("usage")][-1]
    if caller is OPENAI:
        assert (told["prompt_tokens"], told["completion_tokens"]) == (29, 7)
        assert told["prompt_tokens_details"]["cached_tokens"] == 11
    else:
        assert (told["input_tokens"], told["output_tokens"]) == (5, 7)
        assert (told["cache_read_input_tokens"], told["cache_creation_input_tokens"]) == (11, 13)


def test_anthropics_callers_get_the_blocks() -> None:
    events = chunks_of(to_client(THOUGHT[: -len(metadata(58, 588))] + metadata(58, 588), caller=ANTHROPIC))
    kinds = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert kinds == ["thinking", "text"]
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas == ["thinking_delta", "signature_delta", "text_delta"]
    assert events[-1]["type"] == "message_stop"


NOW: Final = {"toolUseId": "t2", "name": "now"}


@pytest.mark.parametrize(
    "body",
    [
        begun(1, **CALL) + delta(1, toolUse={"input": ""}) + event("contentBlockStop", contentBlockIndex=1)
        + begun(2, **NOW) + event("contentBlockStop", contentBlockIndex=2) + ended("tool_use"),
        begun(1, **CALL) + begun(2, **NOW) + ended("tool_use"),  # no stop at all
        begun(1, **CALL) + begun(1, **NOW) + ended("tool_use"),  # one number for both
        begun(1, **CALL) + begun(2, **NOW) + ended("tool_use") + begun(3, **NOW) + delta(3, text="late"),
    ],
)  # fmt: skip
def test_a_call_without_arguments_has_none_but_is_whole(body: bytes) -> None:
    listener = SIDE.make_listener()
    splitter = MessageSplitter(MESSAGE_BYTES_MAX)
    deltas = [said for one in splitter.feed(body) for said in listener.feed(one)]
    for number, (call_id, name) in enumerate([("tooluse_1", "weather"), ("t2", "now")]):
        ours = [said for said in deltas if isinstance(said, CallDelta) and said.call == number]
        assert ours == [CallDelta(0, number, call_id, name), CallDelta(0, number, arguments="{}")]
    assert deltas[-1] == ChoiceEnd(0, "tool_calls")


def test_the_end_waits_for_the_usage() -> None:
    fold = new_fold()
    put_through(fold, [TALK + ended()])
    assert (fold.finished, fold.done, fold.usage) == (True, False, None)
    put_through(fold, [metadata(3, 4)])
    assert (fold.done, fold.usage) == (True, Usage(input=3, output=4))


def test_a_balance_that_ends_in_mid_stream() -> None:
    fold = new_fold()
    put_through(fold, [TALK])
    ended_frame, usage = chunks_of(fold.graceful_end(Usage(input=3, output=2)))
    assert ended_frame["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)


@pytest.mark.parametrize("broken", [exception("modelStreamErrorException"), b"\0\0\0\0" * 4])
def test_a_stream_that_failed(broken: bytes) -> None:
    fold = new_fold()
    frames = put_through(fold, [TALK + broken + END])
    assert fold.error is not None
    assert whole_of_stream(frames + fold.terminal()).text == TEXT
    assert b"error" in fold.failure(Refusal(502, "upstream_error", "The vendor failed.", "api_error"))


def test_an_answer() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "음", "signature": "sealed"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {"text": TEXT},
        {"text": ""},
        {"citationsContent": {"content": [{"text": " 인용"}, {"text": 3}, 4], "citations": []}},
        {"toolUse": {**CALL, "input": {"a": "서울"}}},
        {"toolUse": {"toolUseId": "s", "name": "g", "input": {}, "type": "server_tool_use"}},
        {"toolUse": {"name": "no id"}},
        {"toolResult": {}},
        3,
    ]
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use",
        "usage": counts(1, 2),
    }
    [choice] = understand(body).choices
    assert choice == Choice(
        (
            Thinking("음", "sealed"),
            Text(TEXT),
            Text(" 인용"),
            ToolCall("tooluse_1", "weather", '{"a":"서울"}'),
        ),
        "tool_calls",
    )
    answer = PAIR.answer(json.dumps(body).encode(), product_id="p", quirks=NO_QUIRKS)
    assert answer.usage == Usage(input=1, output=2)
    heard = whole_said(answer.body)
    assert (heard.text, heard.thought, heard.ending) == (TEXT + " 인용", "음", "tool_calls")


# -- whatever JSON stands anywhere


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
@given(events=EVENTS, body=ANSWERS)
def test_any_stream_and_answer(caller: CallerSide, events: list[bytes], body: bytes) -> None:
    say_all(caller, SIDE, events, body)
