"""Anthropic's messages understood and said again: a pair with itself must say what was said."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.request import read_messages_request
from providers.facts import IN_BODY, BadRequest
from providers.translation.anthropic.hear import hear
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
from providers.translation.pairing import pair
from tests.fakes.vendor_recordings import WIRE

PAIR: Final = pair(SIDE, SIDE)
MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
HI: Final[dict[str, Any]] = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
}
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def heard(**more: Any) -> Conversation:
    body = {**HI, **more}
    return hear(body, read_messages_request(body, 100, IN_BODY), "other")


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def test_what_is_heard() -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    base64 = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    words = {"type": "text", "media_type": "text/plain", "data": "약관"}
    said = heard(
        system=[{"type": "text", "text": "be brief", **cached}],
        messages=[
            {"role": "system", "content": "and kind"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": base64, **cached},
                {"type": "image", "source": {"type": "url", "url": "https://pictures.example/1.png"}},
                {"type": "document", "source": words, "title": "계약", "citations": {"enabled": False}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "xxxx"},
                {"type": "text", "text": "wait", "citations": None},
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"at": "서울"},
                 "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "맑음", **cached},
                {"type": "tool_result", "tool_use_id": "c2", "is_error": True, "content": [
                    {"type": "text", "text": "비"}, {"type": "image", "source": base64},
                ]},
                {"type": "text", "text": "so?"},
            ]},
        ],
        tools=[
            {"name": "weather", "input_schema": {"type": "object"}, "strict": True, **cached},
            {"type": "custom", "name": "clock", "description": "d", "input_schema": {},
             "defer_loading": False},
        ],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        stop_sequences=["END"],
        temperature=0.5,
        top_k=3,
        metadata={"user_id": "u1"},
    )  # fmt: skip
    picture = Image(media_type="image/png", data="AAAA")
    assert said == Conversation(
        system=(Text("be brief"), Text("and kind")),
        turns=(
            Turn("user", (
                Text("look"), picture, Image(url="https://pictures.example/1.png"),
                Text("계약"), Text("약관"),
            )),
            Turn("assistant", (
                Thinking("hm", "c2ln"), Text("wait"),
                ToolCall("c1", "weather", '{"at":"서울"}'), ToolCall("c2", "weather", "{}"),
            )),
            Turn("user", (
                ToolResult("c1", "weather", (Text("맑음"),)),
                ToolResult("c2", "weather", (Text("비"), picture), is_error=True),
                Text("so?"),
            )),
        ),
        tools=(Tool("weather", None, {"type": "object"}, strict=True), Tool("clock", "d", {})),
        tool_choice=ToolChoice("any", at_most_one=True),
        shape=AnswerShape(schema={"type": "object"}, strict=True),
        output_limit=9,
        stop=("END",),
        temperature=0.5,
        top_k=3,
        effort="low",
        user="u1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "effort"),
    [
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4097}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 64000}}, "high"),
    ],
)
def test_how_much_thinking_is_meant(more: dict[str, Any], effort: str | None) -> None:
    assert heard(**more).effort == effort


ENABLED: Final = {"type": "enabled", "budget_tokens": 2000}
WORDS: Final = {"type": "text", "data": "x"}
TOOL: Final = {"name": "t", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"something_new": 1}, "something_new"),
        ({"container": "c1"}, "container"),
        ({"mcp_servers": [{"url": "https://tools.example"}]}, "mcp_servers"),
        ({"context_management": {"edits": [{"type": "clear_thinking"}]}}, "context_management"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"speed": "fast"}, "speed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"metadata": {"session": "s"}}, "metadata.session"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tools": [TOOL, {"type": "bash_20250124", "name": "bash"}]}, "tools[1]"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**TOOL, "input_examples": [{}]}]}, "tools[0].input_examples"),
        ({"tools": [{**TOOL, "something_new": 1}]}, "tools[0].something_new"),
        ({"tools": [{"name": 3}]}, "tools[0]"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": {"type": "between_tools"}}, "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": True}}, "thinking"),
        ({"thinking": {**ENABLED, "display": "omitted"}}, "thinking.display"),
        ({"thinking": ENABLED, "output_config": {"effort": "low"}}, "output_config.effort"),
        ({"output_config": {"effort": "max"}}, "output_config.effort"),
        ({"output_config": {"effort": ["low"]}}, "output_config.effort"),
        ({"output_config": {"task_budget": {"total": 9}}}, "output_config.task_budget"),
        ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format"),
        ({"output_config": 3}, "output_config"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        (user({"type": "search_result"}), "messages[0].content[0]"),
        (user({"type": "text", "text": "x", "citations": [{}]}), "messages[0].content[0].citations"),
        (user({"type": "text", "text": 3}), "messages[0].content[0].text"),
        (user({"type": "image", "source": {"type": "file"}}), "messages"),
        (user({"type": "image", "source": []}), "messages[0].content[0].source"),
        (
            user({"type": "document", "source": {"type": "base64", "data": "JVBE"}}),
            "messages[0].content[0].source",
        ),
        (
            user({"type": "document", "source": WORDS, "citations": {"enabled": True}}),
            "messages[0].content[0].citations",
        ),
        (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
        (
            user({"type": "tool_result", "tool_use_id": "c", "content": [{"type": "tool_reference"}]}),
            "messages[0].content[0].content[0]",
        ),
        ({"messages": [*HI["messages"], {"role": "system", "content": "late"}]}, "messages[1].role"),
        ({"messages": [*HI["messages"], {"role": "assistant", "content": "{"}]}, "messages[1].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "name": "kim"}]}, "messages[0].name"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}, *HI["messages"]]},
            "messages[0].content[0]",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        heard(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


@pytest.mark.parametrize(
    "more",
    [
        {"something_new": None},
        {"metadata": {}},
        {"metadata": {"user_id": None}},
        {"service_tier": "standard_only"},
        {"cache_control": {"type": "ephemeral"}},
        {"anthropic_version": "vertex-2023-10-16"},
        {"mcp_servers": []},
        {"context_management": {"edits": []}},
        {"tools": []},
        {"output_config": {}},
        {"stream": True},
        {"system": []},
    ],
)
def test_what_says_nothing_is_no_reason_to_refuse(more: dict[str, Any]) -> None:
    assert heard(**more) == heard()


@given(st.text(min_size=1), st.one_of(st.booleans(), st.integers(), st.text(), st.lists(st.integers())))
def test_no_unknown_field_is_dropped(name: str, value: Any) -> None:
    if name not in HI:
        with pytest.raises(BadRequest):
            heard(**{"x-" + name: value})


@given(
    st.sampled_from(["system", "tools", "tool_choice", "metadata", "output_config", "output_format",
                     "stop_sequences", "thinking", "temperature", "messages", "speed", "service_tier"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "text", "name", "effort"]), inner),
    ),
)  # fmt: skip
def test_any_type_anywhere_is_heard_or_refused(name: str, value: Any) -> None:
    with suppress(BadRequest):
        heard(**{name: value})
