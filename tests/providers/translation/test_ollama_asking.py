"""What is asked of Ollama for a caller of another dialect."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given

from providers.facts import BadRequest
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
from providers.translation.ollama.ask import ask
from providers.translation.ollama.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.providers.translation.asking import BODY, WEATHER, asked_of, encoded_for
from tests.providers.translation.conversations import conversations

PAIR: Final = pair(OPENAI, SIDE)
asked: Final = partial(asked_of, SIDE)
encoded: Final = partial(encoded_for, SIDE, "qwen3:8b")


def test_a_conversation_in_its_words() -> None:
    said = asked(
        system=(Text("be brief"), Text("be kind")),
        turns=(
            Turn("user", (Text("look"), Image(media_type="image/png", data="AAAA"), Text("here"))),
            Turn("assistant", (
                Thinking("hm", "sealed"), Text("I look"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "clock", "{}"),
            )),
            Turn("user", (
                Text("and?"),
                ToolResult("c1", None, (Text("맑음"), Text("20도"))),
                ToolResult("c2", "clock", (), is_error=True),
                ToolResult("c9", None, (Text("?"),)),
            )),
            Turn("assistant", (Thinking("nothing said", None),)),
        ),  # which is no turn of its, so that the last word is the user's
        tools=(WEATHER, Tool("clock", None, {})),
        tool_choice=ToolChoice("auto"),
        shape=AnswerShape({"type": "object"}, "n", strict=True),
        stop=("END",), temperature=0.5, top_p=0.9, top_k=3, seed=7, effort="low",
        presence_penalty=0.1, frequency_penalty=0.2, user="kim",
    )  # fmt: skip
    nothing = {"type": "object", "properties": {}}
    assert said == {
        "messages": [
            {"role": "system", "content": "be brief\n\nbe kind"},
            {"role": "user", "content": "look\nhere", "images": ["AAAA"]},
            {"role": "assistant", "content": "I look", "tool_calls": [
                {"id": "c1", "function": {"name": "weather", "arguments": {"at": "서울"}}},
                {"id": "c2", "function": {"name": "clock", "arguments": {}}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "tool_name": "weather", "content": "맑음\n20도"},
            {"role": "tool", "tool_call_id": "c2", "tool_name": "clock", "content": "error"},
            {"role": "tool", "tool_call_id": "c9", "content": "?"},
            {"role": "user", "content": "and?"},
        ],
        "tools": [
            {"type": "function", "function": {
                "name": "weather", "description": "of a town", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "clock", "description": "", "parameters": nothing}},
        ],
        "format": {"type": "object"},
        "think": "low",
        "options": {"stop": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7,
                    "presence_penalty": 0.1, "frequency_penalty": 0.2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "limit", "asks"),
    [
        ({}, None, {}),
        ({"max_tokens": 9}, None, {"options": {"num_predict": 9}}),
        ({"max_tokens": 9, "seed": 7}, 5, {"options": {"num_predict": 5, "seed": 7}}),
        ({"reasoning_effort": "none"}, None, {"think": False}),
        ({"reasoning_effort": "high"}, None, {"think": "high"}),
        ({"response_format": {"type": "json_object"}}, None, {"format": "json"}),
        ({"tool_choice": "none"}, None, {}),
    ],
)
def test_single_wishes(more: dict[str, Any], limit: int | None, asks: dict[str, Any]) -> None:
    whole = {"truncate": False, "shift": False}  # nothing of a long chat is forgotten
    plain = {"model": "qwen3:8b", "messages": BODY["messages"], "stream": False, **whole}
    assert encoded(output_limit=limit, **more) == plain | asks


@given(conversations)
def test_what_is_asked_says_everything(said: Conversation) -> None:
    try:
        body = ask(said)
    except BadRequest:
        return
    parts = [part for turn in said.turns for part in turn.parts]
    results = [message for message in body["messages"] if message["role"] == "tool"]
    assert len(results) == sum(isinstance(part, ToolResult) for part in parts)
    pictures = [image for message in body["messages"] for image in message.get("images", ())]
    assert pictures == [part.data for part in parts if isinstance(part, Image)]
    written = json.dumps(body["messages"], ensure_ascii=False)
    for part in parts:
        if isinstance(part, Text):
            assert json.dumps(part.text, ensure_ascii=False)[1:-1] in written
    assert len(body.get("tools", ())) == len(said.tools)
