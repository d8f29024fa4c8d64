"""The OpenAI dialect against every recorded exchange: metered tokens are what the vendor reported.

What a recording expects is opened to compare alone. Where the recordings are, none is skipped.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import orjson
import pytest

from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest
from providers.openai.answer import read_answer
from providers.openai.assemble import Assembler
from providers.openai.errors import read_error
from providers.openai.request import read_chat_request, read_embeddings_request
from providers.openai.stream import StreamFold
from providers.quirks import NO_QUIRKS, quirks_for
from tests.fakes.vendor_expectations import differences
from tests.fakes.vendor_recordings import WIRE, answers, body_of, exchanges, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, in_random_reads, put_through

PRODUCT: Final = "wire-product"

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


@pytest.mark.parametrize("with_vendor", [True, False])
def test_answers_are_metered_as_reported(with_vendor: bool) -> None:
    found = []
    for exchange in answers():
        quirks = quirks_for(exchange["provider"]) if with_vendor else NO_QUIRKS
        answer = read_answer(body_of(exchange), product_id=PRODUCT, quirks=quirks)
        found.append((exchange, answer.usage))
        if exchange["expected_usage"] is None:
            assert answer.usage is None, exchange["id"]
    assert len(found) > 300
    assert differences(found) == []


@pytest.mark.parametrize("with_vendor", [True, False])
def test_streams_are_metered_as_reported_however_they_are_read(with_vendor: bool) -> None:
    found = []
    for exchange in streams():
        quirks = quirks_for(exchange["provider"]) if with_vendor else NO_QUIRKS
        seen = set()
        for reads in reads_of(exchange).values():
            fold = StreamFold(PRODUCT, True, quirks)
            frames = put_through(fold, reads)
            seen.add((b"".join(frames), fold.text_bytes, fold.deltas, fold.done, str(fold.error)))
            found.append((exchange, fold.usage))
            if exchange["expected_usage"] is None:
                assert fold.usage is None, exchange["id"]
        assert len(seen) == 1, f"{exchange['id']}: depends on how it is cut into reads"
    assert len(found) > 400
    assert differences(found) == []


def test_assembled_streams_are_metered_alike() -> None:
    found = []
    for exchange in streams():
        assembler = assemble(Assembler(PRODUCT), [body_of(exchange)])
        found.append((exchange, assembler.usage))
        answer = json.loads(assembler.answer())
        if assembler.deltas:
            assert answer["choices"][0]["message"]["role"] == "assistant", exchange["id"]
    assert differences(found) == []


def test_an_assembled_stream_says_what_its_chunks_said() -> None:
    for exchange in streams():
        texts: dict[tuple[int, str], str] = {}
        for chunk in chunks_of(body_of(exchange)):
            for choice in chunk.get("choices") or []:
                for name in ("content", "reasoning_content", "refusal"):
                    if text := _text((choice.get("delta") or {}).get(name)):
                        key = (choice["index"], name)
                        texts[key] = texts.get(key, "") + text
        answer = json.loads(assemble(Assembler(PRODUCT), [body_of(exchange)]).answer())
        for (index, name), text in texts.items():
            choice = next(choice for choice in answer["choices"] if choice["index"] == index)
            assert _text(choice["message"].get(name)) == text, (exchange["id"], name)


def _text(content: Any) -> str:
    parts: list[Any] = content if type(content) is list else [{"text": content}]  # or both in turn: Mistral
    return "".join(part.get("text") or "" for part in parts)


def test_client_frames_carry_the_product_and_no_end_of_the_vendors() -> None:
    for exchange in streams():
        fold = StreamFold(PRODUCT, False)
        for frame in put_through(fold, in_random_reads(body_of(exchange), exchange["id"])):
            assert frame.endswith(b"\n\n"), exchange["id"]
            assert frame.count(b"\n\n") == 1, exchange["id"]
            assert b"\r" not in frame
            if frame.startswith(b":"):
                continue
            assert frame.startswith(b"data: "), exchange["id"]
            chunk = orjson.loads(frame[6:])
            assert chunk["model"] == PRODUCT, exchange["id"]
            assert chunk.get("choices") or not chunk.get("usage"), f"{exchange['id']}: usage-only frame"
        assert fold.done == (b"[DONE]" in body_of(exchange)), exchange["id"]


def test_the_fast_path_says_what_the_parser_says() -> None:
    """Byte searches and JSON agree on what was delivered, but for how escapes are counted."""
    for exchange in streams():
        fold, parsed = StreamFold(PRODUCT, True), Assembler(PRODUCT)
        put_through(fold, [body_of(exchange)])
        assemble(parsed, [body_of(exchange)])
        same = ("usage", "finished", "done", "error", "upstream_id", "created", "finished_choices")
        assert all(getattr(fold, name) == getattr(parsed, name) for name in same), exchange["id"]
        assert fold.seen_choices == parsed.seen_choices, exchange["id"]
        assert abs(fold.deltas - parsed.deltas) <= 4 + parsed.deltas // 50, exchange["id"]
        assert 0.8 <= (fold.text_bytes + 60) / (parsed.text_bytes + 60) <= 1.4, exchange["id"]


def test_estimates_are_of_the_right_size() -> None:
    """What would be charged without a usage, beside what was: never wildly more.

    But for two: an agent's searches counted as its text, and a server that reports fewer tokens than events.
    """
    above = []
    for exchange in streams():
        if exchange["expected_usage_confidence"] != "exact":
            continue
        fold = StreamFold(PRODUCT, True)
        put_through(fold, [body_of(exchange)])
        if fold.delivered_tokens() > exchange["expected_usage"]["output_tokens"] * 3 // 2 + 20:
            above.append(exchange["id"])
    assert above == ["openai.chat.groq.stream.a9e1cda9cc", "openai.chat.local.stream.2201b32cce"]


def test_errors_are_read() -> None:
    for exchange in exchanges():
        status = exchange["response"]["status"]
        if status < 400:
            continue
        error = read_error(status, body_of(exchange))
        assert error.status == status
        assert len(error.message) <= 1000
        assert error.message or not body_of(exchange).strip(), exchange["id"]


def test_in_stream_and_in_answer_errors_are_seen() -> None:
    for exchange in exchanges():
        if "in_stream_error" in exchange["special"]:
            fold = StreamFold(PRODUCT, True)
            frames = put_through(fold, [body_of(exchange)])
            assert fold.error is not None, exchange["id"]
            assert not any(b'"error":{' in frame for frame in frames), exchange["id"]
        if "error_in_200" in exchange["special"]:
            assert read_answer(body_of(exchange), product_id=PRODUCT).error is not None, exchange["id"]


def test_bounds_hold_for_what_vendors_billed() -> None:
    """The input bound fails for one recording: an agent that searches the web though nobody asked.

    The output bound, with the vendor's row, for those where reasoning is not limited: held by the product's.
    """
    above_input, above_output, seen = [], [], 0
    for exchange in exchanges():
        request, expected = exchange["request"]["body"], exchange["expected_usage"]
        if expected is None or not isinstance(request, dict) or "model" not in request:
            continue
        read = read_chat_request if exchange["protocol"] == "openai.chat" else read_embeddings_request
        facts = read(request, len(orjson.dumps(request)))
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
    assert seen > 500
    assert above_input == ["openai.chat.groq.stream.a9e1cda9cc"]
    assert above_output == []


def test_every_recorded_request_is_taken() -> None:
    refused = []
    for exchange in exchanges():
        request = exchange["request"]["body"]
        if not isinstance(request, dict) or exchange["response"]["status"] >= 400:
            continue
        request = {"model": "of-the-path", **request}  # Azure names it in the path
        read = read_chat_request if exchange["protocol"] == "openai.chat" else read_embeddings_request
        try:
            read(request, 1000)
        except BadRequest as bad:
            refused.append(f"{exchange['id']}: {bad}")
    assert refused == []


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """How many recordings of each tag were compared; printed with -s."""
    tags: Counter[str] = Counter()
    compared = 0
    for exchange in exchanges():
        if exchange["expected_usage_confidence"] == "exact":
            compared += 1
            tags.update(exchange["special"])
    with capsys.disabled():
        lines = [f"{tag} {count}" for tag, count in tags.most_common()]
        print(f"\nwire: {compared} of {len(exchanges())} recordings compared exactly; " + ", ".join(lines))
    assert compared == sum(e["expected_usage_confidence"] == "exact" for e in exchanges()) > 0
