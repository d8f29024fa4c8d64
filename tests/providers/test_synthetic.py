"""The dialect against exchanges of our own: always run, with recordings or without."""

from __future__ import annotations

import json

import pytest

from providers.openai.answer import read_answer
from providers.openai.assemble import Assembler
from providers.openai.stream import StreamFold
from providers.quirks import quirks_for
from tests.fakes.vendor_stream import assemble, in_random_reads, put_through
from tests.providers.synthetic.exchanges import ANSWERS, STREAMS, Synthetic


def test_there_are_twenty_and_more() -> None:
    assert len(ANSWERS) + len(STREAMS) >= 20


@pytest.mark.parametrize("synthetic", ANSWERS, ids=lambda synthetic: synthetic.name)
def test_answer(synthetic: Synthetic) -> None:
    answer = read_answer(synthetic.body, product_id="nuri-x1", quirks=quirks_for(synthetic.vendor))
    assert answer.usage == synthetic.usage
    assert (answer.error is not None) == synthetic.error
    if not synthetic.error:
        assert json.loads(answer.body) == json.loads(synthetic.body) | {"model": "nuri-x1"}
        assert answer.text_bytes == len(synthetic.text.encode())


@pytest.mark.parametrize("synthetic", STREAMS, ids=lambda synthetic: synthetic.name)
@pytest.mark.parametrize("asked", [True, False], ids=["usage asked for", "usage not asked for"])
def test_stream(synthetic: Synthetic, asked: bool) -> None:
    seen = set()
    for seed in range(12):
        fold = StreamFold("nuri-x1", asked, quirks_for(synthetic.vendor))
        frames = put_through(fold, in_random_reads(synthetic.body, f"{synthetic.name} {seed}"))
        assert fold.usage == synthetic.usage
        assert fold.done == synthetic.done
        assert (fold.error is not None) == synthetic.error
        assert fold.text_bytes == len(synthetic.text.encode())
        assert fold.deltas == 2
        assert fold.upstream_id == "syn-1"
        seen.add(b"".join(frames))
    assert len(seen) == 1
    chunks = [json.loads(frame[6:]) for frame in frames if frame.startswith(b"data: ")]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == synthetic.text
    assert {chunk["model"] for chunk in chunks} == {"nuri-x1"}
    assert all(frame == b": keep-alive\n\n" for frame in frames if frame.startswith(b":"))
    assert any(chunk["choices"] == [] and "usage" in chunk for chunk in chunks) <= asked


@pytest.mark.parametrize("synthetic", STREAMS, ids=lambda synthetic: synthetic.name)
def test_assembled(synthetic: Synthetic) -> None:
    assembler = assemble(
        Assembler("nuri-x1", quirks_for(synthetic.vendor)), in_random_reads(synthetic.body, synthetic.name)
    )
    answer = json.loads(assembler.answer())
    assert assembler.usage == synthetic.usage
    assert answer["model"] == "nuri-x1"
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == synthetic.text
    assert ("usage" in answer) == (synthetic.usage is not None)
