"""What the vendor says when something is wrong, and what the gateway says in its words."""

from __future__ import annotations

import json

import pytest

from providers.dialect import Refusal
from providers.errors import VendorError
from providers.gemini.errors import read_error, refusal_body

INFO = b'{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"%s"}'
SAID = b'{"error":{"code":400,"message":"m","status":"S"}}'


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (SAID, VendorError(400, "m", type="S", code="400")),
        (b"[" + SAID + b"]", VendorError(400, "m", type="S", code="400")),
        (
            SAID.replace(b'"S"', b'"S","details":[3,{"@type":"x"},' + INFO % b"R" + b"]"),
            VendorError(400, "m", type="S", code="R"),
        ),
        # A bad key of ours is no fault of the caller's.
        (
            SAID.replace(b'"S"', b'"S","details":[' + INFO % b"API_KEY_INVALID" + b"]"),
            VendorError(401, "m", type="S", code="API_KEY_INVALID"),
        ),
        (b'{"error":{"message":3,"status":[],"code":{},"details":{}}}', VendorError(400, "")),
        (b'{"error":"m"}', VendorError(400, "m")),
        (b'{"error":3}', VendorError(400, "")),
        (b"Bad Gateway", VendorError(400, "Bad Gateway")),
        (b"", VendorError(400, "")),
        (b"{}", VendorError(400, "")),
        (b"[]", VendorError(400, "")),
        (b"[3]", VendorError(400, "")),
        (b"3", VendorError(400, "")),
    ],
)
def test_shapes(body: bytes, error: VendorError) -> None:
    assert read_error(400, body) == error


def test_a_key_that_the_vendor_quotes_is_blotted_out() -> None:
    body = b'{"error":{"message":"API key AIzaSyA0123456789abcdefg not valid"}}'
    assert read_error(403, body).message == "API key [redacted] not valid"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (402, "FAILED_PRECONDITION"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (409, "ABORTED"),
        (413, "INVALID_ARGUMENT"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
        (599, "INTERNAL"),
    ],
)
def test_refusals(status: int, name: str) -> None:
    refusal = Refusal(status=status, code="our_code", message="잔액이 부족합니다.", openai_type="x")
    assert json.loads(refusal_body(refusal)) == {
        "error": {
            "code": status,
            "message": "잔액이 부족합니다.",
            "status": name,
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "our_code"}],
        }
    }
