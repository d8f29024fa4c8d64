"""Usage reports, each with what is metered of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import OtherUsage, Usage
from providers.anthropic.usage import usage_of, usage_to_anthropic


def turn(kind: Any, input_tokens: int, output_tokens: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": input_tokens, "output_tokens": output_tokens, **more}


def cached(read: int | None, written: int | None, short: int | None, hour: int | None) -> dict[str, Any]:
    return {
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour},
    }


PLAIN: dict[str, Any] = {"input_tokens": 10, "output_tokens": 5}


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({}, Usage(input=10, output=5)),
        (cached(3, 4, 4, 0), Usage(input=10, output=5, cached_input=3, cache_write=4)),
        (cached(0, 7, 4, 3), Usage(input=10, output=5, cache_write=4, cache_write_1h=3)),
        # a breakdown that does not add up: the total decides
        (cached(0, 7, 0, 0), Usage(input=10, output=5, cache_write=7)),
        (cached(0, 7, 2, 3), Usage(input=10, output=5, cache_write=4, cache_write_1h=3)),
        (cached(0, 7, 20, 0), Usage(input=10, output=5, cache_write=7)),
        (cached(0, 7, 0, 20), Usage(input=10, output=5, cache_write_1h=7)),
        (cached(0, 0, 4, 3), Usage(input=10, output=5)),
        (cached(None, None, 4, 3), Usage(input=10, output=5, cache_write=4, cache_write_1h=3)),
        (
            {"cache_creation": None, "cache_creation_input_tokens": 7},
            Usage(input=10, output=5, cache_write=7),
        ),
        ({"output_tokens_details": {"thinking_tokens": 2}}, Usage(input=10, output=5, reasoning=2)),
        ({"output_tokens_details": {"thinking_tokens": 9}}, Usage(input=10, output=5, reasoning=5)),
        (
            {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1}},
            Usage(input=10, output=5, units={"searches": 2}),
        ),
        ({"server_tool_use": {"web_search_requests": 0}}, Usage(input=10, output=5)),
        (
            {"service_tier": "standard", "inference_geo": "global", "later": {}},
            Usage(input=10, output=5, service_tier="default"),
        ),
        ({"service_tier": "priority"}, Usage(input=10, output=5, service_tier="priority")),
        ({"service_tier": "standard", "speed": "fast"}, Usage(input=10, output=5, service_tier="fast")),
        ({"service_tier": ["priority"]}, Usage(input=10, output=5)),
        ({"input_tokens": 12.0}, Usage(input=12, output=5)),
        ({"input_tokens": -3, "output_tokens": -1}, Usage()),
        ({"cache_read_input_tokens": -3, "cache_creation_input_tokens": -4}, Usage(input=10, output=5)),
        ({"input_tokens": 0, "output_tokens": 0}, Usage()),
    ],
)
def test_classes(more: dict[str, Any], usage: Usage) -> None:
    assert usage_of({**PLAIN, **more}) == usage


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "12",
        {},
        {"input_tokens": 10},
        {"output_tokens": 5},
        {"input_tokens": None, "output_tokens": 5},
        {"input_tokens": True, "output_tokens": 5},
        {"input_tokens": "10", "output_tokens": 5},
    ],
)
def test_absent_is_not_zero(raw: Any) -> None:
    assert usage_of(raw) is None


ADVICE = OtherUsage(model="dear", kind="advisor_message", usage=Usage(input=70, output=7))


@pytest.mark.parametrize(
    ("iterations", "usage"),
    [
        ([turn("message", 10, 5)], Usage(input=10, output=5)),
        ([turn("message", 6, 2), turn("message", 4, 3)], Usage(input=10, output=5)),
        ([turn("compaction", 60, 6), turn("message", 10, 5)], Usage(input=70, output=11)),
        (
            [turn("compaction", 60, 6, cache_read_input_tokens=8), turn("message", 10, 5)],
            Usage(input=70, output=11, cached_input=8),
        ),
        # what is in the counts already is not counted again, whatever it is called
        ([turn("compaction", 4, 2), turn("message", 6, 3)], Usage(input=10, output=5)),
        ([turn("message", 4, 2), turn("fallback_message", 9, 9, model="other")], Usage(input=10, output=5)),
        (
            [turn("message", 10, 5), turn("advisor_message", 70, 7, model="dear")],
            Usage(input=10, output=5, others=(ADVICE,)),
        ),
        ([turn("message", 10, 5), turn("advisor_message", 70, 7, model="own")], Usage(input=80, output=12)),
        ([turn("message", 10, 5), turn(["x"], 70, 7)], Usage(input=80, output=12)),
        ([7, {}, turn("message", 10, 5)], Usage(input=10, output=5)),
        ({"type": "compaction"}, Usage(input=10, output=5)),
        ([], Usage(input=10, output=5)),
    ],
)
def test_turns(iterations: Any, usage: Usage) -> None:
    assert usage_of({**PLAIN, "iterations": iterations}, "own") == usage


COUNTS = st.integers(0, 10**6)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_what_we_write_is_read_as_it_was(plain: int, read: int, written: int, output: int) -> None:
    usage = Usage(input=plain, cached_input=read, cache_write=written, output=output, reasoning=output // 2)
    assert usage_of(usage_to_anthropic(usage)) == usage


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "model",
                    "input_tokens",
                    "output_tokens",
                    "cache_read_input_tokens",
                    "cache_creation_input_tokens",
                    "cache_creation",
                    "ephemeral_1h_input_tokens",
                    "iterations",
                    "server_tool_use",
                    "web_search_requests",
                ]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(JUNK)
def test_no_report_can_pay_the_caller(raw: Any) -> None:
    usage = usage_of({**PLAIN, **raw} if type(raw) is dict else raw)
    if usage is not None:
        assert all(count >= 0 for count in usage.tokens().values())
        assert all(count > 0 for count in usage.units.values())
