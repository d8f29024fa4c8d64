"""Whole answers: what they cost, and when they are errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.clova.answer import read_answer
from providers.clova.errors import read_error, refusal_body
from providers.clova.usage import usage_of, usage_to_v1, usage_to_v3
from providers.dialect import Refusal
from providers.errors import VendorError
from tests.providers.clova.exchanges import CALL, counts

OK = {"code": "20000", "message": "OK"}


def answered(result: Any, status: Any = OK) -> bytes:
    return json.dumps({"status": status, "result": result}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("result", "usage", "text_bytes"),
    [
        ({"message": {"content": "값"}, "usage": counts(58, 9, 3)}, Usage(58, output=9, reasoning=3), 3),
        ({"message": {"content": "a", "thinkingContent": "b"}, "usage": counts(1, 2)}, Usage(1, output=2), 2),
        ({"message": {"content": "", "toolCalls": [CALL]}, "usage": counts(9, 47)}, Usage(9, output=47), 21),
        ({"message": {"content": "a"}, "inputLength": 3, "outputLength": 1}, Usage(3, output=1), 1),
        ({"embedding": [0.5], "inputTokens": 4}, Usage(4), 0),
        ({"embedding": [0.5]}, None, 0),
        ({"message": {"content": "a"}, "usage": None}, None, 1),
        ({"message": {"content": "a"}, "inputLength": 3}, None, 1),
        ({"message": {"content": 3, "toolCalls": [3, {"function": {"name": 3}}]}}, None, 0),
        ({"message": {"content": ""}, "usage": counts(0, 0)}, Usage(), 0),
        (None, None, 0),
    ],
)
def test_answers(result: Any, usage: Usage | None, text_bytes: int) -> None:
    body = answered(result)
    answer = read_answer(body, product_id="p")
    assert (answer.usage, answer.text_bytes, answer.body) == (usage, text_bytes, body)
    assert (answer.error, answer.upstream_id) == (None, None)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"promptTokens": 3, "completionTokens": 2}, Usage(3, output=2)),
        ({"promptTokens": 3, "totalTokens": 5}, Usage(3, output=2)),
        ({"completionTokens": 2, "totalTokens": 5}, Usage(3, output=2)),
        ({"promptTokens": 3.0, "completionTokens": 2.0}, Usage(3, output=2)),
        ({"promptTokens": 3, "totalTokens": 1}, Usage(3)),
        ({"promptTokens": -3, "completionTokens": 2, "totalTokens": -1}, Usage(output=2)),
        (counts(134, 48, totalTokens=315), Usage(134, output=48)),
        (counts(9, 10, 30, totalTokens=49), Usage(9, output=40, reasoning=30)),
        (counts(9, 10, -5, totalTokens=14), Usage(9, output=10)),
        (counts(9, 10, 30), Usage(9, output=10, reasoning=10)),
        ({"promptTokens": 3}, None),
        ({"completionTokens": 3}, None),
        ({"totalTokens": 3}, None),
        ({"promptTokens": True, "completionTokens": "2"}, None),
        ({}, None),
    ],
)
def test_usage_of_v3(usage: dict[str, Any], read: Usage | None) -> None:
    assert usage_of({"message": {}, "usage": usage}) == read


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_what_we_say_of_usage_is_read_as_it_was(input_tokens: int, output: int, reasoning: int) -> None:
    usage = Usage(input=input_tokens, output=output, reasoning=min(reasoning, output))
    assert usage_of({"message": {}, **usage_to_v3(usage)}) == usage
    seen = usage_of({"message": {}, **usage_to_v1(usage)})
    assert seen == Usage(input=input_tokens, output=output)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (answered(None, {"code": "40003", "message": "Text too long"}), "40003"),
        (answered({"message": {}}, {"code": 50000}), "50000"),
        (b"", "unreadable_answer"),
        (b"<html>", "unreadable_answer"),
        (b"[]", "unreadable_answer"),
        (b"{}", "unreadable_answer"),
        (b'{"status":{}}', "unreadable_answer"),
        (b'{"status":3,"result":4}', "unreadable_answer"),
        (b'{"error":{"errorCode":"200","message":"m"}}', "200"),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, code: str) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert (answer.error.status, answer.error.code, answer.usage) == (200, code, None)


def test_no_content_is_an_answer() -> None:
    assert read_answer(answered(None, {"code": "20400"}), product_id="p").error is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b'{"status":{"code":"42901","message":"m"}}', VendorError(429, "m", code="42901")),
        (401, b'{"status":{"code":40100,"message":"m"},"result":null}', VendorError(401, "m", code="40100")),
        (400, b'{"status":{"code":null,"message":["m"]}}', VendorError(400, "")),
        (400, b'{"status":{}}', VendorError(400, "")),
        (400, b'{"status":{"message":"m"}}', VendorError(400, "m")),
        (
            401,
            b'{"error":{"errorCode":"200","message":"Failed","details":"Invalid key nv-0123456789abcdef"}}',
            VendorError(401, "Failed: Invalid key [redacted]", code="200"),
        ),
        (502, b"Bad Gateway", VendorError(502, "Bad Gateway")),
        (500, b"", VendorError(500, "")),
        (500, b"[]", VendorError(500, "")),
        (500, b'{"status":{"code":"20000"}}', VendorError(500, "")),
    ],
)
def test_errors(status: int, body: bytes, error: VendorError) -> None:
    assert read_error(status, body) == error


@pytest.mark.parametrize(
    ("status", "code", "theirs"),
    [(401, "invalid_api_key", "40100"), (429, "funds_held", "42900"), (402, "voucher_exhausted", "40200")],
)
def test_a_refusal_is_in_their_shape_with_our_code(status: int, code: str, theirs: str) -> None:
    refusal = Refusal(status=status, code=code, message="잔액이 부족합니다.", openai_type="t", param="p")
    assert json.loads(refusal_body(refusal)) == {
        "status": {"code": theirs, "message": "잔액이 부족합니다.", "reason": code},
        "result": None,
    }
