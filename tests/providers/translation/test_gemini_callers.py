"""What the vendors of other dialects say, told to Gemini's callers and read by Google's own SDK."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.gemini.usage import usage_to_gemini
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes import gemini_recordings
from tests.fakes.vendor_recordings import WIRE, answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, put_through
from tests.providers.clova.exchanges import END3, TALK3, TEXT, sse
from tests.providers.translation.sdk_gemini import whole_of_stream, whole_said
from tests.providers.translation.sdk_openai import Said
from tests.providers.translation.test_anthropic_streams import recorded_streams, said_in_events

EVENTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, include_usage=True)
ARRAY: Final = RequestFacts(purpose="chat", model="p", body_bytes=100, stream=True, as_array=True)
SELF: Final = pair(GEMINI, GEMINI)
TO_OPENAI: Final = pair(GEMINI, OPENAI)
TO_ANTHROPIC: Final = pair(GEMINI, ANTHROPIC)
TO_CLOVA: Final = pair(GEMINI, CLOVA)
MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
FINISH: Final = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "stop",
    "refusal": "content_filter",
}  # fmt: skip
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def to_client(
    operation: Operation, reads: Iterable[bytes], facts: RequestFacts = EVENTS
) -> tuple[bytes, Usage | None]:
    """All that a client gets, as the relay sends it."""
    assert operation.fold is not None
    fold = operation.fold("p", facts, NO_QUIRKS)
    frames = put_through(fold, reads)
    assert not any(b"finishReason" in frame for frame in frames), "the end waits for the settlement"
    if fold.error is not None:
        return b"", fold.usage
    frames.append(fold.owed_frames() + fold.comment(b"voucher charge_krw=1") + fold.terminal())
    return b"".join(frames), fold.usage


def counted(usage: Usage | None) -> dict[str, int] | None:
    """In Google's words, as its SDK spells them."""
    spelt = {
        "promptTokenCount": "prompt_token_count",
        "candidatesTokenCount": "candidates_token_count",
        "totalTokenCount": "total_token_count",
        "cachedContentTokenCount": "cached_content_token_count",
        "thoughtsTokenCount": "thoughts_token_count",
    }
    return None if usage is None else {spelt[name]: n for name, n in usage_to_gemini(usage).items()}


def said_by(pieces: Iterable[tuple[dict[str, Any], Any]]) -> dict[str, Any]:
    said = Said()
    for message, ending in pieces:
        said.add(message, ending)
    told = said.told()
    ending = {"length": "length", "content_filter": "content_filter"}.get(told["ending"], "stop")
    return {**told, "ending": ending}


@recorded
def test_what_openais_vendors_stream() -> None:
    seen = 0
    for exchange in recorded_streams("openai.chat"):
        choices: list[Any] = [
            choice for chunk in chunks_of(body_of(exchange)) for choice in chunk.get("choices") or ()
        ]
        body, usage = to_client(TO_OPENAI, [body_of(exchange)])
        if not body or "aborted_stream" in exchange["special"] or any(c.get("index", 0) for c in choices):
            continue
        theirs = said_by((choice.get("delta") or {}, choice.get("finish_reason")) for choice in choices)
        ours = whole_of_stream(body)
        if ours.ending != "MALFORMED_FUNCTION_CALL":
            assert ours.told() == theirs, exchange["id"]
            assert ours.usage == counted(usage), exchange["id"]
            seen += 1
    assert seen > 190


@recorded
def test_what_openais_vendors_answer() -> None:
    seen = 0
    for exchange in answers("openai.chat"):
        answer = TO_OPENAI.answer(body_of(exchange), product_id="p", quirks=NO_QUIRKS)
        choices = json.loads(body_of(exchange)).get("choices")
        if answer.error is not None or not choices:
            continue
        ours = whole_said(answer.body)
        theirs = said_by([(choices[0].get("message") or {}, choices[0].get("finish_reason"))])
        if ours.ending != "MALFORMED_FUNCTION_CALL":
            assert ours.told() == theirs, exchange["id"]
            assert ours.usage == counted(answer.usage), exchange["id"]
            seen += 1
    assert seen > 250


@recorded
def test_what_anthropics_vendors_stream() -> None:
    seen = 0
    for exchange in recorded_streams(*MESSAGES):
        bodies = {to_client(TO_ANTHROPIC, reads)[0] for reads in reads_of(exchange).values()}
        assert len(bodies) == 1, exchange["id"]
        body, usage = to_client(TO_ANTHROPIC, [body_of(exchange)])
        theirs = said_in_events(body_of(exchange))
        theirs["ending"] = FINISH.get(theirs["ending"], "stop")
        ours = whole_of_stream(body)
        assert ours.told() == theirs, exchange["id"]
        assert ours.usage == counted(usage), exchange["id"]
        listed = json.loads(to_client(TO_ANTHROPIC, [body_of(exchange)], ARRAY)[0])
        assert listed == chunks_of(body), "the same as an array"
        seen += 1
    assert seen > 55


def test_what_clovas_vendors_say() -> None:
    body, usage = to_client(TO_CLOVA, [sse(*TALK3, *END3)])
    said = whole_of_stream(body)
    assert (said.text, said.ending, said.usage) == (TEXT, "stop", counted(usage))


@recorded
def test_what_gemini_says_is_what_it_said() -> None:
    seen = 0
    for exchange in gemini_recordings.streams():
        body, usage = to_client(SELF, [gemini_recordings.body_of(exchange)])
        if not body or exchange["response"]["status"] != 200:
            continue
        said = whole_of_stream(body)
        assert TO_OPENAI.assembler is not None
        theirs = Said()
        for chunk in gemini_recordings.chunks_of(gemini_recordings.body_of(exchange)):
            for candidate in chunk.get("candidates") or ():
                for part in (candidate.get("content") or {}).get("parts") or ():
                    text = part.get("text") or ""
                    theirs.thought += text if part.get("thought") else ""
                    theirs.text += "" if part.get("thought") else text
                    if (call := part.get("functionCall") or {}).get("name"):
                        theirs.calls.append([None, call["name"], json.dumps(call.get("args") or {})])
        assert (said.text, said.thought) == (theirs.text, theirs.thought), exchange["id"]
        assert [call[1:] for call in said.told()["calls"]] == [call[1:] for call in theirs.told()["calls"]]
        assert said.usage == counted(usage), exchange["id"]
        seen += 1
    assert seen > 60


@recorded
@pytest.mark.parametrize("operation", [TO_OPENAI, TO_ANTHROPIC], ids=["openai", "anthropic"])
def test_an_assembled_stream_is_said_as_the_stream(operation: Operation) -> None:
    assert operation.assembler is not None
    for exchange in streams(*(("openai.chat",) if operation is TO_OPENAI else MESSAGES))[::4]:
        frames, usage = to_client(operation, [body_of(exchange)])
        assembler = assemble(operation.assembler("p", EVENTS, NO_QUIRKS), [body_of(exchange)])
        if not frames or not assembler.finished or "aborted_stream" in exchange["special"]:
            continue
        assert whole_said(assembler.answer()).told() == whole_of_stream(frames).told(), exchange["id"]
        assert assembler.usage == usage


ASKED: Final[dict[str, Any]] = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "clock"}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "clock", "response": {"hour": 9}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "clock"}]}],
    "generationConfig": {"thinkingConfig": {"thinkingBudget": 100}},
}


def encoded(operation: Operation, **more: Any) -> dict[str, Any]:
    body = {**ASKED, **more}
    facts = operation.read(body, 100, Spoken(model="p", stream=True))
    written = operation.encode(
        body, facts=facts, upstream_model="m", stream=True, output_limit=50, quirks=NO_QUIRKS
    )
    asked: dict[str, Any] = json.loads(written)
    return asked


def test_what_the_others_are_asked() -> None:
    """A call without an id gets one, which its result bears too."""
    openai, anthropic, clova = (encoded(one) for one in (TO_OPENAI, TO_ANTHROPIC, TO_CLOVA))
    assert openai["messages"][1]["tool_calls"][0]["id"] == "call_unnamed_1"
    assert openai["messages"][2] == {
        "role": "tool", "tool_call_id": "call_unnamed_1", "content": '{"hour":9}',
    }  # fmt: skip
    assert openai["reasoning_effort"] == "low"
    assert anthropic["messages"][1]["content"][0]["id"] == "call_unnamed_1"
    assert anthropic["messages"][2]["content"][0]["tool_use_id"] == "call_unnamed_1"
    assert clova["messages"][2]["toolCallId"] == "call_unnamed_1"
    assert not any("c2ln" in json.dumps(one) for one in (openai, anthropic, clova))


@pytest.mark.parametrize(
    ("operation", "config", "param"),
    [
        (TO_ANTHROPIC, {"candidateCount": 2}, "n"),
        (TO_ANTHROPIC, {"temperature": 1.5}, "temperature"),
        (TO_ANTHROPIC, {"responseMimeType": "application/json"}, "response_format"),
        (TO_CLOVA, {"candidateCount": 2}, "n"),
        (TO_CLOVA, {"presencePenalty": 0.5}, "presence_penalty"),
        (TO_CLOVA, {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}, "reasoning_effort"),
    ],
)
def test_what_the_others_cannot_be_asked(operation: Operation, config: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        encoded(operation, generationConfig=config)
    assert refused.value.param == param
