"""What is asked of CLOVA Studio for a caller of another dialect."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec
import pytest

from providers.translation.clova.side import SIDE
from providers.translation.neutral import (
    AnswerShape,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.providers.translation.asking import HI, WEATHER, asked_of, encoded_for

PAIR: Final = pair(OPENAI, SIDE)
asked: Final = partial(asked_of, SIDE)
encoded: Final = partial(encoded_for, SIDE)


# -- what is asked


def test_a_conversation_in_its_words() -> None:
    said = asked(
        system=(Text("be brief"), Text("be kind")),
        turns=(
            Turn("user", (
                Text("look"),
                Image(media_type="image/png", data="AAAA"),
                Image(url="https://pictures.example/1.png"),
            )),
            Turn("assistant", (
                Thinking("hm", "sealed"), Text("I "), Text("look"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "now", "{}"),
            )),
            Turn("user", (
                Text("and?"),
                ToolResult("c1", "weather", (Text("맑음"), Text("20도"))),
                ToolResult("c2", None, (), is_error=True),
            )),
        ),
        tools=(WEATHER, Tool("now", None, {})),
        tool_choice=ToolChoice("tool", "now"),
        shape=AnswerShape({"type": "object"}, "n", strict=True),
        stop=("END",), temperature=0.5, top_p=0.9, top_k=3, seed=7, effort="none",
    )  # fmt: skip
    assert said == {
        "messages": [
            {"role": "system", "content": "be brief\n\nbe kind"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "dataUri": {"data": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "imageUrl": {"url": "https://pictures.example/1.png"}},
            ]},
            {"role": "assistant", "content": "I look", "toolCalls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "weather", "arguments": {"at": "서울"}}},
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": {}}},
            ]},
            {"role": "tool", "toolCallId": "c1", "content": "맑음\n20도"},
            {"role": "tool", "toolCallId": "c2", "content": "error"},
            {"role": "user", "content": "and?"},
        ],
        "tools": [
            {"type": "function", "function": {
                "name": "weather", "description": "of a town", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "now"}},
        ],
        "toolChoice": {"type": "function", "function": {"name": "now"}},
        "responseFormat": {"type": "json", "schema": {"type": "object"}},
        "stop": ["END"], "temperature": 0.5, "topP": 0.9, "topK": 3, "seed": 7,
        "thinking": {"effort": "none"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("auto")}, "toolChoice", "auto"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("none")}, "toolChoice", "none"),
        ({"tools": (WEATHER,), "tool_choice": ToolChoice("none", at_most_one=True)}, "toolChoice", "none"),
        # Any of one is that one.
        (
            {"tools": (WEATHER,), "tool_choice": ToolChoice("any")},
            "toolChoice",
            {"type": "function", "function": {"name": "weather"}},
        ),
        ({"tool_choice": ToolChoice("auto", at_most_one=True)}, "toolChoice", None),
        ({"presence_penalty": 0.0, "frequency_penalty": 0}, "repetitionPenalty", None),
        ({"temperature": 0.0}, "temperature", 0.0),
        ({"user": "kim"}, "user", None),
        ({"effort": "high"}, "thinking", {"effort": "high"}),
        ({"tools": (msgspec.structs.replace(WEATHER, strict=False),)}, "toolChoice", None),
    ],
)
def test_one_word_of_a_conversation(said: dict[str, Any], field: str, value: Any) -> None:
    assert asked(**said).get(field) == value


def test_a_turn_of_thoughts_alone_is_not_told_again() -> None:
    said = asked(turns=(*HI, Turn("assistant", (Thinking("hm"),)), Turn("assistant", (Text(""),))))
    assert said["messages"][1:] == [{"role": "assistant", "content": ""}]


@pytest.mark.parametrize(
    ("model", "said", "ours", "sent"),
    [
        ("HCX-005", {}, None, {}),
        ("HCX-005", {"max_tokens": 100}, None, {"maxTokens": 100}),
        ("HCX-005", {"max_completion_tokens": 100}, 50, {"maxTokens": 50}),
        ("HCX-005", {"max_tokens": 100}, 500, {"maxTokens": 100}),
        ("HCX-007", {"max_tokens": 100}, None, {"maxCompletionTokens": 100}),  # it refuses the other
        ("HCX-007", {}, 50, {"maxCompletionTokens": 50}),
    ],
)
def test_the_limit_is_named_as_the_model_wants_it(
    model: str, said: dict[str, Any], ours: int | None, sent: dict[str, int]
) -> None:
    body = encoded(model, output_limit=ours, **said)
    assert {name: body[name] for name in body if name.startswith("max")} == sent
    assert "model" not in body


def test_the_path_is_of_v3() -> None:
    assert PAIR.path("HCX-005", False) == PAIR.path("HCX-005", True) == "/v3/chat-completions/HCX-005"
