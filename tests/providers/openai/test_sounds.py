"""How long a sound can be: never longer than what is told, and exactly so where the format is plain."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai.mp3 import FRAMES_MAX
from providers.openai.sounds import SECONDS_MAX, seconds_of_sound
from tests.fakes.sounds import wave

PLAIN = wave(10.0, hertz=16_000)
FRAME_1 = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG 1, 128 kbit/s, 44,100 Hz: 417 bytes
SLOW_1 = b"\xff\xfb\x10\x00" + bytes(100)  # the same at 32 kbit/s: 104 bytes
FRAME_2 = b"\xff\xf3\x10\xc0" + bytes(22)  # MPEG 2, 8 kbit/s, 22,050 Hz: 26 bytes, 26.12 ms
FREE = b"\xff\xfb\x00\x00"  # of "free" format: a head alone
TAG = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
FOOTED = b"ID3\x04\x00\x10\x00\x00\x01\x00" + bytes(128) + b"3DI" + bytes(7)


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
    ("compressed", changed(20, b"\x11\x00"), SECONDS_MAX, 201),
    ("no channels", changed(22, b"\x00\x00"), SECONDS_MAX, 201),
    ("no bits", changed(34, b"\x07\x00"), SECONDS_MAX, 201),
    ("no data", PLAIN[:36], SECONDS_MAX, 1),
    ("two formats", PLAIN[:12] + PLAIN[12:36] + PLAIN[12:], SECONDS_MAX, 201),
    ("no wave", changed(8, b"AVI "), SECONDS_MAX, 201),
    ("mp3", FRAME_1 * 100, 3, 3),  # 2.61 s
    ("mp3 at several rates", (FRAME_1 + SLOW_1) * 50, 3, 3),
    ("mp3 that is cut", FRAME_1 * 100 + FRAME_1[:9], 3, 3),
    ("mp3 behind a tag", TAG + FRAME_1 * 100, 3, 3),
    ("mp3 behind a tag with a footer", FOOTED + FRAME_1 * 100, 3, 3),
    ("a tag that lies of its footer", FOOTED[:-10] + FRAME_1 * 100, SECONDS_MAX, 42),
    ("a tag with an odd size", TAG[:9] + b"\x80" + FRAME_1 * 100, SECONDS_MAX, 42),
    ("a tag behind it", FRAME_1 * 100 + b"TAG" + bytes(125), 8, 3),
    # What follows no frame could be heads alone.
    ("a tag in the middle", FRAME_1 * 100 + TAG + FRAME_1 * 100, 1553, 45),
    ("junk in the middle", FRAME_1 * 100 + b"x" + FRAME_1 * 100, 1548, 45),
    ("other samples from the middle on", FRAME_1 * 100 + FRAME_2 * 1000, 966, 29),
    ("free format from the middle on", FRAME_1 * 100 + FREE * 1000, 151, 7),
    ("free format", FREE * 100, SECONDS_MAX, 1),
    ("one frame", FRAME_1, SECONDS_MAX, 1),
    ("a frame and something else", FRAME_1 + b"OggS" * 400, SECONDS_MAX, 3),
    ("slow mp3", FRAME_2 * 1000, 27, 27),  # a little below 1,000 bytes to a second
    ("ogg", b"OggS" + bytes(7_496), SECONDS_MAX, 10),
    ("webm", b"\x1aE\xdf\xa3" + bytes(7_496), SECONDS_MAX, 10),
    ("flac", b"fLaC" + bytes(7_996), SECONDS_MAX, 2),
    ("m4a", b"\0\0\0\x20ftypM4A " + bytes(7_988), SECONDS_MAX, 8),
    ("nothing known", b"x", SECONDS_MAX, 1),
    ("longer than a day", FRAME_1 * 2 + bytes(3_000_000), SECONDS_MAX, 3001),
]


@pytest.mark.parametrize(
    ("sound", "longest", "estimate"), [row[1:] for row in SOUNDS], ids=[row[0] for row in SOUNDS]
)
def test_sounds(sound: bytes, longest: int, estimate: int) -> None:
    assert seconds_of_sound(sound) == (longest, estimate)


@given(
    st.floats(0, 20),
    st.sampled_from([8_000, 11_025, 16_000, 48_000]),
    st.sampled_from([8, 16, 24, 32]),
    st.integers(1, 3),
)
def test_a_wave_is_never_longer_than_told(seconds: float, hertz: int, bits: int, channels: int) -> None:
    told, _ = seconds_of_sound(wave(seconds, hertz=hertz, bits=bits, channels=channels))
    assert int(seconds * hertz) / hertz <= told <= seconds + 2


@given(st.binary(max_size=200), st.sampled_from([b"", PLAIN[:12], PLAIN[:36], FRAME_1, b"ID3"]))
def test_whatever_comes_has_a_bound(tail: bytes, head: bytes) -> None:
    longest, estimate = seconds_of_sound(head + tail)
    assert 1 <= estimate <= longest <= SECONDS_MAX


@given(
    st.lists(st.sampled_from([FRAME_1, SLOW_1, FRAME_2, FREE, TAG, b"x"]), min_size=1, max_size=40),
)
def test_no_order_of_frames_is_longer_than_told(pieces: list[bytes]) -> None:
    """As a decoder would have it that finds every frame, and hears a frame in every head of free format."""
    heard_s = {FRAME_1: 1152 / 44_100, SLOW_1: 1152 / 44_100, FRAME_2: 576 / 22_050, FREE: 1152 / 44_100}
    longest, _ = seconds_of_sound(b"".join(pieces))
    assert sum(heard_s.get(piece, 0) for piece in pieces) <= longest


def test_many_frames_are_counted_in_bounded_time() -> None:
    assert seconds_of_sound(FRAME_2 * (FRAMES_MAX + 1)) == (
        math.ceil(FRAMES_MAX * 576 / 22_050 + 26 / 27),
        math.ceil(FRAMES_MAX * 576 / 22_050 + 26 / 1000),
    )
