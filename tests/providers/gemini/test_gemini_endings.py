"""How a stream ends where its vendor did not end it well: errors, our own, and the end of the balance."""

from __future__ import annotations

import json

import pytest

from metering.usage import Usage
from providers.dialect import Refusal
from providers.errors import VendorError
from providers.gemini.stream import WITHHELD_BYTES_MAX, StreamFold
from tests.fakes.gemini_stream import chunk, fed, named, parsed

REFUSAL = Refusal(
    status=502, code="upstream_error", message="Try again.", openai_type="api_error", request_id="r"
)


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n',
        b'data: [{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]\n\n',
        # Bare, as the vendor ends a stream it gives up.
        b'{\n "error": {\n  "code": 503,\n  "message": "busy",\n  "status": "UNAVAILABLE"\n }\n}\n\n\n',
        b'[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]\n\n',
    ],
)
def test_the_vendors_error_is_withheld(event: bytes) -> None:
    fold = StreamFold("p")
    fed(fold, chunk("a"))
    assert fold.feed(event) == b""
    assert fold.error == VendorError(200, "busy", type="UNAVAILABLE", code="503")


def test_a_failure_is_what_the_sdk_raises_on() -> None:
    said = {
        "error": {
            "code": 502,
            "message": "Try again.",
            "status": "UNAVAILABLE",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "upstream_error"}],
        }
    }
    fold = StreamFold("p")
    assert parsed(fed(fold, chunk("a")) + fold.failure(REFUSAL)) == [*named(chunk("a")), said]
    array = StreamFold("p", as_array=True)
    assert json.loads(fed(array, chunk("a")) + array.failure(REFUSAL)) == [*named(chunk("a")), said]
    assert json.loads(StreamFold("p", as_array=True).failure(REFUSAL)) == [said]


@pytest.mark.parametrize("as_array", [False, True])
def test_graceful_end_ends_each_open_candidate_by_length(as_array: bool) -> None:
    fold = StreamFold("p", as_array)
    out = fed(fold, chunk("a", index=0), chunk("b", index=1), chunk("c", index=2))
    out += fed(fold, chunk("d", index=1, finish="STOP"))
    usage = Usage(input=5, cached_input=2, output=3, reasoning=1)
    ending = fold.graceful_end(usage)
    closing = fold.terminal()
    assert closing == (b"]" if as_array else b"")
    *_, first, second = parsed(out + ending + closing)
    assert [(c["candidates"][0]["index"], c["candidates"][0]["finishReason"]) for c in (first, second)] == [
        (0, "MAX_TOKENS"),
        (2, "MAX_TOKENS"),
    ]
    for one in (first, second):
        assert (one["modelVersion"], one["responseId"]) == ("p", "r1")
        assert one["usageMetadata"] == {
            "promptTokenCount": 7,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 1,
            "cachedContentTokenCount": 2,
            "totalTokenCount": 10,
        }


def test_graceful_end_before_the_first_event() -> None:
    (one,) = parsed(StreamFold("p").graceful_end(None))
    assert one["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert "usageMetadata" not in one
    array = StreamFold("p", as_array=True)
    assert len(json.loads(array.graceful_end(Usage()) + array.terminal())) == 1


def test_where_the_money_ends_with_the_last_chunk_its_text_is_said_and_its_end_is_length() -> None:
    fold = StreamFold("p")
    last = chunk("b", finish="STOP", prompt=3, candidates=400)
    last["candidates"][0]["finishMessage"] = "done"
    assert fed(fold, last) == b""
    (one,) = parsed(fold.graceful_end(Usage(input=3, output=40)))
    assert one["candidates"][0] == {
        "content": {"role": "model", "parts": [{"text": "b"}]},
        "finishReason": "MAX_TOKENS",
    }
    assert one["usageMetadata"]["candidatesTokenCount"] == 40
    assert fold.terminal() == b""


def test_a_blocked_prompt_has_no_candidate_to_end() -> None:
    fold = StreamFold("p")
    fed(fold, {"promptFeedback": {"blockReason": "SAFETY"}})
    (one,) = parsed(fold.graceful_end(Usage()))
    assert "candidates" not in one


def test_a_vendor_that_does_not_stop_after_its_end_is_not_kept_for() -> None:
    fold = StreamFold("p")
    long = chunk("x" * (1 << 20), finish="STOP")
    count = WITHHELD_BYTES_MAX // (1 << 20) + 2
    passed = fed(fold, *[long] * count)
    assert len(parsed(passed)) + len(parsed(fold.terminal())) == count
    assert passed
