"""A whole answer: its usage, and its body under the product's name."""

from __future__ import annotations

import json

import pytest

from metering.usage import Usage
from providers.openai.answer import read_answer


@pytest.mark.parametrize(
    ("body", "model_replaced"),
    [
        (b'{"model":"v","choices":[]}', b'{"model":"p","choices":[]}'),
        (b'{\n "choices": [],\n "model" : "v\\/1"\n}', b'{\n "choices": [],\n "model" : "p"\n}'),
        (b'{"x":{"model":"a"},"model":"b"}', b'{"x":{"model":"a"},"model":"p"}'),
        (b'{"model":null}', b'{"model":"p"}'),
        (b'{"choices":[]}', b'{"choices":[]}'),
        (b'{"text":"\\"model\\":\\"v\\"","model":"v"}', b'{"text":"\\"model\\":\\"v\\"","model":"p"}'),
    ],
)
def test_the_model_is_the_product(body: bytes, model_replaced: bytes) -> None:
    assert read_answer(body, product_id="p").body == model_replaced


def test_embeddings() -> None:
    usage = b'{"prompt_tokens":4,"total_tokens":4}'
    body = b'{"object":"list","data":[{"embedding":[0.1]}],"model":"v","usage":' + usage + b"}"
    answer = read_answer(body, product_id="p")
    assert answer.usage == Usage(input=4)
    assert (answer.upstream_id, answer.text_bytes, answer.error) == (None, 0, None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"3", b"null"])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert answer.usage is None


def test_an_error_with_usage_keeps_both() -> None:
    body = b'{"error":{"message":"no"},"usage":{"prompt_tokens":4,"completion_tokens":1}}'
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert answer.usage == Usage(input=4, output=1)


def test_text_is_all_that_was_generated() -> None:
    message = {
        "content": "값",
        "reasoning_content": "ab",
        "reasoning": "ab",
        "refusal": "c",
        "tool_calls": [{"function": {"name": "f"}}],
    }
    body = json.dumps({"id": "x", "model": "v", "choices": [{"message": message}, 3, {}]}).encode()
    answer = read_answer(body, product_id="p")
    assert answer.text_bytes == 3 + 2 + 1 + 1
    assert answer.upstream_id == "x"
