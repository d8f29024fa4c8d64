"""What the vendors of other dialects say, told to CLOVA Studio's callers and read by a client of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import CALLER_V1
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes import gemini_recordings
from tests.fakes.vendor_recordings import WIRE, answers, body_of, reads_of
from tests.fakes.vendor_stream import assemble, chunks_of, put_through
from tests.providers.clova.exchanges import STREAMS, Synthetic
from tests.providers.translation.clova_reader import (
    counted,
    said_in,
    stream_result,
    whole_of_stream,
    whole_result,
    whole_said,
)
from tests.providers.translation.sdk_openai import Said
from tests.providers.translation.test_anthropic_streams import (
    recorded_streams,
    said_by,
    said_in_blocks,
    said_in_events,
)

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True)
SELF: Final = pair(CLOVA, CLOVA)
TO_OPENAI: Final = pair(CLOVA, OPENAI)
TO_ANTHROPIC: Final = pair(CLOVA, ANTHROPIC)
TO_GEMINI: Final = pair(CLOVA, GEMINI)
OLD_TO_OPENAI: Final = pair(CALLER_V1, OPENAI)
MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
ENDS: Final = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # fmt: skip
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def to_client(operation: Operation, reads: Iterable[bytes]) -> tuple[bytes, Usage | None]:
    """All that a client gets, as the relay sends it; nothing of a stream that failed."""
    assert operation.fold is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    frames = put_through(fold, reads)
    if fold.error is not None:
        return b"", fold.usage
    frames.append(fold.owed_frames() + fold.comment(b"voucher charge_krw=1") + fold.terminal())
    return b"".join(frames), fold.usage


def totals(usage: Usage | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.input_total, usage.output_total)


def as_told(said: dict[str, Any]) -> dict[str, Any]:
    """What is no object is no call; an end with calls is told by its word, one without by another."""
    calls = said["calls"]
    ending = said["ending"] if said["ending"] in ("length", "content_filter") else "stop"
    if ending == "stop" and calls:
        ending = "tool_calls"
    named = [[call[0] or f"call_{number}", call[1], call[2] or {}] for number, call in enumerate(calls)]
    return {**said, "calls": named, "ending": ending}


@recorded
@pytest.mark.parametrize("v1", [False, True], ids=["v3", "v1"])
def test_what_openais_vendors_stream(v1: bool) -> None:
    seen = 0
    for exchange in recorded_streams("openai.chat"):
        choices: list[Any] = [
            choice for chunk in chunks_of(body_of(exchange)) for choice in chunk.get("choices") or ()
        ]
        body, usage = to_client(OLD_TO_OPENAI if v1 else TO_OPENAI, [body_of(exchange)])
        if not body or "aborted_stream" in exchange["special"] or any(c.get("index", 0) for c in choices):
            continue
        result = stream_result(body, v1=v1)
        assert said_in(result).told() == as_told(said_by(choices)), exchange["id"]
        assert counted(result) == totals(usage), exchange["id"]
        seen += 1
    assert seen > 190


@recorded
@pytest.mark.parametrize("v1", [False, True], ids=["v3", "v1"])
def test_what_openais_vendors_answer(v1: bool) -> None:
    seen = 0
    for exchange in answers("openai.chat"):
        operation = OLD_TO_OPENAI if v1 else TO_OPENAI
        answer = operation.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
        choices = json.loads(body_of(exchange)).get("choices")
        if answer.error is not None or not choices:
            continue
        theirs = Said()
        theirs.add(choices[0].get("message") or {}, choices[0].get("finish_reason"))
        result = whole_result(answer.body, v1=v1)
        assert said_in(result).told() == as_told(theirs.told()), exchange["id"]
        assert counted(result) == totals(answer.usage), exchange["id"]
        seen += 1
    assert seen > 250


@recorded
def test_what_anthropics_vendors_stream() -> None:
    seen = 0
    for exchange in recorded_streams(*MESSAGES):
        bodies = {to_client(TO_ANTHROPIC, reads)[0] for reads in reads_of(exchange).values()}
        assert len(bodies) == 1, exchange["id"]
        theirs = said_in_events(body_of(exchange))
        theirs["ending"] = ENDS.get(theirs["ending"], "stop")
        body, usage = to_client(TO_ANTHROPIC, [body_of(exchange)])
        result = stream_result(body)
        assert said_in(result).told() == as_told(theirs), exchange["id"]
        assert counted(result) == totals(usage), exchange["id"]
        seen += 1
    assert seen > 55


@recorded
def test_what_anthropics_vendors_answer() -> None:
    seen = 0
    for exchange in answers(*MESSAGES):
        answer = TO_ANTHROPIC.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
        theirs = said_in_blocks(json.loads(body_of(exchange)))
        theirs["ending"] = ENDS.get(theirs["ending"], "stop")
        result = whole_result(answer.body)
        assert said_in(result).told() == as_told(theirs), exchange["id"]
        assert counted(result) == totals(answer.usage)
        seen += 1
    assert seen > 40


@recorded
def test_what_gemini_streams() -> None:
    seen = 0
    for exchange in gemini_recordings.streams():
        body, usage = to_client(TO_GEMINI, [gemini_recordings.body_of(exchange)])
        if not body or exchange["response"]["status"] != 200:
            continue
        result = stream_result(body)
        text = "".join(
            part.get("text") or ""
            for chunk in gemini_recordings.chunks_of(gemini_recordings.body_of(exchange))
            for candidate in chunk.get("candidates") or ()
            for part in (candidate.get("content") or {}).get("parts") or ()
            if not part.get("thought")
        )
        assert said_in(result).text.startswith(text), exchange["id"]
        assert counted(result) == totals(usage), exchange["id"]
        seen += 1
    assert seen > 60


@recorded
@pytest.mark.parametrize("operation", [TO_OPENAI, TO_ANTHROPIC], ids=["openai", "anthropic"])
def test_an_assembled_stream_is_said_as_the_stream(operation: Operation) -> None:
    assert operation.assembler is not None
    for exchange in recorded_streams(*(("openai.chat",) if operation is TO_OPENAI else MESSAGES))[::4]:
        frames, usage = to_client(operation, [body_of(exchange)])
        assembler = assemble(operation.assembler("p", FACTS, NO_QUIRKS), [body_of(exchange)])
        if not frames or not assembler.finished or "aborted_stream" in exchange["special"]:
            continue
        assert whole_said(assembler.answer()).told() == whole_of_stream(frames).told(), exchange["id"]
        assert assembler.usage == usage


@pytest.mark.parametrize("synthetic", STREAMS, ids=lambda one: one.name)
def test_what_its_own_vendor_streams_is_said_again(synthetic: Synthetic) -> None:
    if synthetic.version.number != 3 or synthetic.error is not None:
        return
    body, usage = to_client(SELF, [synthetic.body])
    result = stream_result(body)
    said = said_in(result)
    calls = "".join(name + json.dumps(json.loads(given), ensure_ascii=False) for _, name, given in said.calls)
    assert said.thought + said.text + calls == synthetic.text
    assert counted(result) == totals(usage) == totals(synthetic.usage)
