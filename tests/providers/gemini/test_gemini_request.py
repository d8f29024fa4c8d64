"""What a Gemini request is, and what it can cost at most."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bounds import PART_OVERHEAD_TOKENS, input_tokens_max, output_tokens_max
from providers.facts import IMAGE_TOKENS_MIN, BadRequest, RequestFacts, Spoken
from providers.gemini.request import SEARCHES_MAX, read_generate_request

SPOKEN = Spoken(model="nuri-x1", stream=False)
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def generate(**more: Any) -> RequestFacts:
    return read_generate_request({**HI, **more}, 1000, SPOKEN)


def with_part(part: Any) -> RequestFacts:
    return generate(contents=[{"role": "user", "parts": [{"text": "see"}, part]}])


def bound(facts: RequestFacts) -> int:
    return input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512)


def test_facts_of_a_plain_request() -> None:
    assert generate() == RequestFacts(
        purpose="chat", model="nuri-x1", body_bytes=1000, include_usage=True, include_thoughts=False
    )


@pytest.mark.parametrize(
    ("thinking", "wished"),
    [
        (None, False),
        (3, False),
        ({}, False),
        ({"includeThoughts": 1}, False),
        ({"include_thoughts": True}, True),
    ],
)
@pytest.mark.parametrize("name", ["thinkingConfig", "thinking_config"])
def test_whether_thoughts_are_asked_for(name: str, thinking: Any, wished: bool) -> None:
    assert generate(generationConfig={name: thinking}).include_thoughts is wished


def test_the_path_says_whether_it_is_streamed_and_how() -> None:
    spoken = Spoken(model="nuri-x1", stream=True, as_array=True)
    facts = read_generate_request({**HI, "model": "models/other"}, 1000, spoken)
    assert (facts.model, facts.stream, facts.as_array) == ("nuri-x1", True, True)


@pytest.mark.parametrize(
    ("more", "limit", "n"),
    [
        ({}, None, 1),
        ({"generationConfig": {}}, None, 1),
        ({"generationConfig": {"maxOutputTokens": 10, "candidateCount": 3}}, 10, 3),
        ({"generation_config": {"max_output_tokens": 10, "candidate_count": 3}}, 10, 3),
        ({"generationConfig": {"max_output_tokens": 10}}, 10, 1),
        ({"generationConfig": {"maxOutputTokens": None, "candidateCount": None}}, None, 1),
        # Two of a kind: the vendor may believe either.
        ({"generationConfig": {"maxOutputTokens": 10, "max_output_tokens": 5}}, 10, 1),
        ({"generationConfig": {"maxOutputTokens": 10}, "generation_config": {}}, None, 1),
        ({"generationConfig": {"maxOutputTokens": 10}, "generation_config": {"maxOutputTokens": 5}}, 10, 1),
        ({"generationConfig": {"candidateCount": 2, "candidate_count": 4}}, None, 4),
        ({"generationConfig": {"candidateCount": 2}, "generation_config": {"candidateCount": 4}}, None, 4),
        ({"generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 99}}}, 9, 1),
    ],
)
def test_output_limit_and_candidates(more: dict[str, Any], limit: int | None, n: int) -> None:
    facts = generate(**more)
    assert (facts.output_limit, facts.n) == (limit, n)
    assert output_tokens_max(facts, product_max_output_tokens=4096) == (limit or 4096) * n


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": ["hi"]}, "contents"),
        ({"contents": [3]}, "contents"),
        ({"contents": [{"parts": ["hi"]}]}, "contents"),
        ({"contents": [{"parts": [[]]}]}, "contents"),
        ({"systemInstruction": 3}, "systemInstruction"),
        ({"system_instruction": {"parts": [3]}}, "systemInstruction"),
        ({"tools": ["googleSearch"]}, "tools"),
        ({"tools": 3}, "tools"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generation_config": 3}, "generationConfig"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "maxOutputTokens"),
        ({"generationConfig": {"maxOutputTokens": "9"}}, "maxOutputTokens"),
        ({"generationConfig": {"maxOutputTokens": True}}, "maxOutputTokens"),
        ({"generationConfig": {"max_output_tokens": 1.5}}, "max_output_tokens"),
        ({"generationConfig": {"candidateCount": 0}}, "candidateCount"),
        ({"generationConfig": {"candidateCount": 129}}, "candidateCount"),
        ({"generationConfig": {"candidate_count": "2"}}, "candidate_count"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        generate(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


def test_one_content_and_one_part_may_come_without_their_lists() -> None:
    facts = generate(contents={"parts": {"inlineData": {"mimeType": "video/mp4", "data": "AA"}}})
    assert (facts.parts, facts.takes_whole_context) == (1, True)


@pytest.mark.parametrize("names", [("inlineData", "mimeType"), ("inline_data", "mime_type")])
@pytest.mark.parametrize(
    ("kind", "whole", "allowance"),
    [
        ("image/png", False, IMAGE_TOKENS_MIN - 4),
        ("IMAGE/JPEG", False, IMAGE_TOKENS_MIN - 4),
        ("audio/wav", False, 0),
        ("text/plain", False, 0),
        ("application/pdf", True, 0),
        ("video/mp4", True, 0),
        ("", True, 0),
        (3, True, 0),
    ],
)
def test_bytes_in_the_body(names: tuple[str, str], kind: Any, whole: bool, allowance: int) -> None:
    facts = with_part({names[0]: {names[1]: kind, "data": "AAAA"}})
    assert (facts.parts, facts.takes_whole_context, facts.image_allowance_tokens) == (1, whole, allowance)
    assert bound(facts) == (100_000 if whole else 1512 + PART_OVERHEAD_TOKENS + allowance)


def test_a_large_picture_is_bound_by_its_bytes() -> None:
    facts = with_part({"inlineData": {"mimeType": "image/png", "data": "A" * 20_000}})
    assert (facts.image_allowance_tokens, facts.takes_whole_context) == (0, False)


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "https://example.org/cat.png"}},
        {"file_data": {"file_uri": "gs://bucket/cat.png"}},
        {"inlineData": {"mimeType": "image/png"}},
        {"inlineData": {"data": "AAAA"}},
        {"inlineData": {"mimeType": "image/png", "mime_type": "application/pdf", "data": "AAAA"}},
        {"inlineData": 3},
        {"text": "a", "fileData": {"fileUri": "http://example.org"}},
        {"ofALaterYear": {}},
        {"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": "https://youtu.be/abc"}}]}},
        {"functionResponse": {"name": "f", "parts": {"inlineData": {"mimeType": "video/mp4", "data": "A"}}}},
        {"functionResponse": {"name": "f", "parts": [3]}},
        {"functionResponse": {"parts": [{"functionResponse": {"parts": [{"text": "deep"}]}}]}},
    ],
)
def test_what_the_body_only_names_takes_the_whole_context(part: dict[str, Any]) -> None:
    facts = with_part(part)
    assert facts.takes_whole_context
    assert bound(facts) == 100_000


@pytest.mark.parametrize(
    "part",
    [
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"function_response": {"name": "f", "response": {"a": 1}}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"code_execution_result": {"output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "abc"},
        {"functionCall": {"name": "f"}, "fileData": None},
    ],
)
def test_what_the_body_contains_is_bound_by_its_bytes(part: dict[str, Any]) -> None:
    facts = with_part(part)
    assert (facts.parts, facts.takes_whole_context) == (1, False)


def test_thoughts_of_earlier_turns_are_text() -> None:
    facts = with_part({"text": "a", "thought": True, "thought_signature": "abc"})
    assert (facts.parts, facts.takes_whole_context) == (0, False)


@pytest.mark.parametrize(
    ("tools", "parts", "whole", "searches"),
    [
        ([{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}], 2, False, 0),
        ([{"function_declarations": [{"name": "f"}]}, {"functionDeclarations": []}], 1, False, 0),
        ({"functionDeclarations": [{"name": "f"}]}, 1, False, 0),
        ([{"googleSearch": {}}], 1, True, SEARCHES_MAX),
        ([{"google_search": {}}], 1, True, SEARCHES_MAX),
        ([{"googleSearchRetrieval": {}}], 1, True, SEARCHES_MAX),
        ([{"enterprise_web_search": {}}], 1, True, SEARCHES_MAX),
        ([{"googleMaps": {}}], 1, True, SEARCHES_MAX),
        ([{"urlContext": {}}], 1, True, 0),
        ([{"codeExecution": {}}], 1, True, 0),
        ([{"fileSearch": {"fileSearchStoreNames": []}}], 1, True, 0),
        ([{"ofALaterYear": {}}], 1, True, 0),
        ([{"googleSearch": None}], 0, False, 0),
        ([], 0, False, 0),
        (None, 0, False, 0),
    ],
)
def test_tools(tools: Any, parts: int, whole: bool, searches: int) -> None:
    facts = generate(tools=tools)
    assert (facts.parts, facts.takes_whole_context, facts.searches_max) == (parts, whole, searches)


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_instructions_are_read_as_contents(name: str) -> None:
    pdf = {"inlineData": {"mimeType": "application/pdf", "data": "AA"}}
    assert generate(**{name: {"parts": [pdf]}}).takes_whole_context
    assert not generate(**{name: {"parts": [{"text": "be terse"}]}}).takes_whole_context
    assert not generate(**{name: "be terse"}).takes_whole_context
