"""What OpenAI's callers get of Ollama's answers and streams; OpenAI's own SDK reads it."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.facts import RequestFacts
from providers.ollama.errors import read_error
from providers.ollama.stream import LineSplitter
from providers.ollama.usage import usage_of
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.sse import SseEventTooLarge
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.listening import TranslatedFold
from providers.translation.ollama.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import chunks_of, in_random_reads
from tests.providers.translation.saying import say_all
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

PAIR: Final = pair(OPENAI, SIDE)
ASKED: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
STREAMS: Final = [e for e in streams("ollama.native") if e["request"]["path"] == "/api/chat"]
ANSWERS: Final = [e for e in answers("ollama.native") if e["request"]["path"] == "/api/chat"]
CALL: Final = {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"at": "서울"}}}
ENDED: Final = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
                "prompt_eval_count": 3, "eval_count": 2}  # fmt: skip


def facts(**more: Any) -> RequestFacts:
    asked = {**ASKED, "stream": True, "stream_options": {"include_usage": True}, **more}
    return read_chat_request(asked, 100)


def events(reads: list[bytes]) -> list[bytes]:
    splitter = LineSplitter(1 << 22)
    cut = [event for read in reads for event in splitter.feed(read)]
    return [*cut, rest + b"\n\n"] if (rest := splitter.flush()) else cut


def new_fold() -> TranslatedFold:
    assert PAIR.fold is not None
    made = PAIR.fold("p", facts(), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def lines(*said: Any) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in said)


def put_together(body: bytes) -> Any:
    assert PAIR.assembler is not None
    assembler = PAIR.assembler("p", facts(), NO_QUIRKS)
    for event in events([body]):
        assembler.feed(event)
    return assembler


def piece(**message: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": "", **message}, "done": False}


def recorded(body: bytes) -> Said:
    """Of a stream or a whole answer; read with nothing of ours."""
    said = Said()
    for line in body.decode().splitlines():
        message = json.loads(line)["message"]
        said.text += message.get("content") or ""
        said.thought += message.get("thinking") or ""
        for call in message.get("tool_calls", ()):
            said.calls.append(
                [call["id"], call["function"]["name"], json.dumps(call["function"]["arguments"])]
            )
    said.ending = "tool_calls" if said.calls else "stop"
    return said


def expected_counts(exchange: dict[str, Any]) -> tuple[int, int]:
    usage = exchange["expected_usage"]
    return usage["input_tokens"] or 0, usage["output_tokens"]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange["id"])
def test_a_recorded_stream_says_what_it_said_however_it_is_read(exchange: dict[str, Any]) -> None:
    told = set()
    for reads in reads_of(exchange).values():
        fold = new_fold()
        frames = b"".join([fold.feed(event) for event in events(reads)])
        told.add(frames + fold.owed_frames() + fold.terminal())
        assert (fold.done, fold.finished, fold.error) == (True, True, None)
        assert fold.usage is not None
        assert (fold.usage.input_total, fold.usage.output_total) == expected_counts(exchange)
        assert fold.delivered_tokens() > 0
    [frames] = told
    assert whole_of_stream(frames).told() == recorded(body_of(exchange)).told()
    assert whole_said(put_together(body_of(exchange)).answer()).told() == recorded(body_of(exchange)).told()


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange["id"])
def test_a_recorded_answer(exchange: dict[str, Any]) -> None:
    read = PAIR.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
    assert read.error is None
    assert read.usage is not None
    assert (read.usage.input_total, read.usage.output_total) == expected_counts(exchange)
    assert read.text_bytes > 0
    assert whole_said(read.body).told() == recorded(body_of(exchange)).told()


def test_the_recordings_are_there_where_they_are() -> None:
    assert bool(STREAMS) == bool(ANSWERS) == bool(streams("openai.chat"))


def test_calls_come_whole_and_are_named_by_their_place_where_neither_they_nor_the_answer_are() -> None:
    clock = {"function": {"name": "clock", "arguments": {}}}
    body = lines(piece(thinking="hm"), piece(tool_calls=[CALL]), piece(tool_calls=[clock, clock]), ENDED)
    fold = new_fold()
    frames = b"".join([fold.feed(event) for event in events([body])]) + fold.owed_frames() + fold.terminal()
    for said in (whole_of_stream(frames), whole_said(put_together(body).answer())):
        assert said.told() == {
            "text": "", "thought": "hm", "ending": "tool_calls",
            "calls": [["c1", "weather", {"at": "서울"}], ["call_2", "clock", {}], ["call_3", "clock", {}]],
        }  # fmt: skip


def test_ids_that_are_made_do_not_repeat_within_a_conversation() -> None:
    clock = {"message": {"tool_calls": [{"function": {"name": "clock", "arguments": {}}}] * 2}}
    told: list[str] = []
    for moment in ("2025-11-22T03:46:51.077302Z", "2025-11-22T03:46:59.1Z"):
        said = orjson.dumps(ENDED | clock | {"created_at": moment})
        whole = whole_said(PAIR.answer(said, product_id="p", quirks=NO_QUIRKS).body)
        streamed = whole_said(put_together(said + b"\n").answer())
        assert whole.calls == streamed.calls
        told += [call_id for call_id, _, _ in whole.calls]
    assert len(set(told)) == 4
    assert all(len(call_id) <= 40 and call_id.isascii() for call_id in told)


@pytest.mark.parametrize(("reason", "told"), [("length", "length"), ("stop", "stop"), (None, "stop")])
def test_endings(reason: str | None, told: str) -> None:
    said = ENDED | {"done_reason": reason, "message": {"content": "네"}}
    read = PAIR.answer(orjson.dumps(said), product_id="p", quirks=NO_QUIRKS)
    assert orjson.loads(read.body)["choices"][0]["finish_reason"] == told
    [chunk, ended] = chunks_of(new_fold().feed(orjson.dumps(said)))
    assert (chunk["choices"][0]["delta"]["content"], ended["choices"][0]["finish_reason"]) == ("네", told)


def test_a_stream_that_fails_and_one_that_is_cut() -> None:
    fold = new_fold()
    said = lines(piece(content="네"), {"error": "model runner has stopped"})
    frames = b"".join([fold.feed(event) for event in events([said])])
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks_of(frames)] == ["네"]
    assert fold.error is not None
    assert fold.error.message == "model runner has stopped"
    assert (fold.usage, fold.finished) == (None, False)
    assembler = put_together(lines(piece(content="네")))
    cut = whole_said(assembler.graceful_end(Usage(input=3, output=2)))
    assert (cut.text, cut.ending) == ("네", "length")


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_eval_count": 3, "eval_count": 2}, Usage(input=3, output=2)),
        ({"eval_count": 2}, Usage(output=2)),  # the prompt was still in memory
        ({"prompt_eval_count": 3}, Usage(input=3)),
        ({"prompt_eval_count": 3.0, "eval_count": -2}, Usage(input=3)),
        ({}, None),
        ({"prompt_eval_count": "3", "eval_count": True}, None),
    ],
)
def test_what_is_counted(said: dict[str, Any], usage: Usage | None) -> None:
    assert usage_of(said) == usage


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"model \'m\' not found"}', "model 'm' not found"),
        (b'{"error":{"message":"no"}}', "no"),
        (b'{"error":[1]}', ""),
        (b"404 page not found", "404 page not found"),
    ],
)
def test_what_it_says_when_something_is_wrong(body: bytes, message: str) -> None:
    error = read_error(404, body)
    assert (error.status, error.message) == (404, message)


@pytest.mark.parametrize("body", [b"[1]", b"{", b"{}", b'{"error":"no"}', b'{"message":"no"}'])
def test_an_answer_that_says_nothing_is_an_error(body: bytes) -> None:
    assert PAIR.answer(body, product_id="p", quirks=NO_QUIRKS).error is not None


# -- lines, and any JSON


@given(said=st.lists(st.binary(max_size=20), max_size=6), seed=st.text(max_size=3))
def test_lines_depend_on_the_bytes_alone(said: list[bytes], seed: str) -> None:
    body = b"\n".join(said)
    splitter = LineSplitter(1000)
    cut = [line for read in in_random_reads(body, seed) for line in splitter.feed(read)]
    rest = splitter.flush()
    *ended, last = body.split(b"\n")
    assert cut == [line.strip() for line in ended if line.strip()]
    assert rest == last


def test_a_line_has_an_end() -> None:
    splitter = LineSplitter(10)
    assert splitter.feed(b"12345\n12345") == [b"12345"]
    with pytest.raises(SseEventTooLarge):
        splitter.feed(b"678901")


@given(
    said=st.lists(
        documents(piece(content="a", thinking="b", tool_calls=[CALL]), ENDED, {"error": "a"}), max_size=5
    ),
    body=documents(ENDED | {"message": {"content": "a", "thinking": "b", "tool_calls": [CALL]}}),
)
@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_any_stream_and_any_answer_can_be_said(caller: Any, said: list[bytes], body: bytes) -> None:
    say_all(caller, SIDE, said, body)
