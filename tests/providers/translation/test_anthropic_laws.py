"""Laws of what is asked of Anthropic's vendors, over recorded requests and over conversations of any kind."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from anthropic.types import (
    ImageBlockParam,
    MetadataParam,
    OutputConfigParam,
    TextBlockParam,
    ThinkingConfigParam,
    ToolChoiceParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from hypothesis import given
from pydantic import TypeAdapter

from providers.anthropic.request import read_messages_request
from providers.facts import IN_BODY, BadRequest
from providers.openai.request import read_chat_request
from providers.translation.anthropic.ask import ask
from providers.translation.anthropic.hear import hear
from providers.translation.neutral import (
    Conversation,
    Text,
    ToolCall,
    ToolResult,
)
from providers.translation.openai import ask as openai_ask
from providers.translation.openai import hear as openai_hear
from tests.fakes.vendor_recordings import WIRE, exchanges
from tests.providers.translation.conversations import conversations

MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def heard(body: dict[str, Any]) -> Conversation:
    body = {"model": "m", "max_tokens": 9, **body}
    return hear(body, read_messages_request(body, 1000, IN_BODY), "other")


def put(said: Conversation) -> dict[str, Any] | None:
    """As it would be asked with the gateway's own limit where there is none."""
    try:
        return {"max_tokens": 9, **ask(said)}
    except BadRequest:
        return None


@given(conversations)
def test_what_was_asked_is_asked_again(said: Conversation) -> None:
    """What we ask is heard as what we were asked, so that we would ask the same again."""
    body = put(said)
    if body is not None:
        assert put(heard(body)) == body


@given(conversations)
def test_roles_alternate_and_nothing_is_empty(said: Conversation) -> None:
    messages = (put(said) or {"messages": []})["messages"]
    for index, message in enumerate(messages):
        assert message["content"]
        if index:
            assert message["role"] != messages[index - 1]["role"]
        kinds = [block["type"] for block in message["content"]]
        assert kinds == sorted(kinds, key="tool_result".__ne__)
        assert all(block["text"] for block in message["content"] if block["type"] == "text")


BLOCKS: Any = TextBlockParam | ImageBlockParam | ToolUseBlockParam | ToolResultBlockParam
TYPES: Final[dict[str, TypeAdapter[Any]]] = {
    "tools": TypeAdapter(ToolParam),
    "tool_choice": TypeAdapter(ToolChoiceParam),
    "thinking": TypeAdapter(ThinkingConfigParam),
    "output_config": TypeAdapter(OutputConfigParam),
    "metadata": TypeAdapter(MetadataParam),
    "block": TypeAdapter(BLOCKS),
}


@given(conversations)
def test_what_is_asked_is_of_the_sdks_types(said: Conversation) -> None:
    body = put(said) or {"messages": []}
    found = [("block", block) for message in body["messages"] for block in message["content"]]
    found += [("block", inner) for _, block in found for inner in block.get("content", ())]
    found += [("tools", tool) for tool in body.get("tools", ())]
    found += [(name, body[name]) for name in TYPES if name in body and name != "tools"]
    for name, value in found:
        TYPES[name].validate_python(value, strict=True, extra="forbid")


@given(conversations)
def test_all_that_is_said_is_asked(said: Conversation) -> None:
    """Texts, calls and results, in any order but that results come first."""
    body = put(said)
    if body is None:
        return
    blocks = [block for message in body["messages"] for block in message["content"]]
    parts = [part for turn in said.turns for part in turn.parts]
    texts = [part.text for part in parts if isinstance(part, Text) and part.text]
    assert sorted(block["text"] for block in blocks if block["type"] == "text") == sorted(texts)
    calls = [(p.call_id, p.name, json.loads(p.arguments)) for p in parts if isinstance(p, ToolCall)]
    assert [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"] == calls
    results = [(part.call_id, part.is_error) for part in parts if isinstance(part, ToolResult)]
    asked = [(b["tool_use_id"], b.get("is_error", False)) for b in blocks if b["type"] == "tool_result"]
    assert asked == results


@recorded
def test_recorded_requests_are_asked_again() -> None:
    """What names something that the vendor keeps is nobody's to ask."""
    understood, kept, refused = 0, 0, []
    for exchange in exchanges(*MESSAGES):
        body = exchange["request"]["body"]
        if type(body) is not dict or exchange["response"]["status"] >= 400:
            continue
        try:
            said = heard(body)
        except BadRequest as bad:
            if "that the vendor keeps" in bad.message_en:
                kept += 1
            else:
                refused.append(bad.param)
            continue
        first = ask(said)
        assert ask(heard(first)) == first, exchange["id"]
        understood += 1
    assert understood > 60, refused
    assert kept == 8
    assert not [param for param in refused if param in ("messages", "max_tokens", "tools")]


@recorded
def test_what_callers_of_openai_ask_is_asked() -> None:
    """And said back in their words, but for what the dialect has no place for."""
    understood = 0
    for exchange in exchanges("openai.chat"):
        body = exchange["request"]["body"]
        if type(body) is not dict or "messages" not in body:
            continue
        try:
            facts = read_chat_request(body, 1000)
            said = openai_hear.hear(body, facts, "anthropic")
            first = ask(said)
        except BadRequest:
            continue
        assert ask(heard(first)) == {**first, "max_tokens": first.get("max_tokens", 9)}, exchange["id"]
        understood += 1
    assert understood > 200


@recorded
def test_what_anthropics_callers_ask_is_asked_of_openai() -> None:
    understood = 0
    for exchange in exchanges(*MESSAGES):
        body = exchange["request"]["body"]
        if type(body) is not dict or exchange["response"]["status"] >= 400:
            continue
        try:
            first = openai_ask.ask(heard(body))
        except BadRequest:
            continue
        again = {"model": "m", **first}
        said = openai_hear.hear(again, read_chat_request(again, 1000), "anthropic")
        assert openai_ask.ask(said) == first, exchange["id"]
        understood += 1
    assert understood > 60
