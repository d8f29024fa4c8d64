"""Tokens of Anthropic's callers counted by Gemini, and the other way round; the packages read the numbers."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

import httpx2
import orjson
import pytest
from anthropic import Anthropic
from hypothesis import given

from metering.usage import Usage
from providers.anthropic.dialect import COUNT_TOKENS
from providers.dialect import Answer, Operation
from providers.facts import IN_BODY, BadRequest, Spoken
from providers.gemini.dialect import COUNT
from providers.quirks import NO_QUIRKS
from providers.translation.sides import operation_for
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of
from tests.providers.anthropic.test_sdk_anthropic import Replay
from tests.providers.translation.sdk_gemini import gemini

MESSAGES: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
TURN: Final[dict[str, Any]] = {"role": "user", "parts": [{"text": "hi"}]}
CONTENTS: Final[dict[str, Any]] = {"contents": [TURN]}
TOOL: Final[dict[str, Any]] = {"name": "n", "description": "d", "input_schema": {"type": "object"}}
FUNCTION: Final[dict[str, Any]] = {
    "name": "n", "description": "d", "parametersJsonSchema": {"type": "object"}
}  # fmt: skip
OPERATIONS: Final = {"anthropic": COUNT_TOKENS, "gemini": COUNT}
OTHER: Final = {"anthropic": "gemini", "gemini": "anthropic"}
BOTH: Final = pytest.mark.parametrize("caller", OPERATIONS)


def made_for(caller: str) -> Operation:
    made = operation_for(caller, OPERATIONS[caller], OTHER[caller])
    assert made is not None
    return made


def asked(caller: str, body: dict[str, Any], model: str = "m") -> dict[str, Any]:
    made = made_for(caller)
    facts = made.read(body, 100, IN_BODY if caller == "anthropic" else Spoken(model="p"))
    assert facts.is_free
    written = made.encode(
        body, facts=facts, upstream_model=model, stream=False, output_limit=None, quirks=NO_QUIRKS
    )
    said: dict[str, Any] = json.loads(written)
    return said


def read(caller: str, said: Any) -> Answer:
    body = said if type(said) is bytes else orjson.dumps(said)
    return made_for(caller).answer(body, product_id="p", quirks=NO_QUIRKS)


def whole(**more: Any) -> dict[str, Any]:
    return {"generateContentRequest": {**CONTENTS, "model": "models/m", **more}}


FUNCTIONS: Final = {"tools": [{"functionDeclarations": [FUNCTION]}]}
TO_GEMINI: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    ({}, whole()),
    ({"system": "be brief"}, whole(systemInstruction={"parts": [{"text": "be brief"}]})),
    ({"tools": [TOOL]}, whole(**FUNCTIONS)),
    (
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        whole(**FUNCTIONS, toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
    ),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        whole(generationConfig={"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 4096}}),
    ),
    # what changes no count
    ({"temperature": 0.5, "max_tokens": 9, "stop_sequences": ["x"], "metadata": {"user_id": "kim"}}, whole()),
]


@pytest.mark.parametrize(("more", "body"), TO_GEMINI)
def test_what_gemini_is_asked(more: dict[str, Any], body: dict[str, Any]) -> None:
    assert asked("anthropic", {**MESSAGES, **more}) == body


SAID: Final[dict[str, Any]] = {"model": "m", "messages": [{"role": "user", "content": [
    {"type": "text", "text": "hi"},
]}]}  # fmt: skip
TO_ANTHROPIC: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    (CONTENTS, SAID),
    ({**CONTENTS, "model": "models/p"}, SAID),
    ({"generateContentRequest": {**CONTENTS, "model": "models/p"}, "model": "models/p"}, SAID),
    ({"generate_content_request": CONTENTS, "contents": None}, SAID),
    (
        {**CONTENTS, "systemInstruction": {"parts": [{"text": "be brief"}]}},
        {**SAID, "system": [{"type": "text", "text": "be brief"}]},
    ),
    (
        {"generateContentRequest": {**CONTENTS, **FUNCTIONS}},
        {**SAID, "tools": [{**TOOL}]},
    ),
    # what changes no count, and what a messages request could not say
    (
        {
            **CONTENTS,
            "generationConfig": {"maxOutputTokens": 9, "temperature": 2, "seed": 5, "candidateCount": 2},
        },
        SAID,
    ),
]


@pytest.mark.parametrize(("said", "body"), TO_ANTHROPIC)
def test_what_anthropic_is_asked(said: dict[str, Any], body: dict[str, Any]) -> None:
    assert asked("gemini", said) == body


def test_where_it_is_asked() -> None:
    assert made_for("anthropic").path("m", False) == "/v1beta/models/m:countTokens"
    assert made_for("gemini").path("m", False) == "/v1/messages/count_tokens"
    assert (made_for("anthropic").name, made_for("gemini").name) == ("count_tokens", "count")
    assert made_for("gemini") is made_for("gemini"), "made once"


REFUSED: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("anthropic", {**MESSAGES, "something_new": 1}, "something_new"),
    ("anthropic", {**MESSAGES, "tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0]"),
    ("gemini", {**CONTENTS, "something_new": 1}, "something_new"),
    ("gemini", {**CONTENTS, "tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
    ("gemini", {**CONTENTS, "generateContentRequest": CONTENTS}, "contents"),
    ("gemini", {"generateContentRequest": {**CONTENTS, "new": 1}}, "new"),
    ("gemini", {"generateContentRequest": [1]}, "body"),
    ("gemini", {}, "contents"),
]


@pytest.mark.parametrize(("caller", "body", "param"), REFUSED)
def test_what_cannot_be_said_is_refused_by_name(caller: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(caller, body)
    assert refused.value.param == param


@pytest.mark.parametrize("vendor", ["openai", "clova", "bedrock", "cohere", "ollama"])
def test_who_has_no_counting_is_not_asked(vendor: str) -> None:
    assert operation_for("anthropic", COUNT_TOKENS, vendor) is None
    assert operation_for("gemini", COUNT, vendor) is None


def test_anthropics_own_package_reads_the_number() -> None:
    answer = read("anthropic", {"totalTokens": 61, "promptTokensDetails": []})
    assert (answer.error, answer.usage) == (None, Usage())
    http = httpx2.Client(transport=Replay(answer.body))
    client = Anthropic(api_key="vg_test", base_url="http://gateway", http_client=http, max_retries=0)
    told = client.messages.count_tokens(model="p", messages=[{"role": "user", "content": "hi"}])
    assert told.input_tokens == 61


def test_googles_own_package_reads_the_number() -> None:
    answer = read("gemini", {"input_tokens": 61})
    assert (answer.error, answer.usage) == (None, Usage())
    assert gemini(answer.body).models.count_tokens(model="p", contents="hi").total_tokens == 61


@pytest.mark.parametrize("exchange", answers("gemini.count_tokens"), ids=lambda e: str(e["id"]))
def test_recorded_counts_of_gemini(exchange: dict[str, Any]) -> None:
    told = json.loads(read("anthropic", body_of(exchange)).body)
    assert told == {"input_tokens": exchange["expected_usage"]["counted_tokens"]}


@pytest.mark.parametrize("exchange", answers("anthropic.count_tokens"), ids=lambda e: str(e["id"]))
def test_recorded_counts_of_anthropic(exchange: dict[str, Any]) -> None:
    told = json.loads(read("gemini", body_of(exchange)).body)
    assert told == {"totalTokens": exchange["expected_usage"]["counted_tokens"]}


ODD: Final[list[Any]] = [
    b"{", b"[]", b"7", b"{}", {"error": {"message": "no", "type": "x"}},
    *({"totalTokens": odd, "input_tokens": odd} for odd in ("7", -1, True, None)),
]  # fmt: skip


@pytest.mark.parametrize("said", ODD)
@BOTH
def test_an_answer_without_a_count_is_an_error(caller: str, said: Any) -> None:
    answer = read(caller, said)
    assert answer.error is not None
    assert answer.usage is None


@BOTH
@given(data=documents({**MESSAGES, "system": "s", "tools": [TOOL], "tool_choice": {"type": "any"}},
                      {**CONTENTS, **FUNCTIONS, "systemInstruction": TURN, "generationConfig": {"seed": 5}},
                      {"generateContentRequest": {**CONTENTS, **FUNCTIONS}}))  # fmt: skip
def test_any_request_is_asked_or_refused(caller: str, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is dict:
        with suppress(BadRequest):
            assert asked(caller, body)


@BOTH
@given(data=documents({"totalTokens": 7, "promptTokensDetails": []}, {"input_tokens": 7}))
def test_any_answer_is_read(caller: str, data: bytes) -> None:
    answer = read(caller, data)
    assert answer.error is not None or len(orjson.loads(answer.body)) == 1
