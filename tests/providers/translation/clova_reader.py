"""What a client of CLOVA Studio reads: typed, with nothing of ours. There is no SDK of the vendor's.

A field that the dialect does not have, or one of another type, is an error here.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import msgspec

from tests.providers.clova.events import said as events_in
from tests.providers.translation.sdk_openai import Said


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Called(_Strict):
    name: str
    arguments: dict[str, Any]


class Call(_Strict):
    id: str
    type: Literal["function"]
    function: Called


class Message(_Strict):
    role: Literal["assistant"]
    content: str
    thinkingContent: str = ""
    toolCalls: list[Call] = []


class Thought(_Strict):
    thinkingTokens: int


class Counts(_Strict):
    promptTokens: int
    completionTokens: int
    totalTokens: int
    completionTokensDetails: Thought | None = None


class Result3(_Strict):
    message: Message
    finishReason: Literal["stop", "length", "tool_calls", "content_filter"]
    created: int
    seed: int
    usage: Counts | None
    aiFilter: list[Any] | None = None


class Result1(_Strict):
    message: Message
    stopReason: Literal["stop_before", "LENGTH", "tool_calls", "content_filter"]
    seed: int
    inputLength: int | None = None
    outputLength: int | None = None
    aiFilter: list[Any] | None = None


class Status(_Strict):
    code: Literal["20000"]
    message: Literal["OK"]


class Whole3(_Strict):
    status: Status
    result: Result3


class Whole1(_Strict):
    status: Status
    result: Result1


class Piece(_Strict):
    partialJson: str
    name: str | None = None


class CallPiece(_Strict):
    index: int
    type: Literal["function"]
    function: Piece
    id: str | None = None


class MessagePiece(_Strict):
    role: Literal["assistant"]
    content: str
    thinkingContent: str = ""
    toolCalls: list[CallPiece] = []


class Token3(_Strict):
    message: MessagePiece
    finishReason: None
    created: int
    seed: int
    usage: None


class Token1(_Strict):
    message: MessagePiece
    stopReason: None
    seed: int


ENDINGS: Final = {
    "stop": "stop", "stop_before": "stop", "length": "length", "LENGTH": "length",
    "tool_calls": "tool_calls", "content_filter": "content_filter",
}  # fmt: skip
Result = Result1 | Result3


def counted(result: Result) -> tuple[int, int] | None:
    """(input, output)"""
    if isinstance(result, Result3):
        usage = result.usage
        if usage is None:
            return None
        assert usage.totalTokens == usage.promptTokens + usage.completionTokens
        return usage.promptTokens, usage.completionTokens
    if result.inputLength is None or result.outputLength is None:
        return None
    return result.inputLength, result.outputLength


def read_result(data: Any, *, v1: bool = False) -> Result:
    return msgspec.convert(data, Result1) if v1 else msgspec.convert(data, Result3)


def said_in(result: Result) -> Said:
    message = result.message
    reason = result.finishReason if isinstance(result, Result3) else result.stopReason
    calls = [[call.id, call.function.name, json.dumps(call.function.arguments)] for call in message.toolCalls]
    return Said(message.content, message.thinkingContent, calls, ENDINGS[reason])


def whole_result(body: bytes, *, v1: bool = False) -> Result:
    if v1:
        return msgspec.json.decode(body, type=Whole1).result
    return msgspec.json.decode(body, type=Whole3).result


def whole_said(body: bytes, *, v1: bool = False) -> Said:
    return said_in(whole_result(body, v1=v1))


def stream_result(body: bytes, *, v1: bool = False) -> Result:
    """Of a stream that went well: tokens, one result that repeats them, the signal."""
    *tokens, (name, data), signal = events_in(body)
    assert (name, signal) == ("result", ("signal", {"data": "[DONE]"}))
    result = read_result(data, v1=v1)
    pieces, whole = said_by(tokens, v1=v1), said_in(result)
    assert (pieces.text, pieces.thought) == (whole.text, whole.thought)
    made = [call for call in pieces.calls if _is_object(call[2])]
    assert [[i, name, json.loads(given)] for i, name, given in made] == [
        [i, name, json.loads(given)] for i, name, given in whole.calls
    ], "calls that were cut are not repeated"
    return result


def whole_of_stream(body: bytes, *, v1: bool = False) -> Said:
    return said_in(stream_result(body, v1=v1))


def said_by(tokens: list[tuple[str, Any]], *, v1: bool = False) -> Said:
    """A call begins with its id; what has none continues the one before."""
    said = Said()
    for name, data in tokens:
        assert name == "token"
        token = msgspec.convert(data, Token1) if v1 else msgspec.convert(data, Token3)
        said.text += token.message.content
        said.thought += token.message.thinkingContent
        for call in token.message.toolCalls:
            if call.id is not None:
                said.calls.append([call.id, call.function.name, ""])
            said.calls[-1][2] += call.function.partialJson
    for one in said.calls:
        one[2] = one[2] or "{}"
    return said


def _is_object(text: str) -> bool:
    try:
        return type(json.loads(text)) is dict
    except ValueError:
        return False
