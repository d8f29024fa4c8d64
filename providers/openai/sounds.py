"""How long a sound can be, told from its bytes. Pure.

A strict bound where the format gives one: uncompressed WAVE has a fixed number of bytes to a second, and a
frame of MP3 has no bit rate below 8 kbit/s. Every other format can hold silence in next to nothing, so only
the longest sound that a vendor takes bounds it (docs/decisions/0021).
"""

from __future__ import annotations

from typing import Final

SECONDS_MAX: Final = 24 * 3600
_MP3_BYTES_MIN: Final = 1_000  # to a second, at 8 kbit/s
_USUAL_BYTES: Final = 16_000  # to a second, at 128 kbit/s: an estimate
_PCM: Final = 1
_CHUNKS_MAX: Final = 32
# Layer III: kbit/s by the header's index, for MPEG 1 and for the two later ones; samples per second.
_RATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_RATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_SAMPLES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def seconds_max(sound: bytes) -> int:
    if (bytes_per_second := _wave_rate(sound)) is not None:
        longest = -(-len(sound) // bytes_per_second)
    elif _is_mp3(sound):
        longest = -(-len(sound) // _MP3_BYTES_MIN)
    else:
        longest = SECONDS_MAX
    return max(1, min(longest, SECONDS_MAX))


def seconds_estimate(sound: bytes) -> int:
    """What it is taken to be where no vendor says."""
    return min(seconds_max(sound), max(1, -(-len(sound) // (_wave_rate(sound) or _USUAL_BYTES))))


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


def _is_mp3(sound: bytes) -> bool:
    """Two frames of layer III, one directly behind the other, behind a tag or none."""
    at = 0
    if sound[:3] == b"ID3" and len(sound) >= 10:
        size = 0
        for digit in sound[6:10]:
            size = size << 7 | digit & 0x7F
        at = 10 + size
    length = _frame_bytes(sound, at)
    return length > 0 and _frame_bytes(sound, at + length) > 0


def _frame_bytes(sound: bytes, at: int) -> int:
    """The length of the MP3 frame that begins here; 0: none does."""
    head = sound[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return 0
    version, place = head[1] >> 3 & 3, head[2] >> 2 & 3
    if version not in _SAMPLES or place == 3:
        return 0
    kbit = (_RATES_1 if version == 3 else _RATES_2)[head[2] >> 4]
    factor = 144_000 if version == 3 else 72_000
    return kbit and factor * kbit // _SAMPLES[version][place] + (head[2] >> 1 & 1)


def _little(sound: bytes, at: int, length: int) -> int:
    return int.from_bytes(sound[at : at + length], "little")
