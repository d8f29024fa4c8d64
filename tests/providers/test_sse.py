"""Where one event ends and the next begins does not depend on how the bytes were read."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.sse import SseEventTooLarge, SseSplitter, event_data, frame

LIMIT = 1000


def split(reads: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = SseSplitter(LIMIT)
    events = [event for read in reads for event in splitter.feed(read)]
    return events, splitter.flush()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whole_events_with_their_blank_line(end: str) -> None:
    one, two = f"data: 1{end}{end}".encode(), f": x{end}data: 2{end}{end}".encode()
    events, rest = split([one + two])
    assert b"".join([*events, rest]) == one + two
    assert [event_data(event) for event in [*events, rest] if event_data(event)] == [b"1", b"2"]


def test_a_read_that_is_one_event_is_given_on_at_once() -> None:
    assert SseSplitter(LIMIT).feed(b"data: 1\n\n") == [b"data: 1\n\n"]


def test_a_read_that_ends_in_crlf_is_given_on_at_once() -> None:
    assert SseSplitter(LIMIT).feed(b"data: 1\r\n\r\n") == [b"data: 1\r\n\r\n"]


def test_an_unterminated_last_event_is_kept_for_flush() -> None:
    assert split([b"data: 1\n\ndata: 2"]) == ([b"data: 1\n\n"], b"data: 2")


def test_flush_empties() -> None:
    splitter = SseSplitter(LIMIT)
    splitter.feed(b"data: 1")
    assert splitter.flush() == b"data: 1"
    assert splitter.flush() == b""


def test_a_byte_order_mark_is_no_part_of_the_first_event() -> None:
    assert split([b"\xef", b"\xbb", b"\xbfdata: 1\n\n"]) == ([b"data: 1\n\n"], b"")


@pytest.mark.parametrize(
    "reads", [[b"data: " + b"x" * LIMIT], [b"x"] * (LIMIT + 1), [b"x" * (LIMIT - 1) + b"\n\n"]]
)
def test_too_large(reads: list[bytes]) -> None:
    with pytest.raises(SseEventTooLarge):
        split(reads)


def test_many_events_of_any_size_together_are_not_too_large() -> None:
    events, _ = split([b"data: 1\n\n" * LIMIT])
    assert len(events) == LIMIT


@given(
    st.lists(st.sampled_from(["\n", "\r", "\r\n", "data: a", "data:b", ": c", "x", "값", "﻿"]), max_size=30),
    st.lists(st.integers(0, 60), max_size=12),
)
@example(["data: a", "\r\n", "\r\n", "data: a"], [10])
@example(["data: a", "\r", "\r", "\n"], [9])
@settings(max_examples=400, deadline=None)
def test_output_is_independent_of_reads(words: list[str], cuts: list[int]) -> None:
    stream = "".join(words).encode()
    borders = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    reads = [stream[start:end] for start, end in pairwise(borders)]
    events, rest = split([stream])
    cut_events, cut_rest = split(reads)
    assert (cut_events, cut_rest) == (events, rest)
    assert b"".join([*events, rest]) == stream.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: x\n\n", b"x"),
        (b"data:x\r\n\r\n", b"x"),
        (b"data:  x\n\n", b" x"),
        (b"event: a\ndata: x\ndata: y\n\n", b"x\ny"),
        (b"data\n\n", b""),
        (b"data: \n\n", b""),
        (b": comment\n\n", None),
        (b"\n\n", None),
        (b"", None),
        (b"database: x\n\n", None),
        (b"id: 1\n\n", None),
        (b"data: x", b"x"),
    ],
)
def test_data_of_an_event(event: bytes, data: bytes | None) -> None:
    assert event_data(event) == data


def test_a_frame_begins_with_a_space_after_the_colon() -> None:
    assert frame(b"{}") == b"data: {}\n\n"
