"""How long an MP3 is: by all its frames, one directly behind the other. Pure.

A frame says how many bytes and how many samples it has, and no decoder can have it otherwise: so frames that
are alike (version, layer, rate of samples) and lie end to end have one length. What is no such frame (tags
behind or between them, junk, frames of "free" format, which hide their length) is where decoders differ: the
next of them may begin anywhere. From there on the strict bound is what a head alone takes.
"""

from __future__ import annotations

from typing import Final

import msgspec

FRAMES_MAX: Final = 300_000  # looked at: two hours and more, in a tenth of a second
# To a second. Of what is no frame, strictly: heads of 4 bytes, each with 1,152 samples at 8,000 Hz.
_HEADS_BYTES: Final = 27
_LEAST_BYTES: Final = 1_000  # at 8 kbit/s, the lowest rate of the format: an estimate
_FEWEST: Final = 2  # or it is taken for something else
# Layer III: kbit/s by the header's index, for MPEG 1 and for the two later ones; samples per second.
_RATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_RATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_SAMPLES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_FOOTER: Final = 0x10


class Mp3(msgspec.Struct, frozen=True):
    frames_s: float
    rest_bytes: int  # behind the last frame that is certain

    @property
    def seconds_max(self) -> float:
        return self.frames_s + self.rest_bytes / _HEADS_BYTES

    @property
    def seconds_estimate(self) -> float:
        return self.frames_s + self.rest_bytes / _LEAST_BYTES


def read_mp3(sound: bytes) -> Mp3 | None:
    """None: it does not begin with frames of layer III, behind one tag or none."""
    at = _behind_tag(sound)
    kind = _kind(sound, at)
    if kind is None:
        return None
    version, place = kind
    lengths = _lengths(version, place)
    second, frames, size = sound[at + 1] & 0xFE, 0, len(sound)
    while at + 4 <= size and frames < FRAMES_MAX:
        if sound[at] != 0xFF or sound[at + 1] & 0xFE != second or not (length := lengths[sound[at + 2]]):
            break
        frames += 1
        at += length
    if frames < _FEWEST:
        return None
    samples = 1152 if version == 3 else 576
    return Mp3(frames * samples / _SAMPLES[version][place], max(0, size - at))


def _behind_tag(sound: bytes) -> int:
    """Where the first frame should be; behind the end where a tag is not plain."""
    if sound[:3] != b"ID3":
        return 0
    if len(sound) < 10 or any(digit > 0x7F for digit in sound[6:10]):
        return len(sound)
    size = 0
    for digit in sound[6:10]:
        size = size << 7 | digit
    if not sound[5] & _FOOTER:
        return 10 + size
    return 20 + size if sound[10 + size : 13 + size] == b"3DI" else len(sound)


def _kind(sound: bytes, at: int) -> tuple[int, int] | None:
    """(version, place of the rate of samples) of the frame that begins here."""
    head = sound[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return None
    version, place = head[1] >> 3 & 3, head[2] >> 2 & 3
    return None if version not in _SAMPLES or place == 3 else (version, place)


def _lengths(version: int, place: int) -> list[int]:
    """Bytes of a frame, by the third byte of its head; 0: it is none, or no such one."""
    rates, factor = (_RATES_1, 144_000) if version == 3 else (_RATES_2, 72_000)
    lengths = []
    for byte in range(256):
        kbit = rates[byte >> 4] if byte >> 2 & 3 == place else 0
        lengths.append(kbit and factor * kbit // _SAMPLES[version][place] + (byte >> 1 & 1))
    return lengths
