"""Laws of what is asked of Gemini's vendors, over recorded requests and over conversations of any kind."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from google.genai import types
from hypothesis import given

from providers.facts import BadRequest, Spoken
from providers.gemini.request import read_generate_request
from providers.openai.request import read_chat_request
from providers.translation.gemini.ask import UNSEALED, ask
from providers.translation.gemini.hear import hear
from providers.translation.neutral import Conversation, Text, ToolCall, ToolResult
from providers.translation.openai import ask as openai_ask
from providers.translation.openai import hear as openai_hear
from tests.fakes.vendor_recordings import WIRE, exchanges
from tests.providers.translation.conversations import conversations

recorded = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def heard(body: dict[str, Any]) -> Conversation:
    return hear(body, read_generate_request(body, 1000, Spoken(model="m")), "other")


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


@given(conversations)
def test_what_was_asked_is_asked_again(said: Conversation) -> None:
    """What we ask is heard as what we were asked, so that we would ask the same again."""
    body = put(said)
    if body is not None:
        assert ask(heard(body)) == body


@recorded
def test_what_its_own_callers_ask_is_asked_of_others() -> None:
    understood = 0
    for exchange in exchanges("gemini.generate"):
        body = exchange["request"]["body"]
        try:
            said = heard(body)
            first, of_others = ask(said), openai_ask.ask(said)
        except (BadRequest, AttributeError):
            assert type(body) is not dict or exchange["response"]["status"] != 200 or is_of_its_own(body)
            continue
        assert ask(heard(first)) == first, exchange["id"]
        again = {"model": "m", **of_others}
        twice = openai_hear.hear(again, read_chat_request(again, 1000), "gemini")
        assert openai_ask.ask(twice) == of_others, exchange["id"]
        understood += 1
    assert understood > 130


def is_of_its_own(body: dict[str, Any]) -> bool:
    """Sounds, films and documents, tools of the vendor's, pictures that a tool gave back."""
    told = json.dumps(body)
    words = (
        "application/pdf", "audio/", "video/", "googleSearch", "odeExecution", "code_execution", "fileSearch",
        "urlContext", "threshold", "logprobs", '"text": ""', "gs://", "functionResponse", "function_response",
    )  # fmt: skip
    return any(word in told for word in words)


@recorded
def test_what_openais_callers_ask_is_asked_again() -> None:
    understood = 0
    for exchange in exchanges():
        body = exchange["request"]["body"]
        if type(body) is not dict or "messages" not in body:
            continue
        try:
            first = ask(openai_hear.hear(body, read_chat_request(body, 1000), "gemini"))
        except BadRequest:
            continue
        assert ask(heard(first)) == first, exchange["id"]
        understood += 1
    assert understood > 200
