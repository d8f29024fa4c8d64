"""What is asked of a vendor of Anthropic's dialect, and what cannot be asked of it."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.ask import ask
from providers.translation.anthropic.side import SIDE
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
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair

SAID: Final = Conversation(system=(), turns=(Turn("user", (Text("hi"),)),))
WEATHER: Final = Tool("weather", "of a place", {"properties": {"at": {"type": "string"}}}, strict=True)


def asked(**more: Any) -> dict[str, Any]:
    return ask(Conversation(**{"system": (), "turns": SAID.turns, **more}))


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_what_is_asked() -> None:
    picture = Image(media_type="image/png", data="AAAA")
    said = asked(
        system=(Text("be brief"), Text("")),
        turns=(
            Turn("user", (Text("look"), picture, Image(url="https://pictures.example/1.png"))),
            Turn("assistant", (Thinking("hm", "worthless"), Text(""))),
            Turn("assistant", (ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "weather", ""))),
            Turn("user", (ToolResult("c1", "weather", (Text("맑음"), picture)),)),
            Turn("user", (Text("so?"), ToolResult("c2", None, (), is_error=True))),
        ),
        tools=(WEATHER,),
        tool_choice=ToolChoice("tool", "weather", at_most_one=True),
        shape=AnswerShape(schema={"type": "object"}, name="n", strict=False),
        output_limit=7,
        stop=("END",),
        temperature=1,
        top_p=0.5,
        top_k=3,
        effort="low",
        user="u1",
        presence_penalty=0,
    )
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    url = {"type": "url", "url": "https://pictures.example/1.png"}
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    assert said == {
        "system": [text("be brief")],
        "messages": [
            {"role": "user", "content": [
                text("look"), {"type": "image", "source": source}, {"type": "image", "source": url},
            ]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"at": "서울"}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [
                    text("맑음"), {"type": "image", "source": source},
                ]},
                {"type": "tool_result", "tool_use_id": "c2", "is_error": True},
                text("so?"),
            ]},
        ],
        "tools": [
            {"name": "weather", "description": "of a place", "input_schema": schema, "strict": True},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive"},
        "output_config": {
            "effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}},
        },
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "temperature": 1,
        "top_p": 0.5,
        "top_k": 3,
        "metadata": {"user_id": "u1"},
    }  # fmt: skip


def test_what_was_not_said_is_not_asked() -> None:
    assert asked() == {"messages": [{"role": "user", "content": [text("hi")]}]}
    assert asked(tool_choice=ToolChoice("auto", at_most_one=True)) == asked()
    assert asked(effort="none")["thinking"] == {"type": "disabled"}
    choice = asked(tools=(WEATHER,), tool_choice=ToolChoice("none", at_most_one=True))["tool_choice"]
    assert choice == {"type": "none"}


@pytest.mark.parametrize(
    ("own", "limit", "sent"), [(None, 50, 50), (20, 50, 20), (80, 50, 50), (20, None, 20)]
)
def test_the_vendor_gets_a_limit_always(own: int | None, limit: int | None, sent: int) -> None:
    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}
    facts = read_chat_request(body if own is None else {**body, "max_tokens": own}, 100)
    operation = pair(OPENAI, SIDE)
    assert operation.needs_limit
    out = operation.encode(
        body, facts=facts, upstream_model="vendor-model", stream=True, output_limit=limit, quirks=NO_QUIRKS
    )
    said = orjson.loads(out)
    assert (said["model"], said["stream"], said["max_tokens"]) == ("vendor-model", True, sent)
    assert operation.path("vendor-model", True) == "/v1/messages"
