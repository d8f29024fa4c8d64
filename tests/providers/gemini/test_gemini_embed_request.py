"""Requests to embed and to count, and what they can cost at most."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.gemini.request import read_batch_embed_request, read_count_request, read_embed_request

SPOKEN = Spoken(model="nuri-x1", stream=False)


def test_one_text_to_embed() -> None:
    facts = read_embed_request({"content": {"parts": [{"text": "hi"}]}}, 50, SPOKEN)
    assert facts == RequestFacts(purpose="embedding", model="nuri-x1", body_bytes=50)
    assert output_tokens_max(facts, product_max_output_tokens=4096) == 0


def test_each_text_of_a_batch_may_fill_the_context() -> None:
    request = {"content": {"parts": [{"text": "hi"}]}}
    facts = read_batch_embed_request({"requests": [request] * 3}, 10**7, SPOKEN)
    assert (facts.purpose, facts.inputs, facts.takes_whole_context) == ("embedding", 3, False)
    assert input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512) == 300_000


def test_pictures_to_embed_take_the_whole_context() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert read_embed_request({"content": {"parts": [part]}}, 50, SPOKEN).takes_whole_context


@pytest.mark.parametrize(
    "body",
    [{}, {"requests": []}, {"requests": [3]}, {"requests": [{}]}, {"requests": [{"content": "hi"}]}],
)
def test_a_batch_without_contents_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_batch_embed_request(body, 10, SPOKEN)


@pytest.mark.parametrize("body", [{}, {"content": None}, {"content": "hi"}, {"content": {"parts": ["hi"]}}])
def test_embedding_nothing_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_embed_request(body, 10, SPOKEN)


def test_counting_is_free_whatever_is_counted() -> None:
    facts = read_count_request({"generateContentRequest": {"contents": 3}}, 50, SPOKEN)
    assert (facts.purpose, facts.model, facts.is_free) == ("chat", "nuri-x1", True)
    assert input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512) == 0
    assert output_tokens_max(facts, product_max_output_tokens=4096) == 0
