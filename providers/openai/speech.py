"""Text made speech: the request as the meter sees it, and an answer that is sound. Pure.

What is spoken is known before: its characters are counted here, and a product that is priced by them is
billed exactly. Tokens are reported in a stream of events alone (`stream_format: sse`). So where a product
has token prices the vendor is asked for one, and a caller who wants a file gets it put together.
"""

from __future__ import annotations

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
from providers.quirks import Quirks

# Bytes of sound to a token of it, for estimates: 128 kbit/s and 20 tokens a second, roughly.
SOUND_BYTES_PER_TOKEN: Final = 800
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
        return msgspec.structs.replace(found, usage=usage, text_bytes=estimate_bytes(len(body)))
    media_type = kind.partition(";")[0].strip()
    if not body or not (media_type in _PASSED or media_type.startswith("audio/")):
        return Answer(usage=None, body=b"", error=unreadable("The vendor's answer is no sound."))
    as_said = media_type in _PASSED and _PARAMETERS.fullmatch(kind[len(media_type) :]) is not None
    return Answer(
        usage=None,
        body=body,
        kind=kind if as_said else media_type if media_type in _PASSED else _ANY,
        text_bytes=estimate_bytes(len(body)),
    )


def as_sound(usage: Usage) -> Usage:
    """All that a vendor of speech counts as output is sound."""
    return usage_from_totals(
        input_total=usage.input_total,
        output_total=usage.output_total,
        cached_input=usage.cached_input,
        output_audio=usage.output_total,
    )


def estimate_bytes(sound_bytes: int) -> int:
    """As many bytes of text as would be as many tokens."""
    return sound_bytes // SOUND_BYTES_PER_TOKEN * ESTIMATE_BYTES_PER_TOKEN
