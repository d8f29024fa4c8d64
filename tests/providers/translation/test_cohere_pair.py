"""What OpenAI's callers get of Cohere's answers and streams; OpenAI's own SDK reads it."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest

from metering.usage import Usage
from providers.facts import RequestFacts
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.translation.cohere.side import SIDE
from providers.translation.listening import TranslatedFold
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.vendor_recordings import answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, put_through
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

PAIR: Final = pair(OPENAI, SIDE)
ASKED: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
STREAMS: Final = [e for e in streams("cohere.chat") if e["request"]["path"] == "/v2/chat"]
ANSWERS: Final = [e for e in answers("cohere.chat") if e["request"]["path"] == "/v2/chat"]
ENDINGS: Final = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls"}
FINE: Final[dict[str, Any]] = {
    "id": "i", "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "tool_plan": "plan", "content": [{"type": "text", "text": "안녕"}],
                "tool_calls": [{"id": "c", "function": {"name": "n", "arguments": "{}"}}]},
    "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 2, "search_units": 1},
              "tokens": {"input_tokens": 9, "output_tokens": 4}, "cached_tokens": 1},
}  # fmt: skip


def facts() -> RequestFacts:
    return read_chat_request({**ASKED, "stream": True, "stream_options": {"include_usage": True}}, 100)


def new_fold() -> TranslatedFold:
    assert PAIR.fold is not None
    made = PAIR.fold("p", facts(), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (str(e["type"]).encode(), orjson.dumps(e)) for e in events)


def delta(kind: str, index: int = 0, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def ended(reason: str, **more: Any) -> dict[str, Any]:
    usage = {"billed_units": {"input_tokens": 3, "output_tokens": 2}}
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": usage, **more}}


def recorded_stream(body: bytes) -> Said:
    """Read with nothing of ours: what the vendor said."""
    said, reason = Said(), None
    for event in chunks_of(body):
        message = (event.get("delta") or {}).get("message") or {}
        content = message.get("content")
        content = content if isinstance(content, dict) else {}
        said.text += content.get("text", "") + (message.get("tool_plan") or "")
        said.thought += content.get("thinking", "")
        if event["type"] == "tool-call-start":
            call = message["tool_calls"]
            said.calls.append([call["id"], call["function"]["name"], ""])
        if event["type"].startswith("tool-call-") and "tool_calls" in message:
            said.calls[-1][2] += message["tool_calls"]["function"]["arguments"]
        if event["type"] == "message-end":
            reason = event["delta"]["finish_reason"]
    said.ending = ENDINGS[str(reason)]
    return said


def recorded_answer(body: bytes) -> Said:
    answer = json.loads(body)
    message, said = answer["message"], Said(ending=ENDINGS[answer["finish_reason"]])
    for part in message.get("content", ()):
        said.text += part.get("text", "")
        said.thought += part.get("thinking", "")
    said.text += message.get("tool_plan", "")
    for call in message.get("tool_calls", ()):
        said.calls.append([call["id"], call["function"]["name"], call["function"]["arguments"]])
    return said


def expected_counts(exchange: dict[str, Any]) -> tuple[int, int]:
    return exchange["expected_usage"]["input_tokens"], exchange["expected_usage"]["output_tokens"]


# -- recorded


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange["id"])
def test_a_recorded_stream_says_what_it_said_however_it_is_read(exchange: dict[str, Any]) -> None:
    told = []
    for reads in reads_of(exchange).values():
        fold = new_fold()
        frames = b"".join(put_through(fold, reads)) + fold.owed_frames() + fold.terminal()
        told.append(frames)
        assert fold.finished
        assert fold.error is None
        assert fold.usage is not None
        assert (fold.usage.input_total, fold.usage.output_total) == expected_counts(exchange)
        # Thoughts are reckoned with, as they are billed.
        assert fold.delivered_tokens() >= expected_counts(exchange)[1] * 2 // 3
    assert len(set(told)) == 1
    said = whole_of_stream(told[0])
    assert said.told() == recorded_stream(body_of(exchange)).told()
    assert said.usage is not None
    assert (said.usage["prompt_tokens"], said.usage["completion_tokens"]) == expected_counts(exchange)


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange["id"])
def test_a_recorded_stream_put_together_is_said_as_an_answer(exchange: dict[str, Any]) -> None:
    assert PAIR.assembler is not None
    assembler = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [body_of(exchange)])
    assert whole_said(assembler.answer()).told() == recorded_stream(body_of(exchange)).told()
    assert assembler.usage is not None
    assert (assembler.usage.input_total, assembler.usage.output_total) == expected_counts(exchange)


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange["id"])
def test_a_recorded_answer(exchange: dict[str, Any]) -> None:
    read = PAIR.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
    assert read.error is None
    assert read.usage is not None
    assert (read.usage.input_total, read.usage.output_total) == expected_counts(exchange)
    assert read.text_bytes > 0
    assert whole_said(read.body).told() == recorded_answer(body_of(exchange)).told()


def test_the_recordings_are_there_where_they_are() -> None:
    assert bool(STREAMS) == bool(ANSWERS) == bool(streams("openai.chat"))


# -- of our own making


def test_parallel_calls_and_a_plan() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    other = {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": ""}}
    body = sse(
        {"type": "message-start", "id": "m1", "delta": {"message": {"content": [], "tool_plan": ""}}},
        delta("tool-plan-delta", tool_plan="I look."),
        delta("tool-call-start", 3, tool_calls=call),
        delta("tool-call-delta", 3, tool_calls={"function": {"arguments": '{"at":'}}),
        delta("tool-call-delta", 3, tool_calls={"function": {"arguments": '"서울"}'}}),
        delta("tool-call-start", 5, tool_calls=other),
        delta("tool-call-delta", 5, tool_calls={"function": {"arguments": "{}"}}),
        ended("TOOL_CALL"),
    )
    fold = new_fold()
    frames = b"".join(put_through(fold, [body])) + fold.owed_frames() + fold.terminal()
    said = whole_of_stream(frames)
    assert said.told() == {
        "text": "I look.", "thought": "", "ending": "tool_calls",
        "calls": [["c1", "weather", {"at": "서울"}], ["c2", "clock", {}]],
    }  # fmt: skip
    assert {chunk["id"] for chunk in chunks_of(frames)} == {"m1"}


def test_calls_without_an_index_follow_each_other() -> None:
    start = {
        "type": "tool-call-start",
        "delta": {"message": {"tool_calls": {"id": "c1", "function": {"name": "a"}}}},
    }
    piece = {
        "type": "tool-call-delta",
        "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}},
    }
    said = whole_said(
        assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [sse(piece, start, piece, start, piece)]).answer()  # type: ignore[misc]
    )
    assert said.calls == [["c1", "a", "{}"], ["c1", "a", "{}"]]


def test_an_event_without_a_kind_that_says_what_went_wrong() -> None:
    fold = new_fold()
    assert put_through(fold, [b'data: {"id":"e","message":"overloaded"}\n\n']) == []
    assert fold.error is not None
    assert fold.error.message == "overloaded"


@pytest.mark.parametrize(
    ("reason", "told"),
    [("MAX_TOKENS", "length"), ("ERROR_TOXIC", "content_filter"), ("NEW_WORD", "stop"), ([], "stop")],
)
def test_endings(reason: Any, told: str) -> None:
    fold = new_fold()
    chunks = chunks_of(b"".join(put_through(fold, [sse(ended(reason))])))
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [told]
    read = PAIR.answer(orjson.dumps(FINE | {"finish_reason": reason}), product_id="p", quirks=NO_QUIRKS)
    assert orjson.loads(read.body)["choices"][0]["finish_reason"] == told


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT"])
def test_an_error_that_ends_an_answer(reason: str) -> None:
    fold = new_fold()
    text = delta("content-delta", content={"text": "네"})
    frames = put_through(fold, [sse(text, ended(reason, error="internal server error"))])
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks_of(b"".join(frames))] == ["네"]
    assert fold.error is not None
    assert (fold.error.code, fold.error.message) == (reason, "internal server error")
    assert fold.usage == Usage(input=3, output=2)
    read = PAIR.answer(orjson.dumps(FINE | {"finish_reason": reason}), product_id="p", quirks=NO_QUIRKS)
    assert read.error is not None
    assert read.usage is not None


def test_a_stream_that_is_cut_ends_by_length() -> None:
    body = sse(
        delta("content-delta", content={"thinking": "hm"}), delta("content-delta", content={"text": "네"})
    )
    fold = new_fold()
    put_through(fold, [body])
    ended, usage = chunks_of(fold.graceful_end(Usage(input=3, output=2)))
    assert ended["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == 2
    assert PAIR.assembler is not None
    assembler = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [body])
    said = whole_said(assembler.graceful_end(Usage(input=3, output=2)))
    assert (said.text, said.thought, said.ending) == ("네", "hm", "length")
    assert said.usage is not None
    assert said.usage["completion_tokens"] == 2


@pytest.mark.parametrize("body", [b"[1]", b"{", b"{}", b'{"message":"invalid request"}'])
def test_an_answer_that_says_nothing_is_an_error(body: bytes) -> None:
    assert PAIR.answer(body, product_id="p", quirks=NO_QUIRKS).error is not None
