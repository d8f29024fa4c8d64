"""What CLOVA Studio's answers and streams say."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from providers.translation.clova.reply import understand
from providers.translation.clova.stream import Listener
from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Delta,
    Ending,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
)
from tests.providers.clova.events import events_of
from tests.providers.clova.exchanges import (
    CALL,
    CALL_TALK,
    END3,
    SIGNAL,
    TALK3,
    TEXT,
    result3,
    sse,
    token3,
)

PIECE: Final[dict[str, Any]] = {"toolCalls": [{"function": {"partialJson": "}"}}]}
DEEP: Final = json.loads("[" * 300 + "]" * 300)


def test_an_answer_understood() -> None:
    message = {
        "role": "assistant", "content": TEXT, "thinkingContent": "음",
        "toolCalls": [CALL, {**CALL, "id": "call_2"}],
    }  # fmt: skip
    reply = understand({"status": {}, "result": {"message": message, "finishReason": "tool_calls"}})
    arguments = '{"a":"서울"}'
    assert reply.choices == (
        Choice(
            (
                Thinking("음"), Text(TEXT),
                ToolCall("call_1", "weather", arguments), ToolCall("call_2", "weather", arguments),
            ),
            "tool_calls",
        ),
    )  # fmt: skip
    assert (reply.reply_id, reply.created_s, reply.usage) == (None, None, None)


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("new", "stop"),
        (None, "stop"),
        (3, "stop"),
    ],
)
def test_how_an_answer_ended(reason: Any, ending: Ending) -> None:
    assert understand({"result": {"finishReason": reason}}).choices[0].ending == ending


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ({"a": 1}, '{"a":1}'),
        ({}, "{}"),
        (None, "{}"),
        ("", "{}"),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_arguments_are_an_object_or_their_text(arguments: Any, heard: str) -> None:
    call = {"id": "c", "function": {"name": "n", "arguments": arguments}}
    [part] = understand({"result": {"message": {"toolCalls": [call]}}}).choices[0].parts
    assert part == ToolCall("c", "n", heard)


def test_a_call_that_cannot_be_written_is_left_out() -> None:
    calls = [{"id": "c", "function": {"name": "n", "arguments": {"a": DEEP}}}, CALL]
    parts = understand({"result": {"message": {"toolCalls": calls}}}).choices[0].parts
    assert [part.call_id for part in parts if isinstance(part, ToolCall)] == ["call_1"]


def heard(body: bytes) -> list[Delta]:
    listener = Listener()
    return [delta for event in events_of([body]) for delta in listener.feed(event)]


@pytest.mark.parametrize(
    ("stream", "deltas"),
    [
        (sse(*TALK3, *END3), [TextDelta(0, "안녕, "), TextDelta(0, "hello"), ChoiceEnd(0, "stop")]),
        (sse(*END3), [TextDelta(0, TEXT), ChoiceEnd(0, "stop")]),  # nobody said it before
        (
            sse(token3({"thinkingContent": "음"}), result3({"content": "네", "thinkingContent": "음"}, None)),
            [ThinkingDelta(0, "음"), TextDelta(0, "네"), ChoiceEnd(0, "stop")],
        ),
        # The reason may come before the last word is said, and without a result.
        (
            sse(token3({"content": "a"}, finishReason="length"), token3({"content": "b"}), SIGNAL),
            [TextDelta(0, "a"), TextDelta(0, "b"), ChoiceEnd(0, "length")],
        ),
        (
            sse(*CALL_TALK, result3({"content": "", "toolCalls": [CALL]}, None, "tool_calls"), SIGNAL),
            [
                CallDelta(0, 0, "call_1", "weather"),
                *(CallDelta(0, 0, arguments=piece) for piece in ('{"a', '": "', "서울", '"}')),
                ChoiceEnd(0, "tool_calls"),
            ],
        ),
        (
            sse(result3({"toolCalls": [CALL, {**CALL, "id": "call_2"}]}, None, "tool_calls")),
            [
                CallDelta(0, 0, "call_1", "weather", '{"a":"서울"}'),
                CallDelta(0, 1, "call_2", "weather", '{"a":"서울"}'),
                ChoiceEnd(0, "tool_calls"),
            ],
        ),
        (
            sse(
                token3({"toolCalls": [{"id": "a", "function": {"name": "n", "partialJson": "{}"}}]}),
                token3({"toolCalls": [{"id": "b", "function": {"name": "m", "arguments": {"x": 1}}}]}),
                token3({"toolCalls": [7, {"function": 7}]}),
            ),
            [CallDelta(0, 0, "a", "n", "{}"), CallDelta(0, 1, "b", "m", '{"x":1}'), CallDelta(0, 1)],
        ),
        (  # its id and name stand on every piece
            sse(*(
                token3({"toolCalls": [{"id": id_, "function": {"name": "n", "partialJson": piece}}]})
                for id_, piece in (("a", "{"), ("a", "}"), ("b", "{}"))
            )),
            [CallDelta(0, 0, "a", "n", "{"), CallDelta(0, 0, arguments="}"), CallDelta(0, 1, "b", "n", "{}")],
        ),
        (  # nobody said that a call begins
            sse(token3({"toolCalls": [{"function": {"name": "n", "partialJson": "{"}}]}), token3(PIECE)),
            [CallDelta(0, 0, None, "n", "{"), CallDelta(0, 0, arguments="}")],
        ),
        (b": working\n\ndata: 7\n\ndata: {\n\nevent: progress\ndata: {\"percent\": 3}\n\n", []),
    ],
)  # fmt: skip
def test_a_stream_heard(stream: bytes, deltas: list[Delta]) -> None:
    assert heard(stream) == deltas
