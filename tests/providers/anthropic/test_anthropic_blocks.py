"""The blocks of a request, and what each can cost at most."""

from __future__ import annotations

from typing import Any

import pytest

from providers.anthropic.request import read_messages_request
from providers.bounds import PART_OVERHEAD_TOKENS, input_tokens_max
from providers.facts import IMAGE_TOKENS_MIN, RequestFacts, Spoken

SMALL = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
CITED = {"citations": {"enabled": True}}


def with_block(block: dict[str, Any], *, system: bool = False) -> RequestFacts:
    said: dict[str, Any] = {"messages": [{"role": "user", "content": "hi" if system else [block]}]}
    if system:
        said["system"] = [block]
    return read_messages_request({"model": "nuri-x1", "max_tokens": 100, **said}, 1000, Spoken())


def bound(facts: RequestFacts) -> int:
    return input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"source": {"type": "url"}}},
        {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}},
        {"type": "compaction", "content": "so far"},
    ],
)
def test_text_is_bound_by_its_bytes(block: dict[str, Any]) -> None:
    assert bound(with_block(block)) == bound(with_block(block, system=True)) == 1512


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_result", "tool_use_id": "t"},
        {"type": "tool_result", "tool_use_id": "t", "content": "42"},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "42"}]},
        {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "url": "u"}]},
        {"type": "web_search_tool_result", "content": {"type": "web_search_tool_result_error"}},
        {"type": "bash_code_execution_tool_result", "content": {"content": [{"file_id": "f"}]}},
        {"type": "document", "source": {"type": "text", "data": "hello"}},
        {"type": "document", "source": {"type": "text", "data": "a"}, "citations": {"enabled": False}},
        {"type": "document", "source": {"type": "content", "content": "hello"}},
        {"type": "search_result", "content": [{"type": "text", "text": "hello"}]},
    ],
)
def test_what_stands_in_a_block_is_bound_by_its_bytes(block: dict[str, Any]) -> None:
    assert bound(with_block(block)) == 1512 + PART_OVERHEAD_TOKENS


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.org/cat.png"}},
        {"type": "image", "source": {"type": "base64"}},
        {"type": "image", "source": "AAAA"},
        {"type": "image"},
        {"type": "document", "source": {"type": "base64", "data": "JVBERi0="}},
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
        {"type": "document"},
        {"type": "document", "source": {"type": "text", "data": "a. b. c."}, **CITED},
        {"type": "search_result", "content": [{"type": "text", "text": "a"}], **CITED},
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url"}}]},
        {"type": "tool_result", "content": [{"type": "tool_reference", "tool_name": "f"}]},
        {"type": "tool_search_tool_result", "content": {"tool_references": []}},
        {
            "type": "web_fetch_tool_result",
            "content": {"content": {"type": "document", "source": {"type": "base64", "data": "A"}}},
        },
        {"type": "of a later year"},
        {"type": ["text"]},
        {},
    ],
)
def test_what_the_body_only_names_or_packs_takes_the_whole_context(block: dict[str, Any]) -> None:
    assert with_block(block).takes_whole_context
    assert bound(with_block(block)) == 100_000


def test_blocks_are_looked_into_only_so_deep() -> None:
    block: dict[str, Any] = {"type": "text", "text": "hi"}
    for _ in range(100):
        block = {"type": "tool_result", "content": [block]}
    assert with_block(block).takes_whole_context


def test_a_small_picture_costs_more_than_its_bytes_a_large_one_does_not() -> None:
    small = with_block({"type": "image", "source": SMALL})
    assert (small.image_allowance_tokens, small.parts) == (IMAGE_TOKENS_MIN - 4, 1)
    large = with_block({"type": "image", "source": {**SMALL, "data": "A" * 20_000}})
    assert large.image_allowance_tokens == 0
    inside = with_block({"type": "tool_result", "content": [{"type": "image", "source": SMALL}]})
    assert inside.image_allowance_tokens == IMAGE_TOKENS_MIN - 4
    assert {found.takes_whole_context for found in (small, large, inside)} == {False}
