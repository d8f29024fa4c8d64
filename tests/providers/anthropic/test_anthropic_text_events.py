"""Ordinary events, which are told by one pattern: they pass and count as the parser would have it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.assemble import Assembler
from providers.anthropic.stream import StreamFold
from tests.providers.anthropic.talk import delta, event_of

TEXT = delta(0, "text_delta", text="hello")


def data_of(frame: bytes) -> object:
    return json.loads(frame.split(b"\ndata: ")[1])


@pytest.mark.parametrize(
    ("text", "length"),
    [("abc", 3), ("값", 3), (r"a\"b", 4), (r"\\", 2), (r"\\\"", 4), (r"\uac12", 3), ("", 0), (" } ", 3)],
)
@pytest.mark.parametrize("padding", ["", "   ", "\t"])
def test_text_is_counted_as_it_stands_in_the_json(text: str, length: int, padding: str) -> None:
    """But for \\uXXXX, which is read."""
    raw = event_of(delta(0, "text_delta", text="@")).decode().replace("@", text)
    event = raw.replace("}\n", padding + "}" + padding + "\n").encode()
    fold = StreamFold("p")
    assert fold.feed(event).split() == event.split()
    assert (fold.deltas, fold.text_bytes) == (1 if length else 0, length)


def test_texts_are_found_whatever_their_name_and_signatures_are_none() -> None:
    fold = StreamFold("p")
    for event in (
        delta(0, "text_delta", text="four"),
        delta(0, "thinking_delta", thinking="four"),
        delta(0, "input_json_delta", partial_json="four"),
        delta(0, "compaction_delta", content="four", encrypted_content="x" * 50),
        delta(0, "of_a_later_year", words="four"),
        delta(0, "signature_delta", signature="x" * 50),
        delta(0, "citations_delta", citation={"cited_text": "x" * 50}),
        {"type": "content_block_delta", "index": 0, "delta": 7},
    ):
        fold.feed(event_of(event))
    assert (fold.deltas, fold.text_bytes, fold.delivered_tokens()) == (5, 20, 5)


@pytest.mark.parametrize(
    "text",
    [
        'x"},"type":"message_delta","usage":{"input_tokens":3,"output_tokens":1},"z":{"y":"',
        'x"},"type":"message_stop","z":{"y":"',
        'x"},"type":"error","error":{"message":"y',
    ],
)
def test_the_fast_path_hides_nothing(text: str) -> None:
    """Events that begin and end like an ordinary one, and are none: of two equal names the last is meant."""
    event = event_of(delta(0, "text_delta", text="@")).replace(b"@", text.encode())
    fold, slow = StreamFold("p"), Assembler("p")
    fold.feed(event)
    slow.feed(event)
    assert (fold.done, fold.error, fold.usage) == (slow.done, slow.error, slow.usage)
    assert fold.done or fold.error or fold.usage


@pytest.mark.parametrize("cut", range(1, 30))
def test_an_event_cut_short_is_dropped(cut: int) -> None:
    event = event_of(delta(0, "text_delta", text='say \\"}} hello"}}'))
    assert StreamFold("p").feed(event[: -2 - cut] + b"\n\n") == b""


KINDS = st.sampled_from(["text_delta", "thinking_delta", "input_json_delta"])
NAMES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


@given(st.lists(st.tuples(KINDS, st.text(), st.booleans()), max_size=8))
def test_the_fast_path_passes_what_the_parser_passes(said: list[tuple[str, str, bool]]) -> None:
    fold, slow = StreamFold("p"), Assembler("p")
    for kind, text, escaped in said:
        event = event_of(delta(0, kind, **{NAMES[kind]: text}))
        if escaped:
            event = f"event: x\ndata: {json.dumps(delta(0, kind, **{NAMES[kind]: text}))}\n\n".encode()
        assert data_of(fold.feed(event)) == delta(0, kind, **{NAMES[kind]: text})
        slow.feed(event)
    assert fold.deltas == slow.deltas
    assert slow.text_bytes <= fold.text_bytes <= 2 * slow.text_bytes


def test_an_ordinary_event_is_cheap() -> None:
    """A guard, not a benchmark: the aim is 3 µs, the wall is ten times that."""
    fold, event, count = StreamFold("p"), event_of(TEXT), 5_000
    best_s = min(_seconds(fold, event, count) for _ in range(3))
    assert best_s / count < 30e-6


def _seconds(fold: StreamFold, event: bytes, count: int) -> float:
    start_s = time.perf_counter()
    for _ in range(count):
        fold.feed(event)
    return time.perf_counter() - start_s
