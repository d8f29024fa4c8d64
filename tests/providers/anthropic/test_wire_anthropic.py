"""The Anthropic dialect against every recorded exchange: metered tokens are what the vendor reported."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest

from metering.usage import OtherUsage, Usage
from providers.anthropic.answer import read_count, read_message
from providers.anthropic.assemble import Assembler
from providers.anthropic.errors import read_error
from providers.anthropic.request import read_count_request, read_messages_request
from providers.anthropic.stream import StreamFold
from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts, Spoken
from tests.fakes.kept_recordings import ANTHROPIC as REFUSED
from tests.fakes.vendor_expectations import differences
from tests.fakes.vendor_recordings import WIRE, answers, body_of, exchanges, reads_of, streams
from tests.fakes.vendor_stream import assemble, chunks_of, in_random_reads, put_through

PRODUCT: Final = "wire-product"
MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
COUNTS: Final = ("anthropic.count_tokens",)

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def recorded(name: str) -> dict[str, Any]:
    (found,) = (exchange for exchange in exchanges(*MESSAGES) if exchange["id"].endswith(name))
    return found


def facts_of(exchange: dict[str, Any]) -> RequestFacts | None:
    request = exchange["request"]["body"]
    if type(request) is not dict:
        return None
    request = {"model": "of-the-path", **request}  # Vertex names it in the path
    read = read_count_request if exchange["protocol"] in COUNTS else read_messages_request
    return read(request, len(orjson.dumps(request)), Spoken())


def test_answers_are_metered_as_reported() -> None:
    found = []
    for exchange in answers(*MESSAGES):
        answer = read_message(body_of(exchange), product_id=PRODUCT)
        found.append((exchange, answer.usage))
        message = json.loads(answer.body)
        assert message["model"] == PRODUCT, exchange["id"]
        assert answer.upstream_id == message["id"], exchange["id"]
        assert answer.text_bytes > 0, exchange["id"]
    assert len(found) > 60
    assert differences(found) == []


def test_answers_are_the_vendors_but_for_the_model() -> None:
    for exchange in answers(*MESSAGES):
        ours = json.loads(read_message(body_of(exchange), product_id=PRODUCT).body)
        assert ours == json.loads(body_of(exchange)) | {"model": PRODUCT}, exchange["id"]


def test_counting_costs_nothing() -> None:
    for exchange in answers(*COUNTS):
        answer = read_count(body_of(exchange), product_id=PRODUCT)
        assert (answer.usage, answer.error) == (Usage(), None), exchange["id"]
        assert answer.body == body_of(exchange)
        facts = facts_of(exchange)
        if facts is not None:
            assert facts.is_free
            assert output_tokens_max(facts, product_max_output_tokens=4096) == 0
    assert len(answers(*COUNTS)) == 5


def test_streams_are_metered_as_reported_however_they_are_read() -> None:
    found = []
    for exchange in streams(*MESSAGES):
        seen = set()
        for reads in reads_of(exchange).values():
            fold = StreamFold(PRODUCT)
            frames = put_through(fold, reads)
            seen.add((b"".join(frames), fold.text_bytes, fold.deltas, fold.done, str(fold.error)))
            found.append((exchange, fold.usage))
        assert len(seen) == 1, f"{exchange['id']}: depends on how it is cut into reads"
    assert len(found) > 120
    assert differences(found) == []


def test_a_stream_without_its_last_count_has_none() -> None:
    """Cut before it: the first event's number for the output counts nothing yet."""
    cut = [e for e in streams(*MESSAGES) if e["expected_usage_confidence"] == "partial"]
    for exchange in cut:
        fold = StreamFold(PRODUCT)
        put_through(fold, [body_of(exchange)])
        assert (fold.usage, fold.finished, fold.done) == (None, False, False), exchange["id"]
        assert fold.delivered_tokens() > 1
    assert len(cut) == 3


def test_assembled_streams_are_metered_alike() -> None:
    found = []
    for exchange in streams(*MESSAGES):
        assembler = assemble(Assembler(PRODUCT), [body_of(exchange)])
        found.append((exchange, assembler.usage))
        message = json.loads(assembler.answer())
        assert (message["role"], message["model"]) == ("assistant", PRODUCT), exchange["id"]
        assert read_message(assembler.answer(), product_id=PRODUCT).usage == assembler.usage or (
            assembler.usage is None
        )
    assert differences(found) == []


def test_an_assembled_stream_says_what_its_events_said() -> None:
    for exchange in streams(*MESSAGES):
        if "multiple_message_delta" in exchange["special"]:
            continue  # several answers in one recording
        blocks: dict[int, str] = {}
        for event in chunks_of(body_of(exchange)):
            if event["type"] == "content_block_delta":
                delta = event["delta"]
                said = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
                blocks[event["index"]] = blocks.get(event["index"], "") + said
        message = json.loads(assemble(Assembler(PRODUCT), [body_of(exchange)]).answer())
        for index, text in blocks.items():
            block = message["content"][index]
            if "input" in block:
                assert block["input"] == _loaded(text), exchange["id"]
            else:
                assert (block.get("text") or block.get("thinking") or "") == text, exchange["id"]


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def test_client_frames_carry_the_product_and_no_end_of_the_vendors() -> None:
    for exchange in streams(*MESSAGES):
        fold = StreamFold(PRODUCT)
        frames = put_through(fold, in_random_reads(body_of(exchange), exchange["id"]))
        kinds = []
        for frame in frames:
            name, data = frame.removesuffix(b"\n\n").split(b"\n")
            assert (name[:7], data[:6]) == (b"event: ", b"data: "), exchange["id"]
            event = orjson.loads(data[6:])
            assert event["type"].encode() == name[7:], exchange["id"]
            kinds.append(event["type"])
            if event["type"] == "message_start":
                assert event["message"]["model"] == PRODUCT, exchange["id"]
        assert kinds[0] == "message_start"
        assert kinds.count("message_start") == 1
        assert "message_stop" not in kinds
        assert fold.done == (b"event: message_stop" in body_of(exchange)), exchange["id"]


def test_frames_leave_as_they_came_but_for_the_first() -> None:
    for exchange in streams(*MESSAGES):
        if "multiple_message_delta" in exchange["special"]:
            continue
        frames = b"".join(put_through(StreamFold(PRODUCT), [body_of(exchange)]))
        sent = body_of(exchange).replace(b"\r\n", b"\n")
        assert frames.split(b"\n\n")[1:-1] == [
            event
            for event in sent.split(b"\n\n")[1:]
            if event and b"message_stop" not in event and sent.count(event + b"\n\n")
        ], exchange["id"]


def test_the_fast_path_says_what_the_parser_says() -> None:
    """One pattern and JSON agree on what was delivered, but for how escapes are counted."""
    for exchange in streams(*MESSAGES):
        fold, parsed = StreamFold(PRODUCT), Assembler(PRODUCT)
        put_through(fold, [body_of(exchange)])
        assemble(parsed, [body_of(exchange)])
        for name in ("usage", "finished", "done", "error", "upstream_id", "open_blocks"):
            assert getattr(fold, name) == getattr(parsed, name), (exchange["id"], name)
        assert fold.deltas == parsed.deltas, exchange["id"]
        assert 1 <= (fold.text_bytes + 60) / (parsed.text_bytes + 60) <= 1.3, exchange["id"]


def test_estimates_are_of_the_right_size() -> None:
    above = []
    for exchange in streams(*MESSAGES):
        if exchange["expected_usage_confidence"] != "exact":
            continue
        fold = StreamFold(PRODUCT)
        put_through(fold, [body_of(exchange)])
        if fold.delivered_tokens() > exchange["expected_usage"]["output_tokens"] * 3 // 2 + 20:
            above.append(exchange["id"])
    assert above == []


def test_turns_of_other_models_are_kept_beside() -> None:
    """An adviser has prices of its own; a compaction has the product's."""
    advised = Usage(input=2543, output=18)
    fold = StreamFold(PRODUCT)
    put_through(fold, [body_of(recorded("stream.c6db46ecdd"))])
    advice = OtherUsage(model="claude-opus-4-8", kind="advisor_message", usage=advised)
    assert fold.usage == Usage(input=2411, output=145, reasoning=47, others=(advice,), service_tier="default")
    compacted = read_message(body_of(recorded("unary.571832811a")), product_id=PRODUCT)
    assert compacted.usage == Usage(input=682 + 60385, output=1320 + 592, service_tier="default")


def test_errors_are_read() -> None:
    seen = 0
    for exchange in exchanges(*MESSAGES, *COUNTS):
        status = exchange["response"]["status"]
        if status >= 400:
            error = read_error(status, body_of(exchange))
            said = json.loads(body_of(exchange))["error"]
            assert (error.status, error.type, error.message) == (status, said["type"], said["message"])
            assert read_message(body_of(exchange), product_id=PRODUCT).error is not None
            seen += 1
    assert seen == 17


def test_bounds_hold_for_what_vendors_billed() -> None:
    above_input, above_output, seen = [], [], 0
    for exchange in exchanges(*MESSAGES):
        expected = exchange["expected_usage"]
        facts = None if expected is None or exchange["id"] in REFUSED else facts_of(exchange)
        if facts is None:
            continue
        seen += 1
        bound = input_tokens_max(facts, context_tokens=10**6, input_overhead_tokens=512)
        if expected["input_tokens"] > bound:
            above_input.append(exchange["id"])
        if expected["output_tokens"] > output_tokens_max(facts, product_max_output_tokens=10**6):
            above_output.append(exchange["id"])
    assert seen > 100
    assert above_input == []
    assert above_output == []


def test_every_recorded_request_is_taken_but_for_what_the_vendor_keeps() -> None:
    refused = {}
    for exchange in exchanges(*MESSAGES, *COUNTS):
        if exchange["response"]["status"] >= 400:
            continue
        try:
            facts_of(exchange)
        except BadRequest as bad:
            refused[exchange["id"]] = bad.param
    assert refused == REFUSED
