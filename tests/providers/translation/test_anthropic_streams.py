"""Streams and answers of Anthropic's dialect said in it and in OpenAI's, and OpenAI's said in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pytest
from anthropic.types import Message

from metering.usage import Usage
from providers.anthropic.answer import read_message
from providers.anthropic.usage import usage_of
from providers.dialect import Operation
from providers.facts import RequestFacts
from providers.openai.usage import usage_to_openai
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.vendor_recordings import WIRE, answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, put_through
from tests.providers.anthropic.test_sdk_anthropic import ASKED, client, streamed
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, include_usage=True)
COMMENT: Final = b"voucher charge_krw=1"
SELF: Final = pair(ANTHROPIC, ANTHROPIC)
TO_ANTHROPIC: Final = pair(OPENAI, ANTHROPIC)
TO_OPENAI: Final = pair(ANTHROPIC, OPENAI)

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def to_client(operation: Operation, reads: Iterable[bytes]) -> tuple[bytes, Usage | None]:
    """All that a client gets, as the relay sends it."""
    assert operation.fold is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    frames = put_through(fold, reads)
    if fold.error is None:
        frames.append(fold.owed_frames() + fold.comment(COMMENT) + fold.terminal())
    return b"".join(frames), fold.usage


def recorded_streams(*protocols: str) -> list[dict[str, Any]]:
    return [
        exchange
        for exchange in streams(*protocols)
        if exchange["response"]["status"] < 300 and "multiple_message_delta" not in exchange["special"]
    ]


def said_in_events(body: bytes) -> dict[str, Any]:
    """What an Anthropic stream said, read with nothing of ours, up to its end."""
    said = Said()
    calls: dict[int, int] = {}
    for event in chunks_of(body):
        index: int = event.get("index", 0)
        delta, block = event.get("delta") or {}, event.get("content_block") or {}
        if event["type"] == "content_block_start":
            said.text += block.get("text") or "" if block["type"] == "text" else ""
            said.thought += block.get("thinking") or "" if block["type"] == "thinking" else ""
            if block["type"] == "tool_use":
                calls[index] = len(said.calls)
                said.calls.append([block["id"], block["name"], ""])
        elif event["type"] == "content_block_delta":
            said.text += delta.get("text") or ""
            said.thought += delta.get("thinking") or ""
            if "partial_json" in delta and index in calls:
                said.calls[calls[index]][2] += delta["partial_json"]
        elif event["type"] == "message_delta":
            said.ending = delta.get("stop_reason") or said.ending
    return said.told()


def said_in_blocks(message: dict[str, Any]) -> dict[str, Any]:
    said = Said(ending=message["stop_reason"])
    for block in message["content"]:
        said.text += block["text"] if block["type"] == "text" else ""
        said.thought += block["thinking"] if block["type"] == "thinking" else ""
        if block["type"] == "tool_use":
            said.calls.append([block["id"], block["name"], json.dumps(block["input"])])
    return said.told()


FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}
STOP: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def test_a_stream_says_what_it_said_however_it_is_read() -> None:
    seen = 0
    for exchange in recorded_streams(*MESSAGES):
        told = {to_client(SELF, reads)[0] for reads in reads_of(exchange).values()}
        assert len(told) == 1, exchange["id"]
        frames = told.pop()
        ours, theirs = said_in_events(frames), said_in_events(body_of(exchange))
        theirs["ending"] = theirs["ending"] or ours["ending"]  # of a stream that was cut
        assert ours == theirs, exchange["id"]
        assert_well_formed(frames)
        seen += 1
    assert seen > 55


def assert_well_formed(frames: bytes) -> None:
    """One block at a time, each begun and ended, and the numbers in a row."""
    kinds, is_open, blocks = [], False, 0
    for event in chunks_of(frames):
        kinds.append(event["type"])
        if event["type"] == "content_block_start":
            assert (is_open, event["index"]) == (False, blocks)
            is_open, blocks = True, blocks + 1
        elif event["type"].startswith("content_block"):
            assert (is_open, event["index"]) == (True, blocks - 1)
            is_open = event["type"] == "content_block_delta"
    assert (kinds[0], kinds[-2:], is_open) == ("message_start", ["message_delta", "message_stop"], False)


def test_an_answer_says_what_it_said() -> None:
    for exchange in answers(*MESSAGES):
        body = body_of(exchange)
        answer = SELF.answer(body, product_id="p", quirks=NO_QUIRKS)
        ours, theirs = json.loads(answer.body), json.loads(body)
        assert said_in_blocks(ours) == said_in_blocks(theirs), exchange["id"]
        assert (ours["id"], ours["model"]) == (theirs["id"], "p")
        signed = [block["signature"] for block in theirs["content"] if block["type"] == "thinking"]
        assert [b["signature"] for b in ours["content"] if b["type"] == "thinking"] == signed
        message = client(answer.body).messages.create(**ASKED)
        assert type(message) is Message
        assert usage_of(json.loads(answer.body)["usage"]) is not None


def test_openais_callers_get_what_anthropics_vendors_say() -> None:
    seen = 0
    for exchange in recorded_streams(*MESSAGES):
        body, usage = to_client(TO_ANTHROPIC, [body_of(exchange)])
        theirs = said_in_events(body_of(exchange))
        ours = whole_of_stream(body)
        theirs["ending"] = FINISH.get(theirs["ending"], "stop")
        for call in theirs["calls"]:
            call[2] = call[2] or {}
        assert ours.told() == theirs, exchange["id"]
        assert ours.usage == (None if usage is None else usage_to_openai(usage)), exchange["id"]
        seen += 1
    assert seen > 55


def test_openais_callers_get_whole_answers_too() -> None:
    for exchange in answers(*MESSAGES):
        body = body_of(exchange)
        answer = TO_ANTHROPIC.answer(body, product_id="p", quirks=NO_QUIRKS)
        theirs = said_in_blocks(json.loads(body))
        theirs["ending"] = FINISH.get(theirs["ending"], "stop")
        ours = whole_said(answer.body)
        assert ours.told() == theirs, exchange["id"]
        assert answer.usage is not None
        assert ours.usage == usage_to_openai(answer.usage)
        assert answer.usage == read_message(body, product_id="p").usage


def test_anthropics_callers_get_what_openais_vendors_say() -> None:
    seen = 0
    for exchange in recorded_streams("openai.chat"):
        body, usage = to_client(TO_OPENAI, [body_of(exchange)])
        if b"event: message_stop" not in body:
            continue  # it ended with an error
        choices: list[Any] = [
            choice for chunk in chunks_of(body_of(exchange)) for choice in chunk.get("choices") or ()
        ]
        if any(choice.get("index", 0) for choice in choices):
            continue  # several answers: no caller of this dialect asks for them
        assert_well_formed(body)
        message = streamed(body)
        assert message.model == "p"
        ours, theirs = said_in_blocks(message.to_dict(warnings=False)), said_by(choices)
        if theirs["calls"] and theirs["ending"] in ("stop", "", None):
            theirs["ending"] = "tool_calls"  # so say some vendors
        theirs["ending"] = STOP.get(theirs["ending"], "end_turn")
        if "aborted_stream" not in exchange["special"]:
            assert ours == theirs, exchange["id"]
        if usage is not None:
            counted: dict[str, Any] = message.usage.to_dict(warnings=False)
            assert counted["output_tokens"] == usage.output_total, exchange["id"]
            total = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
            assert sum(counted[name] for name in total) == usage.input_total, exchange["id"]
        seen += 1
    assert seen > 200


def said_by(choices: list[dict[str, Any]]) -> dict[str, Any]:
    said = Said()
    for choice in choices:
        said.add(choice.get("delta") or {}, choice.get("finish_reason"))
    return said.told()


def test_anthropics_callers_get_whole_answers_too() -> None:
    seen = 0
    for exchange in answers("openai.chat"):
        answer = TO_OPENAI.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
        choices = json.loads(body_of(exchange)).get("choices")
        if answer.error is not None or not choices:
            continue
        theirs = Said()
        theirs.add(choices[0].get("message") or {}, choices[0].get("finish_reason"))
        told = theirs.told()
        if told["calls"] and told["ending"] in ("stop", "", None):
            told["ending"] = "tool_calls"
        told["ending"] = STOP.get(told["ending"], "end_turn")
        message = client(answer.body).messages.create(**ASKED)
        assert said_in_blocks(message.to_dict(warnings=False)) == told, exchange["id"]
        assert message.usage.output_tokens == (answer.usage and answer.usage.output_total)
        seen += 1
    assert seen > 250


@pytest.mark.parametrize("operation", [SELF, TO_ANTHROPIC, TO_OPENAI], ids=["self", "anthropic", "openai"])
def test_an_assembled_stream_is_said_as_the_stream(operation: Operation) -> None:
    assert operation.assembler is not None
    for exchange in recorded_streams(*(("openai.chat",) if operation is TO_OPENAI else MESSAGES)):
        frames, usage = to_client(operation, [body_of(exchange)])
        assembler = assemble(operation.assembler("p", FACTS, NO_QUIRKS), [body_of(exchange)])
        body = assembler.answer()
        if assembler.error is not None or "aborted_stream" in exchange["special"]:
            continue
        if operation is TO_ANTHROPIC:
            assert whole_said(body).told() == whole_of_stream(frames).told(), exchange["id"]
        else:
            streamed_message = streamed(frames).to_dict(warnings=False)
            assert said_in_blocks(json.loads(body)) == said_in_blocks(streamed_message), exchange["id"]
        assert assembler.usage == usage
