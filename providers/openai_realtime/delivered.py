"""What was heard and said, counted without the vendor: for estimates and checkpoints. Pure.

Sound is counted by its time: the vendor publishes a token per 100 ms of input and one per 50 ms of output.
Text is counted as everywhere: an event with text is at least a token, and four bytes of text are.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN

INPUT_TOKENS_PER_S: Final = 10
OUTPUT_TOKENS_PER_S: Final = 20
_PCM16_BYTES_PER_S: Final = 48_000  # 24 kHz, mono
_G711_BYTES_PER_S: Final = 8_000


class Formats(msgspec.Struct):
    """Bytes of sound in a second, as the session has them now."""

    input_bytes_per_s: int = _PCM16_BYTES_PER_S
    output_bytes_per_s: int = _PCM16_BYTES_PER_S

    def note(self, session: dict[str, Any]) -> None:
        """`session` of `session.created` or `session.updated`: the present form, or the beta's."""
        audio = session.get("audio")
        if type(audio) is not dict:
            audio = {}
        heard, said = _rate(audio.get("input")), _rate(audio.get("output"))
        self.input_bytes_per_s = heard or _beta_rate(session.get("input_audio_format")) or _PCM16_BYTES_PER_S
        self.output_bytes_per_s = said or _beta_rate(session.get("output_audio_format")) or _PCM16_BYTES_PER_S


class Heard(msgspec.Struct):
    """What a conversation holds: the input of its next response."""

    text_bytes: int = 0
    audio_bytes: int = 0
    former_text_tokens: int = 0  # of former turns, by the vendor's count where it gave one
    former_audio_tokens: int = 0

    def tokens(self, formats: Formats) -> tuple[int, int]:
        """(text, audio)."""
        text = self.former_text_tokens + -(-self.text_bytes // ESTIMATE_BYTES_PER_TOKEN)
        sound = self.audio_bytes * INPUT_TOKENS_PER_S // formats.input_bytes_per_s
        return text, self.former_audio_tokens + sound

    def add(self, text_bytes: int, audio_bytes: int) -> None:
        self.text_bytes += text_bytes
        self.audio_bytes += audio_bytes

    def turn(self, usage: Usage) -> None:
        """A response of the conversation has ended: what it read and said is the beginning of the next."""
        self.former_text_tokens = usage.input + usage.cached_input + usage.output
        self.former_audio_tokens = usage.input_audio + usage.output_audio
        self.text_bytes = self.audio_bytes = 0


class Said(msgspec.Struct):
    """What one response has delivered so far."""

    events: int = 0  # with text
    text_bytes: int = 0
    audio_bytes: int = 0

    def note(self, kind: str, delta: str) -> None:
        if kind.endswith("audio.delta"):
            self.audio_bytes += sound_bytes(delta)
        else:
            self.events += 1
            self.text_bytes += len(delta.encode(errors="replace"))

    @property
    def is_nothing(self) -> bool:
        return not (self.events or self.audio_bytes)

    def tokens(self, formats: Formats) -> tuple[int, int]:
        """(text, audio)."""
        text = max(self.events, self.text_bytes // ESTIMATE_BYTES_PER_TOKEN)
        return text, self.audio_bytes * OUTPUT_TOKENS_PER_S // formats.output_bytes_per_s


def sound_bytes(base64: str) -> int:
    return len(base64) * 3 // 4


def _rate(side: Any) -> int | None:
    form = side.get("format") if type(side) is dict else None
    kind = form.get("type") if type(form) is dict else form
    if kind in ("audio/pcmu", "audio/pcma"):
        return _G711_BYTES_PER_S
    return _PCM16_BYTES_PER_S if kind == "audio/pcm" else None


def _beta_rate(kind: Any) -> int | None:
    return _G711_BYTES_PER_S if kind in ("g711_ulaw", "g711_alaw") else None


__all__ = ["Formats", "Heard", "Said", "sound_bytes"]
