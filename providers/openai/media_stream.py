"""Streams of typed events: `speech.audio.*` and `transcript.text.*`. Pure.

The event whose type ends in `.done` carries the usage and is the terminal one: it is withheld until the call
is settled, and what follows it with it. A piece of sound is long and says nothing the meter needs, so it
passes unparsed; the byte searches may send an ordinary event to the parser, never the other way round: a key
stands in JSON in quotes of its own, or in escapes.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec
import orjson

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Refusal
from providers.errors import TOO_LARGE, VendorError, unreadable
from providers.facts import RequestFacts
from providers.json_depth import text_bytes, written_if_shallow
from providers.openai.errors import error_frame, error_of
from providers.openai.speech import as_sound, sound_tokens
from providers.openai.stream import DONE_FRAME
from providers.openai.transcription import seconds_of
from providers.openai.usage import usage_of
from providers.quirks import Quirks
from providers.service_tiers import with_tier
from providers.sse import COMMENT_FRAME, comment_frame, event_data, event_object, frame, is_done

SOUND_BYTES_MAX: Final = 64 * 1024 * 1024  # put together
BEHIND_END_BYTES_MAX: Final = 64 * 1024  # it is withheld with the end, so all of it waits in memory
_SOUND: Final = b'"speech.audio.delta"'
_TELLING: Final = (b'"usage"', b'"error"', b'.done"', b'"model"', b"\\u", b"\n", b"\r")


class _Heard:
    """What has been seen of one stream so far."""

    def __init__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> None:
        self.product_id = product_id
        self.quirks = quirks
        self.is_speech = facts.purpose == "speech"
        self.kind = facts.answer_kind
        self.usage: Usage | None = None
        self.error: VendorError | None = None
        self.finished = False
        self.done = False
        self.upstream_id: str | None = None
        self.container_id: str | None = None
        self._deltas = 0
        self._said_bytes = 0
        self._sound_bytes = 0

    def delivered_tokens(self) -> int:
        said = self._said_bytes // ESTIMATE_BYTES_PER_TOKEN
        return max(self._deltas, said + sound_tokens(self._sound_bytes, self.kind))

    def told_input(self) -> Usage | None:
        return None  # it is told with the whole

    def observe(self, event: dict[str, Any]) -> None:
        if (error := error_of(event)) is not None or event.get("type") == "error":
            self.error = error or unreadable("The vendor's stream has failed.")
            return
        raw = event.get("usage")
        if type(raw) is dict:
            self._count(raw, event)
        kind = event.get("type")
        if type(kind) is str and kind.endswith(".done"):
            self.finished = True
        said = text_bytes(event.get("delta"))
        if not said and not (self.finished and self._deltas):
            said = text_bytes(event.get("text"))  # a segment, or all of it at once
        sound = event.get("audio")
        self.note(said, len(sound) * 3 // 4 if type(sound) is str else 0)

    def note(self, said_bytes: int, sound_bytes: int) -> None:
        if said_bytes or sound_bytes:
            self._deltas += 1
            self._said_bytes += said_bytes
            self._sound_bytes += sound_bytes

    def _count(self, raw: dict[str, Any], event: dict[str, Any]) -> None:
        usage = usage_of(raw, self.quirks)
        if usage is not None and self.is_speech:
            usage = as_sound(usage)
        seconds = seconds_of(event)
        if seconds is not None:
            usage = msgspec.structs.replace(usage or Usage(), units={"seconds": seconds})
        if usage is not None:
            self.usage = with_tier(usage, event.get("service_tier"))


class MediaFold(_Heard):
    """Vendor events in, client frames out. One per stream."""

    def __init__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> None:
        super().__init__(product_id, facts, quirks)
        self._ending: list[bytes] = []  # from the terminal event on
        self._behind_end_bytes = 0

    def feed(self, event: bytes) -> bytes:
        if event.startswith(b"data: ") and event.endswith(b"\n\n") and _SOUND in event:
            inside = event[6:-2]
            if not self.finished and not any(word in inside for word in _TELLING):
                self.note(0, len(inside) * 3 // 4)
                return event
        data = event_data(event)
        if data is None:
            return COMMENT_FRAME if event.startswith(b":") else b""
        if data.strip() == b"[DONE]":
            self.done = True
            self._ending.append(DONE_FRAME)
            return b""
        try:
            said = orjson.loads(data)
        except orjson.JSONDecodeError:
            return b""  # cut in the middle, or no JSON: no SDK could read it either
        if type(said) is not dict:
            return b""
        self.observe(said)
        if self.error is not None:
            return b""
        out = self._with_product(data, said)
        if not self.finished:
            return out
        self._withhold(out)
        return b""

    def _withhold(self, out: bytes) -> None:
        """The terminal event, and some of what follows it: a vendor that never stops is not listened to."""
        if self._ending:
            self._behind_end_bytes += len(out)
        if self._behind_end_bytes > BEHIND_END_BYTES_MAX:
            self.done = True
        else:
            self._ending.append(out)

    def owed_frames(self) -> bytes:
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        return b""  # such a call is held to its ceiling: no balance ends in it

    def terminal(self) -> bytes:
        return b"".join(self._ending)

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return error_frame(refusal)

    def _with_product(self, data: bytes, event: dict[str, Any]) -> bytes:
        if "model" in event:
            event["model"] = self.product_id
            data = written_if_shallow(event) or data
        return frame(data.replace(b"\n", b" "))  # a line end inside JSON is white space


class SoundAssembler(_Heard):
    """The same events, for a caller who wants the sound itself."""

    def __init__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> None:
        super().__init__(product_id, facts, quirks)
        self._sound = bytearray()

    def feed(self, event: bytes) -> None:
        said = event_object(event)
        if said is None:
            self.done = self.done or is_done(event)
            return
        self.observe(said)
        sound = said.get("audio")
        if self.error is not None or type(sound) is not str:
            return
        try:
            self._sound += base64.b64decode(sound, validate=True)
        except (binascii.Error, ValueError):
            self.error = unreadable("The vendor's stream has no sound that can be read.")
        if len(self._sound) > SOUND_BYTES_MAX:
            self.error = TOO_LARGE

    def answer(self, usage: Usage | None = None) -> bytes:
        return bytes(self._sound)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return bytes(self._sound)
