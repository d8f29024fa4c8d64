"""Images, speech and transcripts: whatever JSON a caller or a vendor sends, it is refused or passes."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.openai.dialect import IMAGES, SPEECH, TRANSCRIPTIONS
from providers.quirks import NO_QUIRKS, quirks_for
from tests.fakes.any_json import DEEP, documents

DRAW: Final = {"model": "m", "prompt": "p", "n": 2, "stream": False, "images": [{"image_url": "u"}]}
SAY: Final = {"model": "m", "input": "안녕", "voice": "v", "response_format": "mp3", "stream_format": "sse"}
USAGE: Final = {
    "type": "tokens", "input_tokens": 10, "output_tokens": 20, "total_tokens": 30, "seconds": 3,
    "input_token_details": {"text_tokens": 3, "audio_tokens": 7}, "prompt_audio_seconds": 3,
}  # fmt: skip
ANSWERS: Final[dict[str, Any]] = {
    "images": {"created": 1, "model": "v", "data": [{"b64_json": "AA"}, {"url": "u"}], "usage": USAGE},
    "speech": {"model": "v", "audio_data": "AAAA", "usage": USAGE},
    "transcriptions": {
        "model": "v",
        "text": "안녕",
        "duration": 2.5,
        "segments": [{"text": "t"}],
        "usage": USAGE,
    },
}
FACTS: Final = {
    "images": RequestFacts(purpose="image", model="m", body_bytes=1, images=2),
    "speech": RequestFacts(purpose="speech", model="m", body_bytes=1, characters=2, answer_kind="audio/mpeg"),
    "transcriptions": RequestFacts(purpose="transcription", model="m", body_bytes=1, seconds_estimate=2),
}
OPERATIONS: Final = [IMAGES, SPEECH, TRANSCRIPTIONS]
named = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))


@pytest.mark.parametrize(
    ("operation", "bodies"), [(IMAGES, documents(DRAW)), (SPEECH, documents(SAY))], ids=["images", "speech"]
)
@given(data=st.data())
def test_a_request(operation: Operation, bodies: st.SearchStrategy[bytes], data: st.DataObject) -> None:
    body = orjson.loads(data.draw(bodies))
    if type(body) is not dict:
        return
    try:
        facts = operation.read(body, 100, IN_BODY)
        written = operation.encode(
            body, facts=facts, upstream_model="w", stream=True, output_limit=None, quirks=quirks_for("openai")
        )
    except BadRequest:
        return
    assert orjson.loads(written)["model"] == "w"
    assert all(count >= 0 for count in facts.units_max.values())


@named
@given(data=st.data(), text=st.booleans())
def test_an_answer(operation: Operation, data: st.DataObject, text: bool) -> None:
    body = data.draw(documents(ANSWERS[operation.name], {"error": {"message": "m"}}))
    facts = FACTS[operation.name]
    if text and operation is TRANSCRIPTIONS:
        facts = msgspec.structs.replace(facts, answer_kind="text/plain; charset=utf-8")
    assert operation.media is not None
    answer = operation.media(body, kind="application/json", facts=facts, product_id="p", quirks=NO_QUIRKS)
    if answer.error is None and not answer.kind.startswith("text/plain"):
        orjson.loads(answer.body)
    assert all(type(count) is int and count >= 0 for count in answer.units.values())


@named
@pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_a_deep_answer_is_metered_and_passes(operation: Operation, value: bytes) -> None:
    body = orjson.dumps(ANSWERS[operation.name])[:-1] + b',"x":%b}' % value
    assert operation.media is not None
    answer = operation.media(
        body, kind="application/json", facts=FACTS[operation.name], product_id="p", quirks=NO_QUIRKS
    )
    assert answer.usage is not None
    assert (answer.usage.input_total, answer.usage.output_total) == (10, 20)
    assert orjson.loads(answer.body)["model"]


EVENTS: Final = (
    {"type": "speech.audio.delta", "audio": "AAAA", "model": "v"},
    {"type": "speech.audio.done", "usage": USAGE},
    {"type": "transcript.text.delta", "delta": "안녕", "logprobs": []},
    {"type": "transcript.text.segment", "text": "t", "start": 0.0},
    {"type": "transcript.text.done", "text": "안녕", "usage": USAGE},
    {"type": "error", "error": {"message": "m"}},
)


@pytest.mark.parametrize("name", ["speech", "transcriptions"])
@given(said=st.lists(documents(*EVENTS), max_size=5))
def test_a_stream(name: str, said: list[bytes]) -> None:
    assert SPEECH.fold is not None
    assert SPEECH.assembler is not None
    fold = SPEECH.fold("p", FACTS[name], NO_QUIRKS)
    assembler = SPEECH.assembler("p", FACTS[name], NO_QUIRKS)
    for data in said:
        out = fold.feed(b"data: " + data + b"\n\n")
        assert not out or out.endswith(b"\n\n")
        assembler.feed(b"data: " + data + b"\n\n")
    assert (fold.usage, fold.finished) == (assembler.usage, assembler.finished)
    assert fold.delivered_tokens() >= 0
    fold.terminal()
    assembler.answer()


def test_an_ordinary_piece_of_sound_passes_as_it_came() -> None:
    assert SPEECH.fold is not None
    fold = SPEECH.fold("p", FACTS["speech"], NO_QUIRKS)
    event = b'data: {"type": "speech.audio.delta",  "audio": "%b"}\n\n' % (b"A" * 3200)
    assert fold.feed(event) == event
    assert fold.delivered_tokens() == 3


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"type":"speech.audio.delta","usage":{"input_tokens":1,"output_tokens":2}}\n\n',
        b'data: {"x":"\\"speech.audio.delta\\"","us\\u0061ge":{"input_tokens":1,"output_tokens":2}}\n\n',
        b'data: {"x":"speech.audio.delta",\ndata: "usage":{"input_tokens":1,"output_tokens":2}}\n\n',
        b'data: {"x":"speech.audio.delta"}\r\ndata:\r\n\r\n',
    ],
)
def test_what_looks_like_a_piece_of_sound_is_understood(event: bytes) -> None:
    assert SPEECH.fold is not None
    fold = SPEECH.fold("p", FACTS["speech"], NO_QUIRKS)
    fold.feed(event)
    assert fold.usage == (Usage(input=1, output_audio=2) if b"input_tokens" in event else None)


def test_a_text_said_again_at_the_end_is_counted_once() -> None:
    assert TRANSCRIPTIONS.fold is not None
    delta = b'data: {"type":"transcript.text.delta","delta":"eight by"}\n\n'
    done = b'data: {"type":"transcript.text.done","text":"eight by"}\n\n'
    for said in ([delta, done], [done]):
        fold = TRANSCRIPTIONS.fold("p", FACTS["transcriptions"], NO_QUIRKS)
        for event in said:
            fold.feed(event)
        assert fold.delivered_tokens() == 2


def test_a_model_in_an_event_is_the_product() -> None:
    assert SPEECH.fold is not None
    fold = SPEECH.fold("p", FACTS["speech"], NO_QUIRKS)
    assert b'"model":"p"' in fold.feed(b'data: {"type":"speech.audio.delta","audio":"AA==","model":"v"}\n\n')
    assert fold.feed(b'data: {"type":"speech.audio.done","model":"v"}\n\n') == b""
    assert b'"model":"p"' in fold.terminal()
