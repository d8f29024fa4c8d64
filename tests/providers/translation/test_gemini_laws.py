"""Laws of what is asked of Gemini's vendors, over recorded requests and over conversations of any kind."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from google.genai import types
from hypothesis import given

from providers.facts import BadRequest
from providers.translation.gemini.ask import UNSEALED, ask
from providers.translation.neutral import Conversation, Text, ToolCall, ToolResult
from tests.providers.translation.conversations import conversations


def put(said: Conversation) -> dict[str, Any] | None:
    try:
        return ask(said)
    except BadRequest:
        return None


@given(conversations)
def test_what_is_asked_is_of_the_sdks_types(said: Conversation) -> None:
    body = put(said)
    if body is None:
        return
    config = types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    assert config.model_dump(exclude_none=True).keys() == fields(config, body.get("generationConfig", {}))
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(body.get("toolConfig", {}))


def fields(of: Any, said: dict[str, Any]) -> set[str]:
    by_alias = {field.alias: name for name, field in type(of).model_fields.items()}
    return {by_alias[name] for name in said}


@given(conversations)
def test_all_that_is_said_is_asked(said: Conversation) -> None:
    """Texts, calls and results; roles alternate, results come first, and the first of the calls is sealed."""
    contents = (put(said) or {"contents": []})["contents"]
    if not contents:
        return
    parts = [part for turn in said.turns for part in turn.parts]
    told = [part for content in contents for part in content["parts"]]
    texts = [part.text for part in parts if isinstance(part, Text) and part.text]
    assert sorted(part["text"] for part in told if "text" in part) == sorted(texts)
    calls = [(part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)]
    assert [(p["functionCall"]["name"], p["functionCall"]["args"]) for p in told if "functionCall" in p] == (
        calls
    )
    assert sum("functionResponse" in p for p in told) == sum(isinstance(p, ToolResult) for p in parts)
    roles = [content["role"] for content in contents]
    assert all(one != other for one, other in pairwise(roles))
    for content in contents:
        kinds = ["functionResponse" in part for part in content["parts"]]
        assert kinds == sorted(kinds, reverse=True)
        sealed = [part.get("thoughtSignature") for part in content["parts"] if "functionCall" in part]
        assert sealed == [UNSEALED, *[None] * len(sealed)][: len(sealed)]
