"""What a client gets of a whole answer, and what it cost."""

from __future__ import annotations

import json

import pytest

from metering.usage import Usage
from providers.anthropic.answer import read_count, read_message
from providers.errors import VendorError

BODY = b"""{"id": "msg_1", "type": "message", "model":"claude-x" , "later": [1.50, 12345678901234567890123],
  "content": [{"type": "text", "text": "\\ud55c"}, {"type": "thinking", "thinking": "abc"},
              {"type": "tool_use", "input": {"n": 1}}],
  "usage": {"input_tokens": 9, "output_tokens": 5}}"""


def test_the_body_is_the_vendors_but_for_the_model() -> None:
    answer = read_message(BODY, product_id="nuri-x1")
    assert answer.body == BODY.replace(b'"claude-x"', b'"nuri-x1"')
    assert (answer.usage, answer.upstream_id, answer.error) == (Usage(input=9, output=5), "msg_1", None)
    assert answer.text_bytes == 3 + 3 + len('{"n":1}')


def test_a_model_named_twice_is_replaced_where_it_is_the_answers() -> None:
    body = {"model": "v", "content": [{"input": {"model": "kept"}}], "usage": None}
    answer = read_message(json.dumps(body).encode(), product_id="nuri-x1")
    assert json.loads(answer.body) == body | {"model": "nuri-x1"}
    assert answer.usage is None


def test_an_answer_without_a_model_gets_none() -> None:
    assert read_message(b'{"id":"m"}', product_id="p").body == b'{"id":"m"}'


def test_arguments_nested_deeper_than_can_be_written() -> None:
    deep = b"[" * 300 + b"]" * 300
    once = b'{"model":"v","content":[{"text":"ab","input":%b}]}' % deep
    assert read_message(once, product_id="p").body == once.replace(b'"v"', b'"p"')
    assert read_message(once, product_id="p").text_bytes == 2
    twice = b'{"model":"v","content":[{"model":"v","input":%b}]}' % deep
    assert read_message(twice, product_id="p").body == twice


@pytest.mark.parametrize("content", ["null", "7", "[7, null]", '[{"text": 7, "thinking": []}]'])
def test_content_of_any_type_is_survived(content: str) -> None:
    assert read_message(f'{{"content": {content}}}'.encode(), product_id="p").text_bytes == 0


UNREADABLE = "unreadable_answer"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", VendorError(200, "The vendor's answer is not JSON.", code=UNREADABLE)),
        (b"", VendorError(200, "The vendor's answer is not JSON.", code=UNREADABLE)),
        (b"[1]", VendorError(200, "The vendor's answer is not an object.", code=UNREADABLE)),
        (b'[{"error":{"message":"m"}}]', VendorError(200, "m")),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}',
            VendorError(200, "m", type="overloaded_error"),
        ),
    ],
)
def test_errors_inside_a_200(body: bytes, error: VendorError) -> None:
    for read in (read_message, read_count):
        answer = read(body, product_id="p")
        assert (answer.error, answer.usage, answer.body) == (error, None, body)


def test_a_vendors_count_with_its_error_is_kept() -> None:
    body = b'{"error":{"message":"m"},"usage":{"input_tokens":9,"output_tokens":5}}'
    assert read_message(body, product_id="p").usage == Usage(input=9, output=5)


def test_counting_is_no_usage_but_zero() -> None:
    answer = read_count(b'{"input_tokens": 19}', product_id="p")
    assert (answer.usage, answer.body, answer.error) == (Usage(), b'{"input_tokens": 19}', None)
