"""The old text completions against every recorded exchange: metered tokens are what the vendor reported."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest

from metering.usage import Usage
from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import Spoken
from providers.openai.answer import read_answer
from providers.openai.completions_request import read_completion_request
from providers.openai.completions_stream import CompletionAssembler, CompletionFold
from providers.openai.errors import read_error
from providers.quirks import NO_QUIRKS, quirks_for
from tests.fakes.vendor_recordings import WIRE, body_of, reads_of
from tests.fakes.vendor_stream import assemble, chunks_of, put_through

PRODUCT: Final = "wire-product"
# Completions by name only: one answers in the words of a chat, one streams in words of its own.
IN_OTHER_WORDS: Final = frozenset(
    {"openai.completions.portkey.unary.2f7c7cc650", "openai.completions.writer.stream.d959896909"}
)

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
EXCHANGES: Final[list[dict[str, Any]]] = [
    json.loads(path.read_text("utf-8")) for path in sorted(WIRE.glob("openai.completions.*.json"))
]
STREAMS: Final = [exchange for exchange in EXCHANGES if exchange["streaming"]]
ANSWERS: Final = [e for e in EXCHANGES if not e["streaming"] and e["response"]["status"] == 200]
ERRORS: Final = [e for e in EXCHANGES if e["response"]["status"] != 200]


def test_there_are_some() -> None:
    assert (len(STREAMS), len(ANSWERS), len(ERRORS)) >= (6, 15, 3)


def difference(exchange: dict[str, Any], usage: Usage | None) -> str | None:
    expected = exchange["expected_usage"]
    if expected is None:
        return None if usage is None else f"{exchange['id']}: {usage} instead of none"
    assert exchange["expected_usage_confidence"] == "exact"
    tier = None if usage is None else usage.service_tier
    wanted = Usage(input=expected["input_tokens"], output=expected["output_tokens"], service_tier=tier)
    assert not expected["cached_input_tokens"]
    assert not expected["reasoning_tokens"]
    return None if usage == wanted else f"{exchange['id']}: {usage} instead of {wanted}"


@pytest.mark.parametrize("with_vendor", [True, False])
def test_answers_are_metered_as_reported(with_vendor: bool) -> None:
    found = []
    for exchange in ANSWERS:
        quirks = quirks_for(exchange["provider"]) if with_vendor else NO_QUIRKS
        answer = read_answer(body_of(exchange), product_id=PRODUCT, quirks=quirks)
        found.append(difference(exchange, answer.usage))
        said = json.loads(body_of(exchange))
        assert json.loads(answer.body) == said | {"model": PRODUCT}
        if exchange["id"] not in IN_OTHER_WORDS:
            assert answer.text_bytes == sum(len(c["text"].encode()) for c in said["choices"])
    assert [text for text in found if text] == []


@pytest.mark.parametrize("asked", [True, False])
def test_streams_are_read_alike_however_they_are_cut(asked: bool) -> None:
    for exchange in STREAMS:
        seen = set()
        for reads in reads_of(exchange).values():
            fold = CompletionFold(PRODUCT, asked)
            frames = put_through(fold, reads)
            assert difference(exchange, fold.usage) is None
            seen.add((b"".join(frames), fold.deltas, fold.text_bytes, fold.done))
        assert len(seen) == 1, exchange["id"]
        assert fold.done == (b"[DONE]" in body_of(exchange))


def test_a_stream_says_what_its_chunks_said() -> None:
    for exchange in STREAMS:
        if exchange["id"] in IN_OTHER_WORDS:
            continue
        body = body_of(exchange)
        fold, assembler = CompletionFold(PRODUCT, True), assemble(CompletionAssembler(PRODUCT), [body])
        chunks = chunks_of(b"".join(put_through(fold, [body])))
        assert [chunk | {"model": 0} for chunk in chunks] == [
            chunk | {"model": 0} for chunk in chunks_of(body)
        ]
        assert {chunk["model"] for chunk in chunks} == {PRODUCT}
        texts: dict[int, str] = {}
        for chunk in chunks_of(body):
            for choice in chunk["choices"]:
                texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
        answer = json.loads(assembler.answer())
        assert {choice["index"]: choice["text"] for choice in answer["choices"]} == texts
        assert (answer["object"], answer["model"]) == ("text_completion", PRODUCT)
        assert fold.finished_choices == assembler.finished_choices == set(texts)
        assert abs(fold.deltas - assembler.deltas) <= 1
        length = sum(len(text.encode()) for text in texts.values())
        assert length == assembler.text_bytes <= fold.text_bytes <= length * 3 // 2


def test_bounds_hold_and_every_request_is_taken() -> None:
    seen = 0
    for exchange in EXCHANGES:
        request, expected = exchange["request"]["body"], exchange["expected_usage"]
        if exchange["id"] in IN_OTHER_WORDS or exchange["response"]["status"] != 200:
            continue
        facts = read_completion_request(request, len(orjson.dumps(request)), Spoken())
        if expected is None:
            continue
        seen += 1
        most = input_tokens_max(facts, context_tokens=10**6, input_overhead_tokens=512)
        assert expected["input_tokens"] <= most, exchange["id"]
        assert expected["output_tokens"] <= output_tokens_max(facts, product_max_output_tokens=4096)
    assert seen >= 12


def test_errors_are_read() -> None:
    for exchange in ERRORS:
        error = read_error(exchange["response"]["status"], body_of(exchange))
        assert (error.status, error.type) == (exchange["response"]["status"], "invalid_request_error")
        assert error.message
