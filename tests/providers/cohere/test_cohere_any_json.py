"""Whatever JSON Cohere sends: a stream or an answer of it can be said to callers of other dialects."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.cohere.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from tests.fakes.any_json import documents
from tests.providers.translation.saying import say_all
from tests.providers.translation.test_cohere_pair import FINE, delta, ended

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
    say_all(caller, SIDE, events, body)
