"""What vendors say when something is wrong, and our refusals in their words."""

from __future__ import annotations

import json

import pytest

from providers.anthropic.errors import error_of, read_error, refusal_body
from providers.dialect import Refusal
from providers.errors import VendorError


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'{"type":"error","error":{"type":"not_found_error","message":"m"},"request_id":"r"}',
            VendorError(400, "m", type="not_found_error"),
        ),
        (b'{"error":{"type":"t","message":"m","code":7}}', VendorError(400, "m", type="t", code="7")),
        (b'[{"error":{"code":404,"message":"m","status":"S"}}]', VendorError(400, "m", type="S", code="404")),
        (b'{"error":"m","code":"c"}', VendorError(400, "m", code="c")),
        (b'{"type":"error","message":"m"}', VendorError(400, "m")),
        (b'{"type":"error"}', VendorError(400, "")),
        (b'{"error":{"message":7,"type":[]}}', VendorError(400, "")),
        (b'{"message":"m"}', VendorError(400, "m")),
        (b"Bad Gateway", VendorError(400, "Bad Gateway")),
        (b"", VendorError(400, "")),
        (b"[]", VendorError(400, "")),
        (b"3", VendorError(400, "")),
    ],
)
def test_shapes(body: bytes, error: VendorError) -> None:
    assert read_error(400, body) == error


@pytest.mark.parametrize(
    ("kind", "message", "status"),
    [
        ("invalid_request_error", "Your credit balance is too low to access the Anthropic API. Pay.", 402),
        ("invalid_request_error", "You have reached your specified API usage limits. You will", 402),
        (
            "invalid_request_error",
            "messages.0: Your credit balance is too low to access the Anthropic API",
            400,
        ),
        ("not_found_error", "Your credit balance is too low to access the Anthropic API", 400),
        ("billing_error", "m", 402),
        ("authentication_error", "m", 401),
        ("invalid_request_error", "prompt is too long", 400),
    ],
)
def test_a_400_that_means_our_key_or_our_account(kind: str, message: str, status: int) -> None:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    assert read_error(400, body).status == status
    assert read_error(413, body).status == 413


@pytest.mark.parametrize("answer", [{"type": "message"}, {"type": "message", "error": None}, {}, [], 3, None])
def test_what_is_no_error(answer: object) -> None:
    assert error_of(answer) is None


def test_credentials_are_blotted_out() -> None:
    said = b'{"error":{"message":"invalid key sk-ant-REDACTED"}}'
    assert read_error(401, said).message == "invalid key [redacted]"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
    ],
)
def test_refusals_have_one_of_their_types_and_our_code(status: int, kind: str) -> None:
    refusal = Refusal(status, "our_code", "Do this.", "openai_type", param="p", request_id="r1")
    assert json.loads(refusal_body(refusal)) == {
        "type": "error",
        "error": {"type": kind, "message": "Do this.", "code": "our_code"},
        "request_id": "r1",
    }
