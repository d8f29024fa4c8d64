"""What the vendor says is wrong: its kind from the head, its words from the body, made fit for a caller."""

from __future__ import annotations

import json

import pytest
from botocore.parsers import create_parser

from providers.bedrock.errors import read_error, read_error_head
from providers.bedrock.events import read_event
from providers.bedrock.stream import StreamFold
from providers.errors import VendorError
from tests.providers.bedrock.messages import TALK, event_of, exception, message, put_through, service

NAMED = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


def told(status: int, kind: str | None, body: bytes) -> VendorError:
    head = {} if kind is None else {"x-amzn-errortype": kind}
    return read_error_head(read_error(status, body), head)


@pytest.mark.parametrize(
    ("status", "kind", "is_told_as"),
    [
        (400, "ValidationException", 400),
        (403, "AccessDeniedException", 403),
        (403, "UnrecognizedClientException", 403),
        (404, "ResourceNotFoundException", 404),
        (408, "ModelTimeoutException", 408),
        (424, "ModelErrorException", 424),
        (429, "ThrottlingException", 429),
        (429, "ModelNotReadyException", 429),
        (500, "InternalServerException", 500),
        (503, "ServiceUnavailableException", 503),
        # Blamed on the request by its status, though it is our account that may have no more.
        (400, "ServiceQuotaExceededException", 429),
    ],
)
@pytest.mark.parametrize("more", ["", NAMED])
def test_an_error_as_awss_own_client_reads_it(status: int, kind: str, is_told_as: int, more: str) -> None:
    body = json.dumps({"message": "Slow down"}).encode()
    answer = {"status_code": status, "headers": {"x-amzn-errortype": kind + more}, "body": body}
    shape = service().operation_model("Converse").output_shape
    awss = create_parser("rest-json").parse(answer, shape)["Error"]
    ours = told(status, kind + more, body)
    assert (ours.code, ours.message) == (awss["Code"], awss["Message"]) == (kind, "Slow down")
    assert ours.status == is_told_as


@pytest.mark.parametrize(
    ("status", "body", "message", "code"),
    [
        (403, b'{"Message":"no"}', "no", None),
        (
            400,
            b'{"__type":"com.amazon.coral#ThrottlingException","message":"no"}',
            "no",
            "ThrottlingException",
        ),
        (424, b'{"originalMessage":"it broke","originalStatusCode":500}', "it broke", None),
        (400, b'{"message":{"a":1}}', "", None),
        (400, b'{"message":"a key ABSK: AKIAIOSFODNN7EXAMPLE"}', "a key ABSK: [redacted]", None),
        (502, b"<html>bad gateway</html>", "<html>bad gateway</html>", None),
        (500, b"", "", None),
        (500, b"[1]", "", None),
        (400, b'{"__type":["x"]}', "", None),
    ],
)
def test_other_bodies(status: int, body: bytes, message: str, code: str | None) -> None:
    assert told(status, None, body) == VendorError(status=status, message=message, code=code)


def test_an_exception_ends_a_stream() -> None:
    fold = StreamFold()
    put_through(fold, [TALK + exception("throttlingException") + TALK])
    assert fold.error == VendorError(status=200, message="Slow down", code="throttlingException")
    assert (fold.finished, fold.done, fold.deltas) == (False, False, 2)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (
            message({":message-type": "error", ":error-code": "InternalError", ":error-message": "oh"}, b""),
            VendorError(status=200, message="oh", code="InternalError"),
        ),
        (message({":message-type": "exception"}, b"no JSON"), VendorError(status=200, message="")),
        (message({":message-type": "new"}, b"[]"), VendorError(status=200, message="")),
    ],
)
def test_other_ends(raw: bytes, error: VendorError) -> None:
    read = read_event(raw)
    assert read is not None
    assert read.error == error


@pytest.mark.parametrize("raw", [b"\0", b"", b"\1" * 40, message(b"\1x\xff", b"{}")])
def test_a_damaged_message_is_an_error(raw: bytes) -> None:
    fold = StreamFold()
    fold.feed(raw)
    assert fold.error is not None
    assert "damaged" in fold.error.message


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[]", b"null", b'{"a":' * 1030])
def test_what_an_event_says_may_be_nothing(payload: bytes) -> None:
    fold = StreamFold()
    for name in ("contentBlockDelta", "new", "metadata"):
        fold.feed(event_of(name, payload))
    assert (fold.error, fold.usage, fold.finished, fold.deltas) == (None, None, False, 0)
