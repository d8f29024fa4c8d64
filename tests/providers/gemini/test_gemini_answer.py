"""A whole answer: its usage, and its body under the product's name."""

from __future__ import annotations

import json

import pytest

from metering.usage import Usage
from providers.gemini.answer import read_answer, read_count


@pytest.mark.parametrize(
    ("body", "model_replaced"),
    [
        (b'{"modelVersion":"v","x":[]}', b'{"modelVersion":"p","x":[]}'),
        (b'{\n "x": [],\n "modelVersion" : "v\\/1"\n}', b'{\n "x": [],\n "modelVersion" : "p"\n}'),
        (b'{"x":{"modelVersion":"a"},"modelVersion":"b"}', b'{"x":{"modelVersion":"a"},"modelVersion":"p"}'),
        (b'{"modelVersion":null}', b'{"modelVersion":"p"}'),
        (b'{"embedding":{"values":[0.1]}}', b'{"embedding":{"values":[0.1]}}'),
    ],
)
def test_the_model_is_the_product(body: bytes, model_replaced: bytes) -> None:
    assert read_answer(body, product_id="p").body == model_replaced


def test_an_answer() -> None:
    parts = [{"text": "값", "thought": True}, {"text": "ab"}, {"functionCall": {"name": "f"}}, 3]
    body = {
        "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}, 3],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 5},
        "modelVersion": "gemini-3-pro",
        "responseId": "r1",
    }
    body["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["a", "b"]}  # type: ignore[index]
    answer = read_answer(json.dumps(body).encode(), product_id="p")
    assert answer.usage == Usage(input=3, output=7, reasoning=5, units={"searches": 2})
    assert (answer.upstream_id, answer.error) == ("r1", None)
    assert answer.text_bytes == 3 + 2 + len('{"name":"f"}')


def test_embeddings_report_usage_or_they_do_not() -> None:
    assert read_answer(b'{"embeddings":[]}', product_id="p").usage is None
    reported = b'{"embeddings":[],"usageMetadata":{"promptTokenCount":8}}'
    assert read_answer(reported, product_id="p").usage == Usage(input=8)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"3", b"null", b"[3]", b'[{"error":{}}]'])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert answer.usage is None


def test_a_stream_that_is_said_whole() -> None:
    first = {"candidates": [{"content": {"parts": [{"text": "ab"}]}}], "modelVersion": "v"}
    last = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}, "responseId": "r1"}
    answer = read_answer(json.dumps([first, last]).encode(), product_id="p")
    assert (answer.usage, answer.upstream_id, answer.text_bytes) == (Usage(input=3, output=2), "r1", 2)
    assert json.loads(answer.body) == [{**first, "modelVersion": "p"}, last]


def test_an_error_with_usage_keeps_both() -> None:
    body = b'{"error":{"message":"no"},"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1}}'
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert answer.usage == Usage(input=4, output=1)


def test_what_is_nested_too_deeply_to_be_renamed_is_an_error() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    once = b'{"modelVersion":"v","x":' + deep + b"}"
    assert read_answer(once, product_id="p").body == once.replace(b'"v"', b'"p"')
    twice = read_answer(b'{"y":"modelVersion",' + once[1:], product_id="p")
    assert twice.error is not None


def test_counting_costs_nothing() -> None:
    body = b'{"totalTokens":61,"promptTokensDetails":[]}'
    answer = read_count(body, product_id="p")
    assert (answer.usage, answer.body, answer.error) == (Usage(), body, None)
