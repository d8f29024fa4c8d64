"""What a request is, and what it can cost at most."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.request import (
    NAMED_TOOL_PARTS,
    SEARCHES_MAX,
    read_count_request,
    read_messages_request,
)
from providers.bounds import PART_OVERHEAD_TOKENS, input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts, Spoken

HI: dict[str, Any] = {
    "model": "nuri-x1",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}


def facts(**more: Any) -> RequestFacts:
    return read_messages_request({**HI, **more}, 1000, Spoken())


def bound(facts: RequestFacts) -> int:
    return input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512)


def test_facts_of_a_plain_request() -> None:
    assert facts() == RequestFacts(
        purpose="chat", model="nuri-x1", body_bytes=1000, include_usage=True, output_limit=100
    )
    assert facts(stream=True).stream


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "100"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages"),
        ({"messages": [{"content": 7}]}, "messages"),
        ({"messages": [{"content": ["hi"]}]}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"system": 7}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": ["web_search"]}, "tools"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        facts(**more)
    assert refused.value.param == param
    assert refused.value.message_en.startswith(f"`{param}` ")
    assert refused.value.message_en.endswith(".")
    assert refused.value.message_ko


def test_a_request_that_only_fills_the_cache() -> None:
    assert facts(max_tokens=0).output_limit == 1


def test_counting_needs_no_limit_and_costs_nothing() -> None:
    body = {"model": "nuri-x1", "messages": HI["messages"]}
    counted = read_count_request(body, 500, Spoken())
    assert (counted.is_free, counted.output_limit, counted.stream) == (True, None, False)
    assert output_tokens_max(counted, product_max_output_tokens=4096) == 0


@pytest.mark.parametrize(
    ("tool", "parts"),
    [
        ({"name": "f", "input_schema": {}}, 1),
        ({"type": "custom", "name": "f", "input_schema": {}}, 1),
        ({"type": "bash_20250124", "name": "bash"}, NAMED_TOOL_PARTS),
        ({"type": "computer_20251124", "name": "computer"}, NAMED_TOOL_PARTS),
    ],
)
def test_tools_of_the_callers_cost_a_little_beyond_their_bytes(tool: dict[str, Any], parts: int) -> None:
    assert (facts(tools=[tool]).parts, facts(tools=[tool]).takes_whole_context) == (parts, False)
    assert bound(facts(tools=[tool] * 2)) == 1512 + 2 * parts * PART_OVERHEAD_TOKENS


@pytest.mark.parametrize(
    ("tools", "searches_max"),
    [
        ([{"type": "web_search_20250305", "name": "web_search"}], 0),
        ([{"type": "web_search_20250305", "max_uses": 5}], 5),
        ([{"type": "web_search_20250305", "max_uses": 5}, {"type": "web_search_20260318", "max_uses": 2}], 7),
        ([{"type": "web_search_20250305", "max_uses": True}], 0),
        ([{"type": "web_search_20250305", "max_uses": -5}], 0),
        ([{"type": "web_search_20250305", "max_uses": 10**30}], SEARCHES_MAX),
        ([{"type": "web_fetch_20250910", "max_uses": 5}], 0),
        ([{"type": "code_execution_20260120"}], 0),
        ([{"type": "advisor_20260301", "model": "m"}], 0),
        ([{"type": "mcp_toolset"}], 0),
        ([{"type": 7}], 0),
    ],
)
def test_the_vendors_own_tools_take_the_whole_context(tools: list[dict[str, Any]], searches_max: int) -> None:
    found = facts(tools=tools)
    assert (found.takes_whole_context, found.searches_max) == (True, searches_max)


@pytest.mark.parametrize(
    ("more", "whole"),
    [
        ({"mcp_servers": [{"type": "url", "url": "https://example.org"}]}, True),
        ({"mcp_servers": []}, False),
        ({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}, True),
        ({"container": None}, False),
        ({"thread": {}, "fallbacks": "default"}, True),
        ({"compaction": {"type": "summarize"}}, True),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, True),
        ({"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}, False),
        ({"context_management": {"edits": []}}, False),
        ({"context_management": {"edits": [7]}}, True),
        ({"context_management": 7}, True),
        ({"context_management": None}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, False),
    ],
)
def test_what_else_takes_the_whole_context(more: dict[str, Any], whole: bool) -> None:
    assert facts(**more).takes_whole_context == whole


def test_the_output_bound_is_the_limit_thinking_included() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    asked = facts(max_tokens=4000, thinking=thinking)
    assert output_tokens_max(asked, product_max_output_tokens=8192) == 4000
    assert output_tokens_max(asked, product_max_output_tokens=1000) == 1000


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "content", "source", "data", "citations", "edits", "max_uses", "tool_references"]
            ),
            inner | st.sampled_from(["text", "image", "document", "tool_result", "base64", "content"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "model",
                "max_tokens",
                "messages",
                "system",
                "tools",
                "stream",
                "context_management",
                "container",
            ]
        ),
        ANYTHING,
    ),
    st.lists(ANYTHING, max_size=3),
)
def test_whatever_comes_is_read_or_refused(body: dict[str, Any], blocks: list[Any]) -> None:
    for asked in (
        body,
        {**HI, "messages": [{"role": "user", "content": blocks}], "tools": blocks},
        {**HI, **body},
    ):
        for read in (read_messages_request, read_count_request):
            try:
                found = read(asked, 100, Spoken())
            except BadRequest:
                continue
            assert found.parts >= 0
            assert found.searches_max >= 0
