"""Text made speech: the request as the meter sees it, and an answer that is sound. Pure.

What is spoken is known before: its characters are counted here, and a product that is priced by them is
billed exactly. Tokens are reported in a stream of events alone (`stream_format: sse`). So where a product
has token prices the vendor is asked for one, and a caller who wants a file gets it put together.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec

from metering.usage import Usage, usage_from_totals
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Answer
from providers.errors import unreadable
from providers.facts import IN_BODY, RequestFacts, Spoken, bad, flag, model_of
from providers.json_depth import written
from providers.openai.answer import read_answer_object
from providers.openai.kept import refuse_own_voice
from providers.openai.sounds import seconds_told
from providers.quirks import Quirks
from providers.service_tiers import asked_tier

# For estimates, where a vendor counts no tokens: OpenAI documents 20 of them for a second of speech.
TOKENS_PER_SECOND: Final = 20
# Bytes to a second. PCM and WAVE are 24,000 samples of two bytes, as OpenAI documents; FLAC packs speech to
# about half of that. The others are as lossy as who speaks chooses: what their encoders take by themselves.
_BYTES_PER_SECOND: Final = {
    "audio/mpeg": 16_000,
    "audio/ogg": 8_000,
    "audio/aac": 16_000,
    "audio/flac": 24_000,
    "audio/wav": 48_000,
    "audio/pcm": 48_000,
}
_USUAL_BYTES_PER_SECOND: Final = 16_000
_ANY: Final = "application/octet-stream"
_KINDS: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# What is passed on as the vendor calls it; other sounds pass as bytes.
_PASSED: Final = frozenset(
    {*_KINDS.values(), "audio/mp3", "audio/mp4", "audio/opus", "audio/webm", "audio/x-wav", "audio/wave"}
    | {"audio/basic", "audio/l16", "audio/x-flac", _ANY}
)
_PARAMETERS: Final = re.compile(r"(?:; ?[a-z0-9]{1,20}=[a-z0-9.]{1,20}){0,3}")


def read_speech_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    said = body.get("input")
    if type(said) is not str or not said:
        raise bad("input", "must be a text", "텍스트여야 합니다")
    refuse_own_voice(body, "voice")
    if flag(body, "stream"):
        raise bad("stream", "is called `stream_format` here", "stream_format을 사용해 주세요")
    streamed = body.get("stream_format")
    if streamed not in (None, "audio", "sse"):
        raise bad("stream_format", "must be audio or sse", "audio 또는 sse여야 합니다")
    wanted = body.get("response_format")
    if wanted is not None and type(wanted) is not str:
        raise bad("response_format", "must be a text", "텍스트여야 합니다")
    return RequestFacts(
        purpose="speech",
        model=model,
        body_bytes=body_bytes,
        stream=streamed == "sse",
        characters=len(said),
        service_tier=asked_tier(body.get("service_tier")),
        answer_kind=_KINDS.get(wanted or "mp3", _ANY),
    )


def encode_speech(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks,
) -> bytes:
    out = {**body, "model": upstream_model}
    if stream:
        out["stream_format"] = "sse"
    return written(out)


def read_speech(body: bytes, *, kind: str, facts: RequestFacts, product_id: str, quirks: Quirks) -> Answer:
    """Sound as bytes; or JSON with the sound in it, as Mistral has it."""
    if kind.startswith("application/json"):
        found, _ = read_answer_object(body, product_id=product_id, quirks=quirks)
        usage = None if found.usage is None else as_sound(found.usage)
        tokens = sound_tokens(len(body) * 3 // 4, facts.answer_kind)  # in base64
        return msgspec.structs.replace(found, usage=usage, text_bytes=tokens * ESTIMATE_BYTES_PER_TOKEN)
    media_type = kind.partition(";")[0].strip()
    if not body or not (media_type in _PASSED or media_type.startswith("audio/")):
        return Answer(usage=None, body=b"", error=unreadable("The vendor's answer is no sound."))
    as_said = media_type in _PASSED and _PARAMETERS.fullmatch(kind[len(media_type) :]) is not None
    return Answer(
        usage=None,
        body=body,
        kind=kind if as_said else media_type if media_type in _PASSED else _ANY,
        text_bytes=_tokens_of(body, media_type) * ESTIMATE_BYTES_PER_TOKEN,
    )


def as_sound(usage: Usage) -> Usage:
    """All that a vendor of speech counts as output is sound."""
    counted = usage_from_totals(
        input_total=usage.input_total,
        output_total=usage.output_total,
        cached_input=usage.cached_input,
        output_audio=usage.output_total,
    )
    return msgspec.structs.replace(counted, service_tier=usage.service_tier)


def sound_tokens(sound_bytes: int, kind: str) -> int:
    """Of sound of this content type, estimated."""
    return sound_bytes * TOKENS_PER_SECOND // _BYTES_PER_SECOND.get(kind, _USUAL_BYTES_PER_SECOND)


def _tokens_of(sound: bytes, kind: str) -> int:
    """By its length, where its bytes tell that."""
    seconds = seconds_told(sound)
    return sound_tokens(len(sound), kind) if seconds is None else math.ceil(seconds * TOKENS_PER_SECOND)
