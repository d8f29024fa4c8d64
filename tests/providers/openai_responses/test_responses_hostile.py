"""Whatever a vendor sends, with fields of any type anywhere: it is renamed and ended, and nothing breaks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.openai_responses.assemble import Assembler
from providers.openai_responses.progress import TERMINAL
from providers.openai_responses.snapshot import TEXTS
from providers.openai_responses.stream import ResponseFold
from tests.providers.openai_responses.recorded import parsed

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PART = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["output_text", "refusal"]) | ANY, "text": ANY}
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "id": ANY,
        "type": ANY,
        "content": st.lists(PART, max_size=2) | ANY,
        "summary": ANY,
        "status": ANY,
    },
)
KIND = st.sampled_from(
    [
        *TERMINAL,
        *(f"{stem}.{end}" for stem in TEXTS for end in ("delta", "done")),
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.reasoning_summary_part.added",
        "response.output_text.annotation.added",
        "error",
    ]
)
INDEX = st.integers(0, 2) | ANY
EVENT = st.fixed_dictionaries(
    {"type": KIND | ANY},
    optional={
        "output_index": INDEX,
        "content_index": INDEX,
        "summary_index": INDEX,
        "sequence_number": INDEX,
        "delta": st.text(max_size=3) | ANY,
        "text": ANY,
        "part": PART | ANY,
        "item": ITEM | ANY,
        "error": ANY,
        "annotation": ANY,
        "model": ANY,
        "response": st.fixed_dictionaries({}, optional={"id": ANY, "model": ANY, "usage": ANY, "output": ANY})
        | ANY,
    },
)


@given(events=st.lists(EVENT | ANY, max_size=12), usage=st.none() | st.just(Usage(input=7, output=3)))
def test_whatever_a_vendor_sends_there_is_an_end(events: list[Any], usage: Usage | None) -> None:
    fold, assembler = ResponseFold("nuri-x1"), Assembler("nuri-x1")
    out = b""
    for event in events:
        framed = b"data: " + json.dumps(event).encode() + b"\n\n"
        out += fold.feed(framed)
        assembler.feed(framed)
    same = ("usage", "error", "done", "finished", "upstream_id", "deltas", "text_bytes")
    assert [getattr(fold, name) for name in same] == [getattr(assembler, name) for name in same]
    is_ended = fold.done
    frames = out + fold.graceful_end(usage) + fold.terminal()
    for said in parsed(frames):
        assert said.get("model", "nuri-x1") == "nuri-x1"
        if isinstance(said.get("response"), dict):
            assert said["response"].get("model", "nuri-x1") == "nuri-x1"
    if not is_ended:
        assert parsed(fold.terminal())[0]["type"] == "response.incomplete"
    assert json.loads(assembler.graceful_end(usage))["model"] == "nuri-x1"
