"""Whatever JSON Cohere sends: a stream or an answer of it can be said to callers of other dialects."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.cohere.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.any_json import documents
from tests.providers.translation.test_cohere_pair import FINE, delta, ended, facts

EVENTS: Final = st.lists(
    documents(
        delta("content-start", content={"type": "text", "text": "a"}),
        delta("content-delta", content={"thinking": "a"}),
        delta("tool-plan-delta", tool_plan="a"),
        delta("tool-call-start", tool_calls=FINE["message"]["tool_calls"][0]),
        ended("COMPLETE"),
        ended("ERROR", error="text"),
        {"type": "message-start", "id": "i"},
    ).map(lambda data: b"event: x\ndata: " + data + b"\n\n"),
    max_size=5,
)


@given(events=EVENTS, body=documents(FINE))
@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_any_stream_and_any_answer_can_be_said(caller: Any, events: list[bytes], body: bytes) -> None:
    operation = pair(caller, SIDE)
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", facts(), NO_QUIRKS)
    assembler = operation.assembler("p", facts(), NO_QUIRKS)
    for event in events:
        fold.feed(event)
        assembler.feed(event)
    fold.graceful_end(Usage(input=1))
    assert fold.delivered_tokens() == assembler.delivered_tokens() >= 0
    assert orjson.loads(assembler.answer(Usage(input=1)))["model"] == "p"
    read = operation.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert read.error is not None or orjson.loads(read.body)["model"] == "p"
