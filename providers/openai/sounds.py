"""How long a sound can be, told from its bytes. Pure.

A strict bound where the format gives one: uncompressed WAVE has a fixed number of bytes to a second, and the
frames of an MP3 can be counted (`mp3.py`). Every other format can hold silence in next to nothing, so the
longest sound that a vendor takes bounds it (docs/decisions/0021). Where no vendor says how long it was, it is
taken to have the lowest rate that its format is used with: an estimate that nobody gains by.
"""

from __future__ import annotations

import math
from typing import Final

from providers.openai.mp3 import read_mp3

SECONDS_MAX: Final = 24 * 3600
# Bytes to a second, by how the file begins. Speech at 6 kbit/s (Opus), AAC and MP3 at 8, GSM in a WAVE at 13,
# and what is lossless at half of 8,000 samples of one byte.
_LEAST_BYTES: Final = 750
_LEAST_BYTES_OF: Final = {b"fLaC": 4_000, b"RIFF": 1_600, b"ID3": 1_000, b"\xff": 1_000}
_MP4: Final = b"ftyp"  # behind its length
_MP4_LEAST_BYTES: Final = 1_000
_PCM: Final = 1
_CHUNKS_MAX: Final = 32


def seconds_of_sound(sound: bytes) -> tuple[int, int]:
    """(the longest it can be, what it is taken to be where no vendor says)."""
    longest: float = SECONDS_MAX
    if (rate := _wave_rate(sound)) is not None:
        longest = estimate = len(sound) / rate
    elif (mp3 := read_mp3(sound)) is not None:
        longest, estimate = mp3.seconds_max, mp3.seconds_estimate
    else:
        estimate = len(sound) / _least_rate(sound)
    most = max(1, min(math.ceil(longest), SECONDS_MAX))
    return most, min(most, max(1, math.ceil(estimate)))


def seconds_told(sound: bytes) -> float | None:
    """Of uncompressed WAVE and of MP3, whose bytes say how long they are; None of anything else."""
    if (rate := _wave_rate(sound)) is not None:
        return len(sound) / rate
    mp3 = read_mp3(sound)
    return None if mp3 is None else mp3.seconds_estimate


def _least_rate(sound: bytes) -> int:
    if sound[4:8] == _MP4:
        return _MP4_LEAST_BYTES
    return next((rate for magic, rate in _LEAST_BYTES_OF.items() if sound.startswith(magic)), _LEAST_BYTES)


def _wave_rate(sound: bytes) -> int | None:
    """Bytes to a second of uncompressed WAVE; None of anything else, or where its head is not plain."""
    if sound[:4] != b"RIFF" or sound[8:12] != b"WAVE":
        return None
    at, rate = 12, None
    for _ in range(_CHUNKS_MAX):
        name, size = sound[at : at + 4], _little(sound, at + 4, 4)
        if name == b"data" or at + 8 > len(sound):
            return rate if name == b"data" else None
        if name == b"fmt ":
            if rate is not None or size < 16 or _little(sound, at + 8, 2) != _PCM:
                return None
            channels, bits = _little(sound, at + 10, 2), _little(sound, at + 22, 2)
            # Of the samples, not the head's own byte rate: decoders go by the samples.
            rate = _little(sound, at + 12, 4) * channels * (bits // 8) or None
            if rate is None:
                return None
        at += 8 + size + size % 2
    return None


def _little(sound: bytes, at: int, length: int) -> int:
    return int.from_bytes(sound[at : at + length], "little")
