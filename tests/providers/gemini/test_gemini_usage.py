"""What Gemini reports, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from metering.usage import Usage
from providers.gemini.searches import Searches
from providers.gemini.usage import FIELDS_MAX, find_usage, merged, usage_of, usage_to_gemini


def metered(**counts: Any) -> Usage | None:
    raw = find_usage({"usageMetadata": counts})
    return None if raw is None else usage_of(raw)


def details(**tokens: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in tokens.items()]


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({}, None),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"promptTokenCount": None, "totalTokenCount": "9"}, None),
        ({"promptTokenCount": True}, None),
        ({"promptTokenCount": 0}, Usage()),
        ({"promptTokenCount": 5}, Usage(input=5)),
        ({"candidatesTokenCount": 5}, Usage(output=5)),
        ({"promptTokenCount": 5.0, "candidatesTokenCount": 2.5}, Usage(input=5)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}, Usage(input=5, output=3)),
        ({"promptTokenCount": 5, "toolUsePromptTokenCount": 70}, Usage(input=75)),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 9},
            Usage(input=5, output=12, reasoning=9),
        ),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 4}, Usage(input=5, cached_input=4)),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 40}, Usage(cached_input=9)),
        # Thinking that shows in the total alone; a prompt that does.
        ({"promptTokenCount": 41, "candidatesTokenCount": 5, "totalTokenCount": 389}, Usage(41, output=348)),
        ({"candidatesTokenCount": 5, "totalTokenCount": 8}, Usage(input=3, output=5)),
        ({"totalTokenCount": 8}, Usage(input=8)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 2}, Usage(input=5, output=3)),
        # Vendors contradict themselves, and never pay the caller.
        (
            {"promptTokenCount": -5, "candidatesTokenCount": -3, "thoughtsTokenCount": 9},
            Usage(output=9, reasoning=9),
        ),
        ({"promptTokenCount": 10**30}, Usage(input=10**12)),
    ],
)
def test_counts(counts: dict[str, Any], usage: Usage | None) -> None:
    assert metered(**counts) == usage


@pytest.mark.parametrize("raw", [None, 3, [], "x"])
def test_what_is_no_usage(raw: Any) -> None:
    assert find_usage({"usageMetadata": raw}) is None


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"promptTokensDetails": details(TEXT=4, AUDIO=6)}, Usage(input=4, input_audio=6)),
        ({"promptTokensDetails": [{"modality": 4, "tokenCount": 6}]}, Usage(input=4, input_audio=6)),
        ({"promptTokenDetails": details(AUDIO=6)}, Usage(input=4, input_audio=6)),
        ({"promptTokensDetails": details(AUDIO=60)}, Usage(input_audio=10)),
        ({"promptTokensDetails": [3, {}, {"modality": ["AUDIO"]}, {"modality": "AUDIO"}]}, Usage(input=10)),
        ({"promptTokensDetails": {"AUDIO": 6}}, Usage(input=10)),
        (
            {"candidatesTokenCount": 8, "candidatesTokensDetails": details(AUDIO=7, TEXT=1)},
            Usage(input=10, output=1, output_audio=7),
        ),
        # Sound that was read from the cache is cached input, and no sound beside it.
        (
            {
                "cachedContentTokenCount": 5,
                "cacheTokensDetails": details(AUDIO=4, TEXT=1),
                "promptTokensDetails": details(AUDIO=6, TEXT=4),
            },
            Usage(input=3, cached_input=5, input_audio=2),
        ),
    ],
)
def test_sound(counts: dict[str, Any], usage: Usage) -> None:
    assert metered(promptTokenCount=10, **counts) == usage


def test_the_later_value_of_a_field_wins_and_nothing_is_added() -> None:
    known = merged({}, {"promptTokenCount": 46, "candidatesTokenCount": 51, "totalTokenCount": 97})
    known = merged(known, {"promptTokenCount": 46, "candidatesTokenCount": None, "totalTokenCount": 46})
    assert usage_of(known) == Usage(input=46, output=51)
    known = merged(known, {"promptTokenCount": 46, "candidatesTokenCount": 22, "totalTokenCount": 68})
    assert usage_of(known) == Usage(input=46, output=22)


def test_a_vendor_that_names_ever_new_fields_is_not_followed() -> None:
    known: dict[str, Any] = {}
    for count in range(1_000):
        known = merged(known, {f"x{count}": 1})
    known = merged(known, {"promptTokenCount": 5, "x0": 2})
    assert len(known) == FIELDS_MAX + 1
    assert (usage_of(known), known["x0"]) == (Usage(input=5), 2)


def test_an_older_total_says_nothing_of_newer_counts() -> None:
    known = merged({}, {"promptTokenCount": 10, "candidatesTokenCount": 90, "totalTokenCount": 100})
    assert usage_of(merged(known, {"candidatesTokenCount": 20})) == Usage(input=10, output=20)


def test_what_we_write_is_what_we_read() -> None:
    usage = Usage(input=5, cached_input=2, output=7, reasoning=3)
    assert usage_to_gemini(usage) == {
        "promptTokenCount": 7,
        "candidatesTokenCount": 4,
        "totalTokenCount": 14,
        "cachedContentTokenCount": 2,
        "thoughtsTokenCount": 3,
    }
    assert usage_of(usage_to_gemini(usage)) == usage


@pytest.mark.parametrize(
    ("candidates", "by_query", "by_prompt"),
    [
        ([{}], 0, 0),
        ([{"groundingMetadata": {"webSearchQueries": ["", "a", "b", "a", 3]}}], 2, 1),
        ([{"groundingMetadata": {"webSearchQueries": ["a"]}}] * 2, 1, 1),
        ([{"groundingMetadata": {"groundingChunks": [{"maps": {}}, {"web": {}}]}}], 1, 1),
        ([{"groundingMetadata": {"groundingChunks": [{"web": {}}, 3]}}], 0, 0),
        ([{"groundingMetadata": 3}, {"groundingMetadata": {"webSearchQueries": 3}}], 0, 0),
    ],
)
def test_searches(candidates: list[dict[str, Any]], by_query: int, by_prompt: int) -> None:
    searches = Searches()
    for candidate in candidates:
        searches.observe(candidate)
    assert searches.billed("gemini-3-flash-preview") == by_query
    assert searches.billed("gemini-2.5-flash") == by_prompt


@pytest.mark.parametrize(
    ("call", "billed"),
    [
        ({"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["a", "b"]}}, 2),
        ({"toolType": "URL_CONTEXT", "args": {"queries": ["a"]}}, 0),
        ({"toolType": "GOOGLE_SEARCH_WEB", "args": 3}, 0),
        (3, 0),
    ],
)
def test_searches_that_are_told_as_calls(call: Any, billed: int) -> None:
    searches = Searches()
    searches.observe_part({"toolCall": call})
    assert searches.billed("gemini-3-pro") == billed
