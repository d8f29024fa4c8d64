"""Laws of what is asked of CLOVA Studio, over conversations of every kind."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.clova.request import read_chat_request
from providers.facts import BadRequest, Spoken
from providers.openai.request import read_chat_request as read_openai
from providers.translation.clova.ask import ask
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from providers.translation.openai.side import SIDE as OPENAI

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.text(max_size=4), json_values, max_size=2)
texts = st.builds(Text, st.text(min_size=1, max_size=6))
images = st.builds(Image, url=st.just("https://pictures.example/1.png")) | st.builds(
    Image, media_type=st.just("image/png"), data=st.just("AAAA")
)
names = st.sampled_from(["weather", "now", "날씨"])
calls = st.builds(ToolCall, st.uuids().map(str), names, objects.map(json.dumps))
results = st.builds(
    ToolResult,
    st.uuids().map(str),
    st.none(),
    st.lists(texts, max_size=2).map(tuple),
    is_error=st.just(False),
)
turns = st.one_of(
    st.builds(Turn, st.just("user"), st.lists(texts | images, min_size=1, max_size=3).map(tuple)),
    st.builds(Turn, st.just("user"), st.lists(results, min_size=1, max_size=2).map(tuple)),
    st.builds(Turn, st.just("assistant"), st.lists(texts | calls, min_size=1, max_size=3).map(tuple)),
)
conversations = st.builds(
    Conversation,
    system=st.lists(texts, max_size=2).map(tuple),
    turns=st.lists(turns, min_size=1, max_size=4).map(tuple),
    tools=st.lists(st.builds(Tool, names, st.none() | st.text(max_size=4), objects), max_size=2).map(tuple),
    tool_choice=st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "any"])),
    shape=st.none() | st.builds(AnswerShape, objects),
    output_limit=st.none() | st.integers(1, 4096),
    stop=st.lists(st.text(min_size=1, max_size=3), max_size=2).map(tuple),
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0, 1),
    seed=st.none() | st.integers(1, 9),
    effort=st.none() | st.sampled_from(["none", "low", "medium", "high"]),
)


def asked_or_refused(said: Conversation) -> Any:
    try:
        return ask(said)
    except BadRequest as refused:
        return refused.param


@given(conversations)
def test_what_is_asked_by_way_of_openai_is_the_same(said: Conversation) -> None:
    """There is nobody to hear this dialect, so another is heard: nothing is lost or changed on the way."""
    by_way = {"model": "p", **OPENAI.ask(said)}
    heard = OPENAI.hear(by_way, read_openai(by_way, 100), "clova")
    assert asked_or_refused(heard) == asked_or_refused(said)


@given(conversations)
def test_what_is_asked_is_a_request_and_says_everything(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    read = read_chat_request(body, 100, Spoken(model="p"))
    pictures = sum(isinstance(part, Image) for turn in said.turns for part in turn.parts)
    assert read.parts == len(said.tools) + pictures
    written = json.dumps(body["messages"], ensure_ascii=False)
    for turn in said.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                assert json.dumps(part.text, ensure_ascii=False)[1:-1] in written
            elif isinstance(part, ToolCall):
                assert part.call_id in written
                assert part.name in written
            elif isinstance(part, ToolResult):
                assert part.call_id in written
