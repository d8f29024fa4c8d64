"""Sound made text: a form with one file. The request as the meter sees it, and the vendor's answer. Pure.

Only JSON says what a transcript cost, so a caller who wants plain text gets it out of the vendor's JSON.
Subtitles (srt, vtt) cannot be made of it exactly: they are asked for as they are and charged as an estimate,
at the end of their last line.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec

from metering.usage import TOKENS_MAX
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Answer
from providers.errors import unreadable
from providers.facts import IN_BODY, RequestFacts, Spoken, bad
from providers.forms import Part, write_form
from providers.openai.answer import read_answer_object
from providers.openai.sounds import seconds_of_sound
from providers.quirks import Quirks
from providers.service_tiers import asked_tier

TOKENS_PER_SECOND: Final = 10  # of sound, where no vendor counts them: an estimate
_TEXT: Final = "text/plain; charset=utf-8"
# What a caller may want -> the content type it then gets, where that is no JSON.
_FORMATS: Final = {
    "json": "",
    "verbose_json": "",
    "diarized_json": "",
    "text": _TEXT,
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
_ONCE: Final = (
    "model",
    "file",
    "response_format",
    "stream",
    "language",
    "prompt",
    "temperature",
    "service_tier",
)
# By these some vendors are sent elsewhere for the sound: nothing would bound it.
_ELSEWHERE: Final = ("url", "file_url", "audio_url", "file_id", "input_file")
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0", ""})
_CUE_END: Final = re.compile(rb"[ \t]*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})")


def read_transcription_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    for name in _ELSEWHERE:
        if name in body:
            raise bad(
                name, "is not offered; send the sound as `file`", "지원하지 않습니다. file로 보내 주세요"
            )
    for name in _ONCE:
        if len(body.get(name, ())) > 1:
            raise bad(name, "stands twice; send it once", "두 번 있습니다. 한 번만 보내 주세요")
    files = [part for parts in body.values() for part in parts if part.is_file]
    if len(files) != 1 or files[0].name != "file" or not files[0].data:
        raise bad("file", "must be the one file of the form", "폼의 유일한 파일이어야 합니다")
    model = _field(body, "model")
    if not model:
        raise bad("model", "must name a product", "상품 이름이어야 합니다")
    wanted = _field(body, "response_format") or "json"
    if wanted not in _FORMATS:
        raise bad(
            "response_format",
            f"must be one of {', '.join(_FORMATS)}",
            f"다음 중 하나여야 합니다: {', '.join(_FORMATS)}",
        )
    streamed = _field(body, "stream").lower()
    if streamed not in _TRUE | _FALSE:
        raise bad("stream", "must be true or false", "true 또는 false여야 합니다")
    seconds_max, seconds = seconds_of_sound(files[0].data)
    said_bytes = sum(len(part.data) for parts in body.values() for part in parts if not part.is_file)
    return RequestFacts(
        purpose="transcription",
        model=model,
        body_bytes=body_bytes,
        stream=streamed in _TRUE,
        takes_whole_context=True,
        seconds_max=seconds_max,
        seconds_estimate=seconds,
        input_estimate_tokens=seconds * TOKENS_PER_SECOND + said_bytes // ESTIMATE_BYTES_PER_TOKEN,
        answer_kind=_FORMATS[wanted],
        service_tier=asked_tier(_field(body, "service_tier")),
    )


def encode_transcription(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks,
) -> bytes:
    ours = {"model": upstream_model}
    if facts.answer_kind == _TEXT:
        ours["response_format"] = "json"
    if "stream" in body:
        ours["stream"] = "true" if stream else "false"
    parts: list[Part] = []
    for name, given in body.items():
        said = ours.get(name)
        parts += given if said is None else [Part(name=name, data=said.encode())]
    return write_form(parts)


def read_transcription(
    body: bytes, *, kind: str, facts: RequestFacts, product_id: str, quirks: Quirks
) -> Answer:
    if not kind.startswith("application/json"):
        return _subtitles(body, facts)
    found, answer = read_answer_object(body, product_id=product_id, quirks=quirks)
    if found.error is not None or answer is None:
        return found
    seconds = seconds_of(answer)
    text = answer.get("text")
    heard = len(text.encode(errors="replace")) if type(text) is str else 0
    found = msgspec.structs.replace(
        found, units={} if seconds is None else {"seconds": seconds}, text_bytes=heard
    )
    if facts.answer_kind != _TEXT:
        return found
    if type(text) is not str:
        return msgspec.structs.replace(found, error=unreadable("The vendor's answer has no text."))
    said = text.encode(errors="replace") + b"\n"
    return msgspec.structs.replace(found, body=said, kind=_TEXT)


def seconds_of(answer: dict[str, Any]) -> int | None:
    """Of the sound, as the vendor counts them; one that has begun counts. None: it does not say."""
    usage = answer.get("usage")
    usage = usage if type(usage) is dict else {}
    for seconds in (usage.get("seconds"), usage.get("prompt_audio_seconds"), answer.get("duration")):
        if isinstance(seconds, int | float) and type(seconds) is not bool and seconds >= 0:
            return min(math.ceil(seconds), TOKENS_MAX)
    return None


def _subtitles(body: bytes, facts: RequestFacts) -> Answer:
    if not facts.answer_kind:
        return Answer(usage=None, body=b"", error=unreadable("The vendor's answer is not JSON."))
    found = _CUE_END.match(body.rpartition(b"-->")[2]) if b"-->" in body else None
    units = {}
    if found is not None:
        hours, minutes, seconds = int(found[1] or 0), int(found[2]), int(found[3])
        units = {"seconds": hours * 3600 + minutes * 60 + seconds + (int(found[4]) > 0)}
    return Answer(
        usage=None,
        body=body,
        kind=facts.answer_kind,
        units=units,
        units_are_estimated=True,
        text_bytes=len(body),
    )


def _field(body: dict[str, Any], name: str) -> str:
    """Its text; "" where it is not there."""
    parts = body.get(name)
    if not parts:
        return ""
    part: Part = parts[0]
    if part.is_file:
        raise bad(name, "must not be a file", "파일이 아니어야 합니다")
    return part.text()
