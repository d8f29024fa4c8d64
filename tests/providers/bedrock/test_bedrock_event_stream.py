"""The binary stream: whole messages come out, whatever the reads; what is damaged is told as damaged."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from providers.bedrock.event_stream import DAMAGED, Message, MessageSplitter, read_message
from tests.fakes.vendor_recordings import body_of, streams
from tests.fakes.vendor_stream import in_random_reads
from tests.providers.bedrock.messages import (
    CALLED,
    END,
    MESSAGE_BYTES_MAX,
    TALK,
    event,
    message,
    text_header,
)


def split(body: bytes, seed: str | None = None, bytes_max: int = MESSAGE_BYTES_MAX) -> list[bytes]:
    splitter = MessageSplitter(bytes_max)
    reads = [body] if seed is None else in_random_reads(body, seed)
    messages = [one for read in reads for one in splitter.feed(read)]
    assert splitter.flush() == b""
    return messages


def botocores(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(one.headers, one.payload) for one in buffer]


@pytest.mark.parametrize("body", [TALK + END, CALLED, event("messageStop"), b""])
def test_messages_are_those_that_awss_own_client_reads(body: bytes) -> None:
    for seed in (None, "a", "b"):
        messages = split(body, seed)
        assert b"".join(messages) == body
        assert [read_message(one) for one in messages] == [Message(*one) for one in botocores(body)]


def test_so_are_recorded_ones() -> None:
    for exchange in streams("bedrock.converse_stream", "bedrock.invoke_stream"):
        body = body_of(exchange)
        assert [read_message(one) for one in split(body, exchange["id"])] == [
            Message(*one) for one in botocores(body)
        ], exchange["id"]


def test_a_message_that_was_cut_is_none() -> None:
    *before, last = split(TALK + END)
    for end in range(1, len(last) + 1):
        assert split((TALK + END)[:-end]) == before


WHOLE = split(TALK + END)


@pytest.mark.parametrize("place", [0, 3, 4, 8, 11, 12, 40, -5, -1])
def test_what_is_damaged_ends_the_stream(place: int) -> None:
    """Wherever a bit falls: in a length, a check, a header, the payload."""
    damaged = bytearray(WHOLE[1])
    damaged[place] ^= 1
    for seed in (None, "a", "b"):
        assert split(WHOLE[0] + damaged + WHOLE[2], seed) == [WHOLE[0], DAMAGED]


@pytest.mark.parametrize("place", [1, 2, 5, 7, 8])
def test_a_length_is_not_believed_before_its_check(place: int) -> None:
    """Nobody waits for the rest of a message whose length is damaged."""
    damaged = bytearray(WHOLE[1])
    damaged[place] ^= 1
    assert split(WHOLE[0] + damaged[:12]) == [WHOLE[0], DAMAGED]


def test_the_smallest_message() -> None:
    assert split(message({}, b"")) == [message({}, b"")]
    assert read_message(message({}, b"")) == Message({}, b"")


def lengths(whole: int, headers: int) -> bytes:
    head = struct.pack(">II", whole, headers)
    return head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    "head",
    [
        lengths(0, 0),
        lengths(15, 0),
        lengths(20, 5),
        lengths(1001, 0),  # more than is kept
        lengths(0xFFFFFFFF, 0),
        lengths(16, 0xFFFFFFFF),
    ],
)
def test_lengths_that_cannot_be(head: bytes) -> None:
    splitter = MessageSplitter(1000)
    assert splitter.feed(head) == [DAMAGED]
    assert splitter.feed(WHOLE[0]) == []


def test_the_largest_message() -> None:
    largest = message({}, b"x" * 984)
    assert split(largest, bytes_max=1000) == [largest]
    assert split(largest, bytes_max=999) == [DAMAGED]


@given(
    st.lists(st.sampled_from([*WHOLE[:3], b"\0", b"noise", WHOLE[0][:9]]), max_size=5), st.text(max_size=3)
)
def test_what_comes_out_depends_on_the_bytes_alone(pieces: list[bytes], seed: str) -> None:
    body = b"".join(pieces)
    assert split(body, seed) == split(body)


OTHERS = b"".join(
    struct.pack(">B", 1) + b"x" + struct.pack(">B", kind) + value
    for kind, value in [
        (0, b""), (1, b""), (2, b"a"), (3, b"ab"), (4, b"abcd"), (5, b"abcdefgh"), (6, b"\0\3abc"),
        (8, b"abcdefgh"), (9, b"a" * 16),
    ]
)  # fmt: skip


def test_headers_of_every_type() -> None:
    """Only texts mean something to us; the others are stepped over."""
    read = read_message(message(OTHERS + text_header((":event-type", "날씨")), b"{}"))
    assert read == Message({":event-type": "날씨"}, b"{}")


@pytest.mark.parametrize(
    "raw",
    [
        b"\1",
        b"\1x",
        b"\1x\7",
        b"\1x\7\0",
        b"\1x\7\0\5abc",
        b"\1x\7\0\4abc",
        b"\1x\x09abc",
        b"\1x\x0a",
        b"\1x\xff",
        b"\1\xff\7\0\0",
        b"\1x\7\0\1\xff",
        b"\xffx",
    ],
)
def test_headers_that_cannot_be_read(raw: bytes) -> None:
    assert read_message(message(raw, b"{}")) is None


@given(st.binary(max_size=40))
def test_any_bytes_for_headers(raw: bytes) -> None:
    read_message(message(raw, b""))
    read_message(raw)
