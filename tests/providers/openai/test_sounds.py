"""How long a sound can be: never longer than what is told, and exactly so where the format is plain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai.sounds import SECONDS_MAX, seconds_estimate, seconds_max
from tests.fakes.sounds import wave

PLAIN = wave(10.0, hertz=16_000)
FRAME_1 = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG 1, 128 kbit/s, 44,100 Hz: 417 bytes
FRAME_2 = b"\xff\xf3\x10\xc0" + bytes(20)  # MPEG 2, 8 kbit/s, 22,050 Hz: 26 bytes, two lacking here


def changed(at: int, by: bytes) -> bytes:
    return PLAIN[:at] + by + PLAIN[at + len(by) :]


SOUNDS = [
    # what, the longest it can be, its estimate
    ("wave", PLAIN, 11, 11),  # the head's 44 bytes are taken for sound
    ("stereo", wave(10.0, hertz=16_000, channels=2), 11, 11),
    ("eight bits", wave(10.0, hertz=8_000, bits=8), 11, 11),
    ("slow", wave(2.0, hertz=1, bits=8), 46, 46),
    ("a byte rate that lies", changed(28, b"\xff\xff\xff\x7f"), 11, 11),
    ("a data size that lies", changed(40, b"\x02\x00\x00\x00"), 11, 11),
    ("another chunk before", PLAIN[:12] + b"LIST\x03\x00\x00\x00abc\x00" + PLAIN[12:], 11, 11),
    ("compressed", changed(20, b"\x11\x00"), SECONDS_MAX, 21),
    ("no channels", changed(22, b"\x00\x00"), SECONDS_MAX, 21),
    ("no bits", changed(34, b"\x07\x00"), SECONDS_MAX, 21),
    ("no data", PLAIN[:36], SECONDS_MAX, 1),
    ("two formats", PLAIN[:12] + PLAIN[12:36] + PLAIN[12:], SECONDS_MAX, 21),
    ("no wave", changed(8, b"AVI "), SECONDS_MAX, 21),
    ("mp3", FRAME_1 * 100, 42, 3),
    ("mp3 behind a tag", b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + FRAME_1 * 100, 42, 3),
    ("one frame", FRAME_1, SECONDS_MAX, 1),
    ("a frame and something else", FRAME_1 + b"OggS" * 400, SECONDS_MAX, 1),
    ("slow mp3", (FRAME_2 + b"\0\0") * 100, 3, 1),
    ("ogg", b"OggS" + bytes(16_000), SECONDS_MAX, 2),
    ("nothing known", b"x", SECONDS_MAX, 1),
]


@pytest.mark.parametrize(
    ("sound", "longest", "estimate"), [row[1:] for row in SOUNDS], ids=[row[0] for row in SOUNDS]
)
def test_sounds(sound: bytes, longest: int, estimate: int) -> None:
    assert (seconds_max(sound), seconds_estimate(sound)) == (longest, estimate)


@given(
    st.floats(0, 20),
    st.sampled_from([8_000, 11_025, 16_000, 48_000]),
    st.sampled_from([8, 16, 24, 32]),
    st.integers(1, 3),
)
def test_a_wave_is_never_longer_than_told(seconds: float, hertz: int, bits: int, channels: int) -> None:
    told = seconds_max(wave(seconds, hertz=hertz, bits=bits, channels=channels))
    assert int(seconds * hertz) / hertz <= told <= seconds + 2


@given(st.binary(max_size=200), st.sampled_from([b"", PLAIN[:12], PLAIN[:36], FRAME_1, b"ID3"]))
def test_whatever_comes_has_a_bound(tail: bytes, head: bytes) -> None:
    assert 1 <= seconds_estimate(head + tail) <= seconds_max(head + tail) <= SECONDS_MAX
