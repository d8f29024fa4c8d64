"""Recorded requests of the Responses API: what they can cost at most, which are refused, vendors' errors."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, Spoken
from providers.openai.errors import read_error
from providers.openai_responses.request import read_responses_request
from providers.quirks import quirks_for
from tests.providers.openai_responses.recorded import WIRE, body_of, exchanges

STORED: Final = ("background", "previous_response_id", "conversation", "prompt")

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def test_errors_are_read() -> None:
    failed = [exchange for exchange in exchanges() if exchange["response"]["status"] >= 400]
    assert len(failed) == 10
    for exchange in failed:
        error = read_error(exchange["response"]["status"], body_of(exchange))
        assert error.message, exchange["id"]


def test_bounds_hold_for_what_vendors_billed() -> None:
    """The output bound fails for one recording: a model that reasons beyond its limit."""
    above_input, above_output, seen = [], [], 0
    for exchange in exchanges():
        request, expected = exchange["request"]["body"], exchange["expected_usage"]
        if expected is None or not isinstance(request, dict) or "model" not in request:
            continue
        if exchange["protocol"] != "openai.responses":
            continue
        request = {name: value for name, value in request.items() if name not in STORED}
        if _searches_files(request):
            continue
        facts = read_responses_request({"input": [], **request}, len(orjson.dumps(request)), Spoken())
        seen += 1
        if expected["input_tokens"] > input_tokens_max(
            facts, context_tokens=10**9, input_overhead_tokens=512
        ):
            above_input.append(exchange["id"])
        quirks = quirks_for(exchange["provider"])
        if expected["output_tokens"] > output_tokens_max(
            facts, product_max_output_tokens=10**6, quirks=quirks
        ):
            above_output.append(exchange["id"])
    assert seen > 120
    assert above_input == []
    assert above_output == ["openai.responses.openai.unary.1b31ec26cd"]


def _searches_files(request: dict[str, Any]) -> bool:
    return any(tool["type"] == "file_search" for tool in request.get("tools") or [])


def test_every_recorded_request_is_taken_but_for_what_is_stored() -> None:
    refused = {}
    for exchange in exchanges():
        request = exchange["request"]["body"]
        if not isinstance(request, dict) or exchange["response"]["status"] >= 400:
            continue
        if exchange["protocol"] != "openai.responses":
            continue
        request = {"model": "of-the-path", **request}  # Azure may name it in the path
        try:
            read_responses_request(request, 1000, Spoken())
        except BadRequest as bad:
            refused[exchange["id"].removeprefix("openai.responses.")] = bad.param
    assert refused == {
        "openai.stream.5ef89b42c6": "tools",  # vector stores of the vendor's
        "openai.unary.5aa7f031db": "tools",
        "openai.unary.bc52a4fa2e": "prompt",
    }
