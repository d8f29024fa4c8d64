"""What a request is, and what it can cost at most."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bounds import PART_OVERHEAD_TOKENS, input_tokens_max, output_tokens_max
from providers.facts import IMAGE_TOKENS_MIN, BadRequest, RequestFacts
from providers.openai.request import read_chat_request, read_embeddings_request
from providers.quirks import NO_QUIRKS, Quirks, quirks_for

HI = {"model": "nuri-x1", "messages": [{"role": "user", "content": "hi"}]}


def chat(**more: Any) -> RequestFacts:
    return read_chat_request({**HI, **more}, 1000)


def with_part(part: Any) -> RequestFacts:
    return chat(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])


def bound(facts: RequestFacts) -> int:
    return input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512)


def test_facts_of_a_plain_request() -> None:
    assert chat() == RequestFacts(purpose="chat", model="nuri-x1", body_bytes=1000)


def test_facts_of_a_stream() -> None:
    facts = chat(stream=True, stream_options={"include_usage": True}, n=3)
    assert (facts.stream, facts.include_usage, facts.n) == (True, True, 3)
    assert not chat(stream=True, stream_options={}).include_usage


@pytest.mark.parametrize(
    ("more", "limit"),
    [
        ({}, None),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 10}, 10),
        ({"max_tokens": 10, "max_completion_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 10}, 5),
        ({"max_tokens": None}, None),
    ],
)
def test_output_limit(more: dict[str, Any], limit: int | None) -> None:
    facts = chat(**more)
    assert facts.output_limit == limit


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages"),
        ({"messages": [{"role": "user", "content": [3]}]}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": True}, "n"),
        ({"n": "2"}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**12}, "max_tokens"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chat(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


@pytest.mark.parametrize(
    "body",
    [
        {"model": "e"},
        {"model": "e", "input": ""},
        {"model": "e", "input": []},
        {"model": "e", "input": 3},
        {"input": "x"},
    ],
)
def test_embeddings_without_input_or_model_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_embeddings_request(body, 10)


def test_the_bound_of_text_is_its_bytes_and_the_overhead() -> None:
    assert bound(chat()) == 1512


def test_the_bound_is_never_above_the_context() -> None:
    facts = read_chat_request(HI, 10**6)
    assert bound(facts) == 100_000


def test_tools_cost_a_little_beyond_their_bytes() -> None:
    facts = chat(tools=[{"type": "function", "function": {"name": "f"}}] * 3)
    assert facts.parts == 3
    assert bound(facts) == 1512 + 3 * PART_OVERHEAD_TOKENS


def test_a_small_picture_costs_more_than_its_bytes_a_large_one_does_not() -> None:
    small = with_part({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})
    assert small.image_allowance_tokens == IMAGE_TOKENS_MIN - 26
    large = with_part({"type": "image_url", "image_url": {"url": "data:," + "A" * 20_000}})
    assert large.image_allowance_tokens == 0
    assert not small.takes_whole_context


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
        {"type": "image_url", "image_url": "https://example.org/cat.png"},
        {"type": "image_url", "image_url": {}},
        {"type": "image_url"},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "https://example.org/a.mp3"}},
        {"type": "input_audio"},
        {"type": "of a later year"},
        {},
    ],
)
def test_what_the_body_only_names_takes_the_whole_context(part: dict[str, Any]) -> None:
    facts = with_part(part)
    assert facts.takes_whole_context
    assert bound(facts) == 100_000


@pytest.mark.parametrize(
    "more",
    [
        {"web_search_options": {}},
        {"tools": [{"type": "web_search"}]},
        {"tools": ["web_search"]},
        {"plugins": [{"id": "web"}]},
        {"messages": [{"role": "assistant", "audio": {"data": "AAAA"}}]},
    ],
)
def test_what_the_vendor_fetches_takes_the_whole_context(more: dict[str, Any]) -> None:
    assert chat(**more).takes_whole_context


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "r"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages"),
        ({"cached_content": "cachedContents/1"}, "cached_content"),
        ({"extra_body": {"google": {"cached_content": "cachedContents/1"}}}, "extra_body"),
        ({"google": {"cached_content": "cachedContents/1"}}, "google"),
    ],
)
def test_what_the_vendor_keeps_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    """It may be another company's: nobody here knows."""
    with pytest.raises(BadRequest) as raised:
        chat(**more)
    assert raised.value.param == param
    assert "that the vendor keeps" in raised.value.message_en


def test_sound_in_the_body_is_bound_by_its_bytes() -> None:
    facts = with_part({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    assert (facts.takes_whole_context, facts.parts) == (False, 1)


@pytest.mark.parametrize(
    ("given", "inputs"),
    [("text", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)],
)
def test_each_text_of_an_embeddings_call_may_fill_the_context(given: Any, inputs: int) -> None:
    facts = read_embeddings_request({"model": "e", "input": given}, 10**7)
    assert (facts.purpose, facts.inputs, facts.takes_whole_context) == ("embedding", inputs, False)
    assert bound(facts) == 100_000 * inputs
    assert output_tokens_max(facts, product_max_output_tokens=4096) == 0


def test_pictures_to_embed_take_the_whole_context() -> None:
    assert read_embeddings_request({"model": "e", "input": [{"image": "x"}]}, 50).takes_whole_context


@pytest.mark.parametrize(
    ("more", "quirks", "tokens"),
    [
        ({}, NO_QUIRKS, 4096),
        ({"max_tokens": 100}, NO_QUIRKS, 100),
        ({"max_tokens": 100, "n": 4}, NO_QUIRKS, 400),
        ({"max_tokens": 9999}, NO_QUIRKS, 4096),
        ({"max_tokens": 100}, quirks_for("xai"), 4096),
    ],
)
def test_output_bound(more: dict[str, Any], quirks: Quirks, tokens: int) -> None:
    assert output_tokens_max(chat(**more), product_max_output_tokens=4096, quirks=quirks) == tokens


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": [{"role": "user", "content": [{"type": ["text"]}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": {"text": 1}}]}]}, "messages"),
        ({"tools": [{"type": {}}]}, "tools"),
        ({"tools": [{"type": ["function"]}]}, "tools"),
    ],
)
def test_a_type_that_is_no_word_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_chat_request({"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}, 100)
    assert refused.value.param == param
