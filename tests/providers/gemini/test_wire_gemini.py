"""The Gemini dialect against every recorded exchange: metered tokens are what the vendor reported.

Where the recordings are, none is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import pytest

from metering.usage import Usage
from providers.bounds import input_tokens_max, output_tokens_max
from providers.dialect import Found
from providers.facts import BadRequest
from providers.gemini.answer import read_answer
from providers.gemini.assemble import Assembler
from providers.gemini.dialect import GEMINI
from providers.gemini.errors import read_error
from providers.gemini.stream import StreamFold
from providers.quirks import NO_QUIRKS
from tests.fakes.gemini_recordings import (
    WIRE,
    answers,
    assemble,
    body_of,
    chunks_of,
    content,
    exchanges,
    put_through,
    reads_of,
    streams,
)
from tests.fakes.gemini_stream import finish_of, said
from tests.fakes.kept_recordings import GEMINI as REFUSED

PRODUCT: Final = "wire-product"
OURS: Final = ("gemini.generate", "gemini.embeddings", "gemini.count_tokens")

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def difference(exchange: dict[str, Any], usage: Usage | None) -> str | None:
    """None where our count says what the recording expects, in every class."""
    if exchange["expected_usage_confidence"] != "exact":
        return None
    expected = exchange["expected_usage"]
    if not expected.get("billable", True):
        return None if usage == Usage() else f"{exchange['id']}: counting is not billed"
    if usage is None:
        return f"{exchange['id']}: no usage found, expected {expected}"
    audio_out = expected.get("audio_output_tokens") or 0
    wanted = {
        "input": expected["input_tokens"],
        "output": expected["output_tokens"],
        "cached": expected.get("cached_input_tokens") or 0,
        "written": expected.get("cache_write_tokens") or 0,
        "reasoning": expected.get("reasoning_tokens") or 0,
        "audio": expected.get("audio_input_tokens") or 0,
        "audio_out": audio_out,
    }
    ours = {
        "input": usage.input_total,
        "output": usage.output_total,
        "cached": usage.cached_input,
        "written": usage.cache_write + usage.cache_write_1h,
        "reasoning": usage.reasoning,
        "audio": usage.input_audio,
        "audio_out": usage.output_audio,
    }
    return None if ours == wanted else f"{exchange['id']}: {ours} instead of {wanted}"


def differences(pairs: Iterable[tuple[dict[str, Any], Usage | None]]) -> list[str]:
    return [text for exchange, usage in pairs if (text := difference(exchange, usage)) is not None]


def route_of(exchange: dict[str, Any]) -> Found:
    """The recording's own path and query, as a client of ours would ask."""
    parts = urlsplit(exchange["request"]["path"])
    found = GEMINI.find("/v1beta/models/" + parts.path.rsplit("/", 1)[1], parts.query.encode(), {})
    assert found is not None, exchange["id"]
    return found


def test_answers_are_metered_as_reported() -> None:
    found = []
    for exchange in answers(*OURS):
        read = route_of(exchange).operation.answer
        answer = read(body_of(exchange), product_id=PRODUCT, quirks=NO_QUIRKS)
        assert answer.error is None, exchange["id"]
        found.append((exchange, answer.usage))
        if exchange["expected_usage"] is None:
            assert answer.usage is None, exchange["id"]
        if "modelVersion" in (whole := json.loads(answer.body)):
            assert whole == {**json.loads(body_of(exchange)), "modelVersion": PRODUCT}, exchange["id"]
            assert answer.upstream_id == whole.get("responseId"), exchange["id"]
    assert len(found) > 130
    assert differences(found) == []


def test_streams_that_came_whole_as_arrays_are_metered_too() -> None:
    arrays = [exchange for exchange in streams() if exchange["stream_format"] == "json-array"]
    assert len(arrays) == 3
    for exchange in arrays:
        answer = read_answer(exchange["response"]["body"].encode(), product_id=PRODUCT)
        assert difference(exchange, answer.usage) is None, exchange["id"]
        assert json.loads(answer.body)[-1]["modelVersion"] == PRODUCT


@pytest.mark.parametrize("as_array", [False, True])
def test_streams_are_metered_as_reported_however_they_are_read(as_array: bool) -> None:
    found = []
    for exchange in streams():
        seen = set()
        for reads in reads_of(exchange).values():
            fold = StreamFold(PRODUCT, as_array)
            out = put_through(fold, reads)
            seen.add((out, fold.terminal(), fold.delivered_tokens(), fold.finished, str(fold.error)))
            found.append((exchange, fold.usage))
            if exchange["expected_usage"] is None:
                assert fold.usage is None, exchange["id"]
        assert len(seen) == 1, f"{exchange['id']}: depends on how it is cut into reads"
    assert len(found) > 140
    assert differences(found) == []


def test_what_the_client_reads_is_what_the_vendor_said_under_the_products_name() -> None:
    for exchange in streams():
        said = [{**chunk, "modelVersion": PRODUCT} for chunk in chunks_of(body_of(exchange))]
        fold, array = StreamFold(PRODUCT), StreamFold(PRODUCT, as_array=True)
        passed = put_through(fold, [body_of(exchange)])
        frames = passed + fold.terminal()
        assert [json.loads(frame[6:]) for frame in frames.split(b"\n\n")[:-1]] == said, exchange["id"]
        assert b"\r" not in frames
        listed = put_through(array, [body_of(exchange)])
        assert json.loads(listed + array.terminal()) == said, exchange["id"]
        assert b'"finishReason"' not in passed + listed, f"{exchange['id']}: ended before the settlement"
        assert fold.finished == (b'"finishReason"' in frames), exchange["id"]
        assert fold.done is False


def test_assembled_streams_are_metered_alike_and_say_the_same() -> None:
    found = []
    for exchange in streams():
        assembler = Assembler(PRODUCT)
        assemble(assembler, [body_of(exchange)])
        found.append((exchange, assembler.usage))
        whole = json.loads(assembler.answer())
        assert whole["modelVersion"] == PRODUCT
        chunks = chunks_of(body_of(exchange))
        assert said(whole) == said(*chunks), exchange["id"]
        assert whole["candidates"][0].get("finishReason") == finish_of(chunks), exchange["id"]
    assert differences(found) == []


def test_estimates_are_of_the_right_size() -> None:
    """What would be reckoned with before the end, beside what was billed: never wildly more."""
    above = []
    for exchange in streams():
        if exchange["expected_usage_confidence"] == "exact":
            fold = StreamFold(PRODUCT)
            put_through(fold, [body_of(exchange)])
            if fold.delivered_tokens() > exchange["expected_usage"]["output_tokens"] * 3 // 2 + 20:
                above.append(exchange["id"])
    assert above == []


def test_errors_are_read() -> None:
    seen = 0
    for exchange in exchanges(*OURS):
        status = exchange["response"]["status"]
        if status >= 400:
            seen += 1
            error = read_error(status, body_of(exchange))
            is_credential = b"API_KEY_INVALID" in body_of(exchange)
            assert error.status == (401 if is_credential else status), exchange["id"]
            assert error.message, exchange["id"]
            assert error.type is not None, exchange["id"]
    assert seen > 20


def test_every_recorded_request_is_taken_but_for_what_the_vendor_keeps_and_goes_on_unchanged() -> None:
    seen, refused = 0, {}
    for exchange in exchanges(*OURS):
        request = exchange["request"]["body"]
        if not isinstance(request, dict) or exchange["response"]["status"] >= 400:
            continue
        seen += 1
        found = route_of(exchange)
        operation, stream = found.operation, found.spoken.stream is True
        try:
            facts = operation.read(request, 1_000, found.spoken)
        except BadRequest as bad:
            refused[exchange["id"]] = bad.param
            continue
        assert facts.stream == exchange["streaming"], exchange["id"]
        encoded = operation.encode(
            request,
            facts=facts,
            upstream_model=facts.model,
            stream=stream,
            output_limit=None,
            quirks=NO_QUIRKS,
        )
        assert json.loads(encoded) == request, exchange["id"]
        assert operation.path(facts.model, stream).startswith(f"/v1beta/models/{facts.model}:")
    assert seen > 190
    assert refused == REFUSED


def test_bounds_hold_for_what_vendors_billed() -> None:
    """Thoughts are within `maxOutputTokens`: where it was reached, the two together are no more than it.

    The output bound fails for one recording by one token.
    """
    above_input, above_output, limited = [], [], 0
    for exchange in content():
        request, expected = exchange["request"]["body"], exchange["expected_usage"]
        if expected is None or not isinstance(request, dict) or exchange["id"] in REFUSED:
            continue
        found = route_of(exchange)
        facts = found.operation.read(request, len(orjson.dumps(request)), found.spoken)
        if expected["input_tokens"] > input_tokens_max(
            facts, context_tokens=10**9, input_overhead_tokens=512
        ):
            above_input.append(exchange["id"])
        limited += facts.output_limit is not None and bool(expected.get("reasoning_tokens"))
        if expected["output_tokens"] > output_tokens_max(facts, product_max_output_tokens=10**6):
            above_output.append(exchange["id"])
    assert limited > 25
    assert above_input == []
    assert above_output == ["gemini.generate.google.unary.c7b06be576"]


def test_other_protocols_of_the_same_vendor_are_no_routes_of_ours() -> None:
    others = exchanges("gemini.interactions", "vertex.predict")
    assert others
    for exchange in others:
        parts = urlsplit(exchange["request"]["path"])
        assert GEMINI.find(parts.path, parts.query.encode(), {}) is None, exchange["id"]
