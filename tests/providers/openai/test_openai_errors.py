"""What vendors say when something is wrong, made fit for callers and logs."""

from __future__ import annotations

import pytest

from providers.errors import VendorError
from providers.openai.errors import read_error
from providers.vendor_text import MESSAGE_CHARS_MAX, clean


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'{"error":{"message":"m","type":"t","param":"p","code":"c"}}',
            VendorError(400, "m", type="t", code="c", param="p"),
        ),
        (b'{"error":{"message":"m","code":400}}', VendorError(400, "m", code="400")),
        (b'{"code":"c","error":"m"}', VendorError(400, "m", code="c")),
        (b'[{"error":{"code":400,"message":"m","status":"S"}}]', VendorError(400, "m", type="S", code="400")),
        (b'{"detail":"m"}', VendorError(400, "m")),
        (b'{"detail":[{"msg":"a","loc":["x"]},{"msg":"b"}]}', VendorError(400, "a; b")),
        (b'{"object":"error","message":"m","type":"t","code":1}', VendorError(400, "m", type="t", code="1")),
        (b'{"message":{"detail":"m"}}', VendorError(400, '{"detail":"m"}')),
        (b"Bad Gateway", VendorError(400, "Bad Gateway")),
        (b"", VendorError(400, "")),
        (b"{}", VendorError(400, "")),
        (b"[]", VendorError(400, "")),
        (b"3", VendorError(400, "")),
    ],
)
def test_shapes(body: bytes, error: VendorError) -> None:
    assert read_error(400, body) == error


@pytest.mark.parametrize(
    ("body", "status"),
    [
        # xAI has one code for all that a client does wrong: its sentence decides.
        (b'{"code":"invalid-argument","error":"Incorrect API key provided. Get one."}', 401),
        (b'{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x"}', 401),
        (b'{"code":"invalid-argument","error":"You wrote: Incorrect API key provided"}', 400),
        (b'{"code":"c","error":"Incorrect API key provided"}', 400),
        (b'{"error":{"message":"Billing hard limit","code":"billing_hard_limit_reached"}}', 402),
        (b'{"error":{"message":"m","type":"Arrearage","code":"Arrearage"}}', 402),
        (b'{"error":{"message":"m","code":"organization_restricted"}}', 401),
        (b'{"error":{"message":"invalid_api_key","code":"unsupported_value"}}', 400),
        (b'{"error":{"message":"m","code":[]}}', 400),
    ],
)
def test_a_400_that_means_our_key_or_our_account(body: bytes, status: int) -> None:
    assert read_error(400, body).status == status
    assert read_error(422, body).status == 422


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop",
        "Bearer abcdefghijklmnop",
        "nv-0123456789abcdef0123",
        "AIzaSyA0123456789abcdefg",
        "up_0123456789abcdefghij",
    ],
)
def test_credentials_are_blotted_out(secret: str) -> None:
    assert secret not in clean(f"Incorrect key {secret} given")


def test_openais_own_sentence() -> None:
    said = clean("Incorrect API key provided: invalid-*****2345. You can find your key at https://x.")
    assert said == "Incorrect API key provided: [redacted]. You can find your key at https://x."


def test_control_characters_and_length() -> None:
    assert clean("a\x1b[31m\r\nb\u2028") == "a\\x1b[31m\\r\\nb\\u2028"
    assert len(clean("x" * 5000)) == MESSAGE_CHARS_MAX
    assert len(read_error(500, b"y" * 9000).message) == MESSAGE_CHARS_MAX
