"""Rerank: what bounds a call, and what each vendor's answer is worth."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts
from providers.openai.dialect import RERANK
from providers.openai.rerank import CHUNK_TOKENS_MIN, read_rerank_answer, read_rerank_request
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of

BODY: Final[dict[str, Any]] = {"model": "p", "query": "수도?", "documents": ["서울", "Paris"]}
RESULTS: Final = [{"index": 1, "relevance_score": 0.9}]


def facts(**more: Any) -> RequestFacts:
    body = BODY | more
    return read_rerank_request(body, len(orjson.dumps(body)))


def usage(**more: Any) -> Usage | None:
    return read_rerank_answer(orjson.dumps({"results": RESULTS, **more}), product_id="p").usage


# -- before the call


def test_what_is_known_of_a_request() -> None:
    said = facts(top_n=1, return_documents=True)
    assert (said.purpose, said.model, said.stream, said.takes_whole_context) == ("rerank", "p", False, False)
    assert (said.inputs, said.parts, said.searches_max) == (2, 2, 1)
    assert said.repeated_bytes == 2 * len("수도?".encode())
    assert output_tokens_max(said, product_max_output_tokens=9) == 0


@pytest.mark.parametrize(
    ("said", "searches"),
    [
        (["a"] * 100, 1),
        (["a"] * 101, 2),
        (["a"] * 1000, 10),
        (["", ""], 1),
        (["a" * CHUNK_TOKENS_MIN * 100], 1),
        (["a" * CHUNK_TOKENS_MIN * 100 + "a"], 2),
        (["가" * CHUNK_TOKENS_MIN * 100], 3),
        (["a" * (CHUNK_TOKENS_MIN + 1)] * 51, 2),
        ([{"text": "a"}] * 101, 2),
    ],
)
def test_searches_are_bounded(said: list[Any], searches: int) -> None:
    assert facts(documents=said).searches_max == searches


@pytest.mark.parametrize(
    ("more", "tokens", "searches"),
    [
        ({}, 7, 1),  # (6 + 5 bytes + 2 x 7) / 4
        ({"instruction": "briefly"}, 10, 1),
        ({"documents": ["a"] * 101}, 202, 2),
        ({"documents": ["a" * 1992] * 100}, 49_975, 1),  # 498 tokens, and 2 of the query
        ({"documents": ["a" * 1993] * 100}, 50_000, 2),
        ({"query": "q" * 4000, "documents": ["a" * 976] * 101}, 125_644, 2),
    ],
)
def test_estimates_where_a_vendor_does_not_say(more: dict[str, Any], tokens: int, searches: int) -> None:
    said = facts(**more)
    assert (said.input_estimate_tokens, said.searches_estimate) == (tokens, searches)
    assert said.searches_estimate <= said.searches_max


@pytest.mark.parametrize(
    ("more", "is_bounded"),
    [
        ({"documents": [{"text": "a"}]}, True),
        ({"documents": [{"title": "a", "text": "b"}], "rank_fields": ["title"]}, True),
        ({"documents": [{"title": "a", "text": "b"}]}, False),
        ({"documents": [{"image": "https://pictures.example/1.png"}]}, False),
        ({"documents": [{"content": [{"type": "text", "text": "a"}]}], "rank_fields": ["content"]}, False),
        ({"query": {"text": "a"}}, True),
        ({"query": {"image": "AAAA"}}, False),
        ({"query": {"image": "AAAA"}, "rank_fields": ["image"]}, False),
    ],
)
def test_what_is_more_than_text_takes_the_whole_context_of_each_document(
    more: dict[str, Any], is_bounded: bool
) -> None:
    said = facts(**more)
    assert said.takes_whole_context is not is_bounded
    if not is_bounded:
        bound = input_tokens_max(said, context_tokens=1000, input_overhead_tokens=0)
        assert bound == 1000 * said.inputs


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"query": None}, "query"),
        ({"query": ["a"]}, "query"),
        ({"query": {}}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": ["a", 1]}, "documents"),
        ({"documents": [["a"]]}, "documents"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        facts(**more)
    assert refused.value.param == param


@given(
    query=st.text(min_size=1, max_size=40),
    told=st.dictionaries(st.sampled_from(["instruction", "prompt", "of_tomorrow"]), st.text(max_size=300)),
    said=st.lists(st.text(max_size=900), min_size=1, max_size=12),
    room=st.integers(CHUNK_TOKENS_MIN, 600),
)
def test_the_bounds_hold_for_the_longest_count(
    query: str, told: dict[str, str], said: list[str], room: int
) -> None:
    """The most a vendor can count: a token to the byte, query and instruction with each chunk again."""
    read = facts(query=query, documents=said, **told)
    chunks = sum(max(1, -(-len(text.encode()) // room)) for text in said)
    again = len(query.encode()) + sum(len(text.encode()) for text in told.values())
    tokens = sum(len(text.encode()) for text in said) + chunks * (again + 4)
    assert tokens <= input_tokens_max(read, context_tokens=1_000_000, input_overhead_tokens=0)
    assert -(-chunks // 100) <= read.searches_max


@given(data=documents(BODY | {"rank_fields": ["text"]}))
def test_any_json_is_read_or_refused(data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        said = read_rerank_request(body, len(data))
        RERANK.encode(body, facts=said, upstream_model="m", stream=False, output_limit=None, quirks=NO_QUIRKS)
    except BadRequest:
        return
    assert said.searches_max >= 1


def test_the_vendor_is_asked_as_the_caller_asked() -> None:
    body = BODY | {"top_n": 1, "max_tokens_per_doc": 512}
    written = RERANK.encode(
        body, facts=facts(), upstream_model="rerank-v3.5", stream=False, output_limit=None, quirks=NO_QUIRKS
    )
    assert orjson.loads(written) == body | {"model": "rerank-v3.5"}
    assert RERANK.path("rerank-v3.5", False) == "/rerank"


# -- what an answer is worth

ONE_SEARCH: Final = Usage(units={"searches": 1})


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ({"meta": {"billed_units": {"search_units": 1}}}, ONE_SEARCH),  # Cohere
        ({"meta": {"billed_units": {"search_units": 1.0}}}, ONE_SEARCH),
        ({"usage": {"total_tokens": 43}}, Usage(input=43)),  # Voyage, Jina
        ({"usage": {"prompt_tokens": 40, "total_tokens": 40}}, Usage(input=40)),  # vLLM
        ({"usage": {"search_units": 1, "total_tokens": 150}}, Usage(input=150, units={"searches": 1})),
        ({"meta": {"billed_units": {"search_units": 0, "input_tokens": 28, "output_tokens": 0}}},
         Usage(input=28)),  # SiliconFlow
        ({"usage": {"total_tokens": 0}}, Usage()),
        ({}, None),
        ({"meta": {"billed_units": {"search_units": True}}}, None),
        ({"meta": {"billed_units": [1]}, "usage": 5}, None),
        ({"meta": {"billed_units": {"search_units": -3}}}, Usage(units={"searches": 0})),
    ],
)  # fmt: skip
def test_what_is_counted(said: dict[str, Any], counted: Usage | None) -> None:
    assert usage(**said) == counted


@pytest.mark.parametrize("said", [b"{}", b'{"message":"busy"}', b'{"results":{}}', b"[1]", b"{"])
def test_an_answer_that_ranks_nothing_is_an_error(said: bytes) -> None:
    assert read_rerank_answer(said, product_id="p").error is not None


def test_an_answer_names_the_product_where_it_names_a_model() -> None:
    for said, told in (({"model": "rerank-2"}, {"model": "p"}), ({}, {})):
        answer = read_rerank_answer(orjson.dumps({"id": "r1", "results": RESULTS, **said}), product_id="p")
        assert orjson.loads(answer.body) == {"id": "r1", "results": RESULTS, **told}
        assert answer.upstream_id == "r1"


@given(body=documents({"id": "i", "results": RESULTS, "meta": {"billed_units": {"search_units": 1}},
                       "usage": {"total_tokens": 3, "search_units": 2}, "model": "m"}))  # fmt: skip
def test_any_answer_is_read(body: bytes) -> None:
    counted = read_rerank_answer(body, product_id="p").usage
    assert counted is None or all(count >= 0 for count in counted.units.values())


def test_recorded_answers_are_counted_as_reported() -> None:
    for exchange in answers("cohere.rerank", "voyage.rerank"):
        expected = exchange["expected_usage"]
        counted = read_rerank_answer(body_of(exchange), product_id="p").usage
        assert counted is not None
        assert counted.input_total == (expected["input_tokens"] or 0)
        assert counted.units.get("searches", 0) == (expected.get("search_units") or 0)
        asked = exchange["request"]["body"] | {"model": "p"}
        read = read_rerank_request(asked, len(orjson.dumps(asked)))
        assert counted.units.get("searches", 0) <= read.searches_max
        bound = input_tokens_max(read, context_tokens=10**9, input_overhead_tokens=0)
        assert counted.input_total <= bound
