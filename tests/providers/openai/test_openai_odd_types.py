"""A vendor may put any type anywhere: what cannot be understood is not counted, and ends nothing of ours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.openai.answer import read_answer
from providers.openai.assemble import Assembler
from providers.openai.completions_stream import CompletionAssembler, CompletionFold
from providers.openai.stream import StreamFold

PLAIN: list[Any] = [None, True, 0, 7, -1, 1.5, "", "x", [], [1], [{}], {}, {"a": None}, {"index": "x"}]
VALUES = st.sampled_from(PLAIN)
CALLS = st.sampled_from([*PLAIN, [{"function": 3}], [{"index": 0, "function": {"name": 3, "arguments": []}}]])
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["content", "reasoning", "refusal", "audio", "function_call"], VALUES),
        "tool_calls": CALLS,
    },
)
CHOICES = st.fixed_dictionaries(
    {"delta": DELTAS | VALUES},
    optional=dict.fromkeys(["index", "text", "message", "finish_reason", "logprobs"], VALUES),
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES, max_size=2) | VALUES},
    optional=dict.fromkeys(["id", "model", "created", "usage", "error", "x_groq"], VALUES),
)


@given(st.lists(CHUNKS, max_size=4))
def test_any_type_may_stand_anywhere(chunks: list[Any]) -> None:
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    for fold in (StreamFold("p", True), CompletionFold("p", True)):
        for event in events:
            fold.feed(event)
        fold.graceful_end(Usage(input=1))
    for assembler in (Assembler("p"), CompletionAssembler("p")):
        for event in events:
            assembler.feed(event)
        json.loads(assembler.answer(Usage(input=1)))
        json.loads(assembler.graceful_end(None))
    for chunk in chunks:
        read_answer(json.dumps(chunk).encode(), product_id="p")
