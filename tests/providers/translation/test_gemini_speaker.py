"""What is said to Gemini's callers: whole, as events and as an array."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from google.genai import types

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.translation.gemini.reply import say
from providers.translation.gemini.speaker import Speaker
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
from tests.fakes.any_json import nested
from tests.fakes.gemini_stream import parsed
from tests.providers.translation.sdk_gemini import chunks_of_stream, whole_of_stream, whole_said

USAGE: Final = Usage(input=3, cached_input=4, output=2, reasoning=1)
COUNTED: Final = {
    "promptTokenCount": 7,
    "candidatesTokenCount": USAGE.output_total - 1,
    "totalTokenCount": 7 + USAGE.output_total,
    "cachedContentTokenCount": 4,
    "thoughtsTokenCount": 1,
}


def speaker(*, as_array: bool = False, reply_id: str | None = "r1") -> Speaker:
    made = Speaker("p", RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True, as_array=as_array))
    made.reply_id = reply_id
    return made


def part(*parts: Any, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, "index": index, **fields}


SAID: Final[list[list[Delta]]] = [
    [ThinkingDelta(0, "hm"), ThinkingDelta(0, "", "seal"), TextDelta(0, "잠시")],
    [CallDelta(0, 0, "c1", "weather", '{"at":'), CallDelta(0, 1, "c2", "clock")],
    [TextDelta(0, "만")],
    [CallDelta(0, 0, arguments=' "서울"}'), ChoiceEnd(0, "tool_calls")],
]
CALLED: Final = [
    {"functionCall": {"id": "c1", "name": "weather", "args": {"at": "서울"}}},
    {"functionCall": {"id": "c2", "name": "clock", "args": {}}},
]


@pytest.mark.parametrize("as_array", [False, True])
def test_a_stream(as_array: bool) -> None:
    """Nothing of the end is told before the terminal frame."""
    spoken = speaker(as_array=as_array)
    frames = b"".join(spoken.feed(deltas) for deltas in SAID)
    assert spoken.feed([]) == spoken.comment(b"voucher charge_krw=1") == spoken.finish(USAGE) == b""
    assert b"finishReason" not in frames
    frames += spoken.terminal()
    named = {"modelVersion": "p", "responseId": "r1"}
    assert parsed(frames) == [
        {"candidates": [part({"text": "hm", "thought": True}, {"text": "잠시"})], **named},
        {"candidates": [part({"text": "만"})], **named},
        {"candidates": [part(*CALLED)], **named},
        {"candidates": [part({"text": ""}, finishReason="STOP")], "usageMetadata": COUNTED, **named},
    ]
    assert spoken.terminal() == (b"]" if as_array else b"")
    if not as_array:
        said = whole_of_stream(frames)
        assert (said.text, said.thought, said.ending) == ("잠시만", "hm", "stop")
        assert [call[:2] for call in said.calls] == [["c1", "weather"], ["c2", "clock"]]


@pytest.mark.parametrize(
    ("deltas", "ended"),
    [
        ([], [part({"text": ""}, finishReason="MAX_TOKENS")]),
        ([TextDelta(0, "a")], [part({"text": ""}, finishReason="MAX_TOKENS")]),
        ([CallDelta(0, 0, "c1", "n", '{"a"')], [part({"text": ""}, finishReason="MAX_TOKENS")]),
        ([CallDelta(0, 0, "c2", "clock", "{}")], [part(CALLED[1], finishReason="MAX_TOKENS")]),
        (
            [TextDelta(1, "b"), ChoiceEnd(1, "stop"), TextDelta(0, "a")],
            [part({"text": ""}, finishReason="MAX_TOKENS"), part({"text": ""}, index=1, finishReason="STOP")],
        ),
    ],
)
def test_the_end_of_the_balance(deltas: list[Delta], ended: list[dict[str, Any]]) -> None:
    spoken = speaker(reply_id=None)
    spoken.feed(deltas)
    assert spoken.graceful_end(USAGE) == b""
    terminal = spoken.terminal()
    assert parsed(terminal) == [{"candidates": ended, "usageMetadata": COUNTED, "modelVersion": "p"}]
    [chunk] = chunks_of_stream(terminal)
    assert chunk.candidates is not None
    assert chunk.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


@pytest.mark.parametrize("as_array", [False, True])
def test_a_failure_and_what_says_nothing(as_array: bool) -> None:
    spoken = speaker(as_array=as_array)
    frames = spoken.feed([TextDelta(0, "half")])
    frames += spoken.failure(Refusal(status=502, code="upstream_error", message="Again.", openai_type="x"))
    _, failed = parsed(frames)
    assert (failed["error"]["code"], failed["error"]["status"]) == (502, "UNAVAILABLE")
    silent = speaker(as_array=as_array)
    assert silent.feed([ThinkingDelta(0, "", "seal")]) == b""
    silent.finish(None)
    [last] = parsed(silent.terminal())
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert "usageMetadata" not in last


def test_a_whole_answer() -> None:
    parts = (Thinking("hm"), Thinking("", "seal"), Text("잠시"), ToolCall("c1", "weather", '{"at": "서울"}'))
    choices = (Choice(parts, "tool_calls"), Choice((), "filtered"))
    said = say(Reply(reply_id="r1", created_s=5, choices=choices, usage=USAGE), "p")
    assert said == {
        "candidates": [
            part({"text": "hm", "thought": True}, {"text": "잠시"}, CALLED[0], finishReason="STOP"),
            part(index=1, finishReason="SAFETY"),
        ],
        "usageMetadata": COUNTED,
        "modelVersion": "p",
        "responseId": "r1",
    }
    assert whole_said(json.dumps(said).encode()).text == "잠시"
    assert say(Reply(choices=()), "p") == {"candidates": [], "modelVersion": "p"}


DEEP: Final = nested(250, objects=True).decode()


@pytest.mark.parametrize("arguments", ['{"a"', "[1]", "1", "nothing", DEEP])
@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("stop", "MALFORMED_FUNCTION_CALL"),
        ("tool_calls", "MALFORMED_FUNCTION_CALL"),
        ("length", "MAX_TOKENS"),
        ("filtered", "SAFETY"),
    ],
)
def test_a_call_without_arguments_is_none(arguments: str, ending: Ending, reason: str) -> None:
    choice = Choice((ToolCall("c", "n", arguments), ToolCall("c2", "clock", "")), ending)
    [said] = say(Reply(choices=(choice,)), "p")["candidates"]
    assert (said["content"]["parts"], said["finishReason"]) == ([CALLED[1]], reason)
    spoken = speaker()
    deltas: list[Delta] = [CallDelta(0, 0, "c", "n", arguments), CallDelta(0, 1, "c2", "clock")]
    frames = spoken.feed([*deltas, ChoiceEnd(0, ending)]) + spoken.finish(None) + spoken.terminal()
    called, ended = (chunk["candidates"][0] for chunk in parsed(frames))
    assert (called["content"]["parts"], ended["finishReason"]) == ([CALLED[1]], reason)
