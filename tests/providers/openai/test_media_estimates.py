"""Sound and pictures beside their usage: how they were served, how much an estimate makes of them."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson
import pytest

from metering.usage import Usage
from providers.bedrock.usage import usage_told
from providers.dialect import Operation
from providers.facts import IN_BODY, RequestFacts, Spoken
from providers.forms import Part
from providers.gemini.request import read_embed_request
from providers.openai.answer import read_answer
from providers.openai.dialect import EMBEDDINGS, IMAGES, RERANK, SPEECH, TRANSCRIPTIONS
from providers.openai.media_stream import BEHIND_END_BYTES_MAX, MediaFold
from providers.openai.sounds import seconds_told
from providers.openai.speech import read_speech, sound_tokens
from providers.openai.stream import StreamFold
from providers.quirks import NO_QUIRKS

FACTS: Final = RequestFacts(purpose="speech", model="m", body_bytes=1, answer_kind="audio/pcm")
PCM_WAVE: Final = (
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + (8_000).to_bytes(4, "little") + bytes(4) + b"\1\0\x08\0"
    b"data\0\0\0\0"
)
FRAME: Final = b"\xff\xf3\x44\xc4" + bytes(92)  # MPEG 2, 32 kbit/s, 24,000 Hz: 24 ms


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (EMBEDDINGS, {"model": "m", "input": "a"}),
        (IMAGES, {"model": "m", "prompt": "p"}),
        (SPEECH, {"model": "m", "input": "a"}),
        (RERANK, {"model": "m", "query": "q", "documents": ["d"]}),
    ],
    ids=lambda one: one.name if isinstance(one, Operation) else "",
)
def test_a_tier_that_is_asked_for(operation: Operation, body: dict[str, Any]) -> None:
    assert operation.read(body, 9, IN_BODY).service_tier is None
    assert operation.read({**body, "service_tier": "flex"}, 9, IN_BODY).service_tier == "flex"


def test_a_tier_in_a_form_and_of_gemini() -> None:
    form = {
        "model": [Part(name="model", data=b"m")],
        "file": [Part(name="file", data=b"x", filename="a.wav")],
    }
    assert TRANSCRIPTIONS.read(form, 9, IN_BODY).service_tier is None
    form["service_tier"] = [Part(name="service_tier", data=b"priority")]
    assert TRANSCRIPTIONS.read(form, 9, IN_BODY).service_tier == "priority"
    embed = {"content": {"parts": [{"text": "a"}]}, "serviceTier": "FLEX"}
    assert read_embed_request(embed, 9, Spoken(model="m")).service_tier == "flex"


COUNTED: Final = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        (EMBEDDINGS, {"data": [], "usage": COUNTED}),
        (RERANK, {"results": [], "usage": COUNTED}),
        (RERANK, {"results": [], "meta": {"billed_units": {"search_units": 1}}}),
        (IMAGES, {"data": [{}], "usage": COUNTED}),
        (SPEECH, {"audio": "AAAA", "usage": COUNTED}),
        (TRANSCRIPTIONS, {"text": "a", "usage": COUNTED}),
    ],
)
def test_a_tier_that_is_told(operation: Operation, answer: dict[str, Any]) -> None:
    body = orjson.dumps({**answer, "service_tier": "priority"})
    facts = RequestFacts(purpose=operation.name, model="m", body_bytes=1)
    if operation.media is None:
        read = operation.reader(facts)(body, product_id="p", quirks=NO_QUIRKS)
    else:
        read = operation.media(body, kind="application/json", facts=facts, product_id="p", quirks=NO_QUIRKS)
    assert read.usage is not None
    assert read.usage.service_tier == "priority"


def test_a_tier_in_a_stream_of_sound_and_of_bedrock() -> None:
    fold = MediaFold("p", FACTS, NO_QUIRKS)
    done = {"type": "speech.audio.done", "usage": COUNTED, "service_tier": "flex"}
    fold.feed(b"data: " + orjson.dumps(done) + b"\n\n")
    assert fold.usage == Usage(input=3, output_audio=4, service_tier="flex")
    raw = {"inputTokens": 3, "outputTokens": 4}
    for tier, known in (({"type": "priority"}, "priority"), ({"type": "default"}, "default"), ("flex", None)):
        assert usage_told({"usage": raw, "serviceTier": tier}) == Usage(input=3, output=4, service_tier=known)
    assert usage_told({"serviceTier": {"type": "flex"}}) is None


def test_a_second_of_sound_is_twenty_tokens_by_its_length_or_by_its_format() -> None:
    wave, mp3 = PCM_WAVE + bytes(8_000 - len(PCM_WAVE)), FRAME * 125
    assert (seconds_told(wave), seconds_told(mp3), seconds_told(b"OggS" + bytes(99))) == (1, 3, None)
    kinds = {"audio/wav": wave, "audio/mpeg": mp3, "audio/pcm": bytes(48_000), "audio/ogg": bytes(8_000)}
    told = {
        kind: read_speech(sound, kind=kind, facts=FACTS, product_id="p", quirks=NO_QUIRKS).text_bytes // 4
        for kind, sound in kinds.items()
    }
    assert told == {"audio/wav": 20, "audio/mpeg": 60, "audio/pcm": 20, "audio/ogg": 20}
    assert (sound_tokens(16_000, "audio/mpeg"), sound_tokens(16_000, "audio/new")) == (20, 20)
    packed = orjson.dumps({"audio": base64.b64encode(bytes(48_000)).decode()})
    in_json = read_speech(packed, kind="application/json", facts=FACTS, product_id="p", quirks=NO_QUIRKS)
    assert in_json.text_bytes // 4 == 20
    fold = MediaFold("p", FACTS, NO_QUIRKS)
    sound = {"type": "speech.audio.delta", "audio": base64.b64encode(bytes(48_000)).decode()}
    fold.feed(b"data: " + orjson.dumps(sound) + b"\n\n")
    assert fold.delivered_tokens() == 20


def test_a_vendor_that_goes_on_behind_its_end_is_not_listened_to_for_ever() -> None:
    fold = MediaFold("p", FACTS, NO_QUIRKS)
    end = b"data: " + orjson.dumps({"type": "speech.audio.done", "usage": COUNTED, "p": "x" * 70_000})
    fold.feed(end + b"\n\n")
    more = b"data: " + orjson.dumps({"type": "of.tomorrow", "p": "y" * 1_000}) + b"\n\n"
    count = 0
    while not fold.done and count < 1_000:
        fold.feed(more)
        count += 1
    assert fold.done
    assert fold.terminal().startswith(end)
    assert len(fold.terminal()) <= len(end) + 2 + BEHIND_END_BYTES_MAX


PARTS: Final = [{"type": "thinking", "thinking": [{"type": "text", "text": "h" * 400}]}]


def test_content_in_parts_counts_for_an_estimate() -> None:
    """As Mistral tells its thoughts."""
    answer = orjson.dumps({"choices": [{"index": 0, "message": {"content": [*PARTS, {"text": "b" * 40}]}}]})
    assert read_answer(answer, product_id="p").text_bytes == 440
    fold = StreamFold("p", True)
    for content in ("", PARTS, PARTS):  # the first is parsed anyway
        chunk = {
            "model": "v",
            "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}],
        }
        fold.feed(b"data: " + orjson.dumps(chunk) + b"\n\n")
    assert fold.delivered_tokens() == 200
