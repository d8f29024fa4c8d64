"""Conversations of any kind, for the laws that hold of all of them."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

words: Final = st.text(max_size=12)
names: Final = st.sampled_from(["weather", "clock", "search"])
call_ids: Final = st.sampled_from(["c1", "c2", "c3"])
objects: Final = st.dictionaries(words, st.one_of(words, st.integers(-9, 9), st.booleans()), max_size=3)
texts: Final = st.builds(Text, words)
images: Final = st.one_of(
    st.builds(lambda data: Image(media_type="image/png", data=data), st.sampled_from(["AAAA", "iVBO"])),
    st.just(Image(url="https://pictures.example/1.png")),
)
thoughts: Final = st.builds(Thinking, words, st.none() | words)
calls: Final = st.builds(ToolCall, call_ids, names, objects.map(lambda said: json.dumps(said)))
results: Final = st.builds(
    ToolResult,
    call_ids,
    st.none() | names,
    st.lists(st.one_of(texts, images), max_size=2).map(tuple),
    st.booleans(),
)
turns: Final = st.one_of(
    st.builds(
        lambda p: Turn("user", tuple(p)), st.lists(st.one_of(texts, images, results), min_size=1, max_size=4)
    ),
    st.builds(
        lambda p: Turn("assistant", tuple(p)),
        st.lists(st.one_of(thoughts, texts, calls), min_size=1, max_size=4),
    ),
)
schemas: Final[st.SearchStrategy[dict[str, Any]]] = st.sampled_from(
    [{}, {"type": "object"}, {"type": "object", "properties": {"at": {"type": "string"}}}]
)
tools: Final = st.builds(Tool, names, st.none() | words, schemas, st.none() | st.booleans())
tool_choices: Final = st.one_of(
    st.builds(ToolChoice, st.sampled_from(["auto", "none", "any"]), st.none(), st.booleans()),
    st.builds(ToolChoice, st.just("tool"), names, st.booleans()),
)
conversations: Final = st.builds(
    Conversation,
    system=st.lists(texts, max_size=2).map(tuple),
    turns=st.lists(turns, min_size=1, max_size=6).map(tuple),
    tools=st.lists(tools, max_size=3).map(tuple),
    tool_choice=st.none() | tool_choices,
    shape=st.none()
    | st.builds(AnswerShape, st.none() | schemas, st.just("answer"), st.none() | st.booleans()),
    output_limit=st.none() | st.integers(1, 4096),
    n=st.sampled_from([1, 1, 1, 1, 2]),
    stop=st.lists(words, max_size=2).map(tuple),
    temperature=st.none() | st.sampled_from([0, 0.5, 1, 1.5]),
    top_p=st.none() | st.sampled_from([0.1, 1]),
    top_k=st.none() | st.sampled_from([1, 40]),
    seed=st.none() | st.none() | st.just(7),
    effort=st.none() | st.sampled_from(["none", "minimal", "low", "medium", "high"]),
    user=st.none() | words,
)
