"""The Responses API against every recorded exchange: metered tokens are what the vendor reported.

Where the recordings are, none is skipped.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest

from providers.openai_responses.answer import read_answer
from providers.openai_responses.stream import ResponseFold
from providers.quirks import quirks_for
from tests.fakes.vendor_expectations import differences
from tests.providers.openai_responses.recorded import (
    WIRE,
    answers,
    assemble,
    body_of,
    exchanges,
    parsed,
    put_through,
    reads_of,
    responses_in,
    streams,
)

PRODUCT: Final = "wire-product"
WHOLES: Final = (".done", ".completed", ".incomplete", ".failed")

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def test_answers_are_metered_as_reported() -> None:
    found = []
    for exchange in answers():
        answer = read_answer(body_of(exchange), product_id=PRODUCT, quirks=quirks_for(exchange["provider"]))
        found.append((exchange, answer.usage))
        if exchange["expected_usage"] is None:
            assert answer.usage is None, exchange["id"]
        assert answer.error is None, exchange["id"]
        assert answer.upstream_id == json.loads(body_of(exchange))["id"]
    assert len(found) > 120
    assert differences(found) == []


def test_an_answer_is_the_vendors_but_for_the_model() -> None:
    for exchange in answers():
        said = json.loads(body_of(exchange))
        wanted = said | ({"model": PRODUCT} if "model" in said else {})
        assert json.loads(read_answer(body_of(exchange), product_id=PRODUCT).body) == wanted, exchange["id"]


def test_streams_are_metered_as_reported_however_they_are_read() -> None:
    found = []
    for exchange in streams():
        seen = set()
        for reads in reads_of(exchange).values():
            fold = ResponseFold(PRODUCT)
            frames = put_through(fold, reads)
            seen.add((b"".join(frames), fold.terminal(), fold.text_bytes, fold.deltas, str(fold.error)))
            found.append((exchange, fold.usage))
            if exchange["expected_usage"] is None:
                assert fold.usage is None, exchange["id"]
        assert len(seen) == 1, f"{exchange['id']}: depends on how it is cut into reads"
    assert len(found) > 110
    assert differences(found) == []


def test_clients_get_every_event_and_the_products_name() -> None:
    """What the vendor sent, event by event, but for the model of a response; and nothing after the end."""
    for exchange in streams():
        fold = ResponseFold(PRODUCT)
        frames = put_through(fold, [body_of(exchange)])
        for frame in frames:
            assert frame.startswith(b"event: "), exchange["id"]
            assert (frame.count(b"\n"), frame[-2:]) == (3, b"\n\n"), exchange["id"]
        wanted = [event for event in parsed(body_of(exchange))]
        for event in wanted:
            if "response" in event:
                event["response"]["model"] = PRODUCT
        if fold.error is not None:
            wanted = [event for event in wanted if event["type"] not in ("error", "response.failed")]
        assert parsed(b"".join(frames) + fold.terminal()) == wanted, exchange["id"]
        assert [frame.split(b"\n")[0][7:].decode() for frame in frames] == [
            event["type"] for event in wanted[: len(frames)]
        ]
        assert fold.done == ("aborted_stream" not in exchange["special"]), exchange["id"]
        is_withheld = fold.done and fold.error is None
        assert (len(wanted) - len(frames) == 1) == is_withheld, exchange["id"]


def test_an_assembled_stream_is_the_response_of_its_last_event() -> None:
    found = []
    for exchange in streams():
        assembler = assemble(PRODUCT, [body_of(exchange)])
        found.append((exchange, assembler.usage))
        if assembler.ended is not None and assembler.error is None:
            *_, last = parsed(body_of(exchange))
            answer = json.loads(assembler.answer())
            assert answer == last["response"] | {"model": PRODUCT}, exchange["id"]
    assert differences(found) == []


def test_what_is_put_together_is_what_the_vendor_says_at_the_end() -> None:
    """The items so far, where the stream is cut before its last event, are the items of the whole."""
    compared = 0
    for exchange in streams():
        *events, last = parsed(body_of(exchange))
        if last.get("type") not in ("response.completed", "response.incomplete"):
            continue
        cut = b"".join(b"data: %s\n\n" % orjson.dumps(event) for event in events)
        answer = json.loads(assemble(PRODUCT, [cut]).graceful_end(None))
        assert unsealed(answer["output"]) == unsealed(last["response"]["output"]), exchange["id"]
        assert answer["id"] == last["response"]["id"], exchange["id"]
        compared += 1
    assert compared > 40


def unsealed(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Vendors encrypt reasoning anew each time they say it."""
    return [
        {k: v for k, v in item.items() if k not in ("encrypted_content", "fingerprint")} for item in output
    ]


def test_texts_are_put_together_from_their_pieces() -> None:
    """The same without the events that say a text, a part or an item whole."""
    compared = 0
    for exchange in streams():
        if responses_in(exchange) > 1:
            continue
        events = parsed(body_of(exchange))
        pieces: dict[tuple[str, str], str] = {}
        for event in events:
            if event["type"] in ("response.output_text.delta", "response.function_call_arguments.delta"):
                key = (event["type"], event["item_id"])
                pieces[key] = pieces.get(key, "") + event["delta"]
        kept = [event for event in events if not event["type"].endswith(WHOLES)]
        cut = b"".join(b"data: %s\n\n" % orjson.dumps(event) for event in kept)
        output = json.loads(assemble(PRODUCT, [cut]).graceful_end(None))["output"]
        for (kind, item_id), text in pieces.items():
            [item] = [item for item in output if item["id"] == item_id]
            said = item["arguments"] if "arguments" in kind else item["content"][0]["text"]
            assert said == text, exchange["id"]
            compared += 1
    assert compared > 10


def test_the_fold_says_what_the_parser_says() -> None:
    """Where only a few fields are decoded, and where all are: the same."""
    for exchange in streams():
        fold, other = ResponseFold(PRODUCT), ResponseFold(PRODUCT)
        put_through(fold, [body_of(exchange)])
        for event in parsed(body_of(exchange)):
            if event["type"].endswith(".delta"):
                event["response"] = None
            other.feed(b"data: %s\n\n" % orjson.dumps(event))
        same = ("usage", "finished", "upstream_id", "deltas", "text_bytes", "sequence_number")
        assert [getattr(fold, name) for name in same] == [getattr(other, name) for name in same]
        assert fold.output.output() == other.output.output(), exchange["id"]


def test_estimates_are_of_the_right_size() -> None:
    """What would be charged without a usage, beside what was: never wildly more.

    But for one: four responses of an agent in one stream, of which the vendor's last usage is the last one's.
    """
    above = []
    for exchange in streams():
        if exchange["expected_usage_confidence"] != "exact":
            continue
        fold = ResponseFold(PRODUCT)
        put_through(fold, [body_of(exchange)])
        if fold.delivered_tokens() > exchange["expected_usage"]["output_tokens"] * 3 // 2 + 20:
            above.append(exchange["id"])
    assert above == ["openai.responses.openai.stream.c1e1e4d973"]


def test_searches_and_pictures_are_counted() -> None:
    counted = {}
    for exchange in exchanges():
        if exchange["streaming"]:
            usage = assemble(PRODUCT, [body_of(exchange)]).usage
        else:
            usage = read_answer(body_of(exchange), product_id=PRODUCT).usage
        if usage is not None and usage.units:
            counted[exchange["id"].removeprefix("openai.responses.")] = usage.units
    assert counted == {
        "azure-openai.unary.5d5d403774": {"searches": 2},
        "deepseek.unary.9d2edc86e8": {"searches": 1},
        "openai.stream.025541f282": {"searches": 1},
        "openai.stream.badd9fc48a": {"searches": 1},
        "openai.stream.d74eb3e0da": {"images": 1},
        "openai.stream.f21797db9b": {"searches": 2},
        "openai.unary.04e451e61c": {"searches": 2},
        "openai.unary.24765a5424": {"searches": 1},
        "openai.unary.24a3cfd4ee": {"searches": 1},
        "openai.unary.32e92f053a": {"searches": 2},
        "openai.unary.372d7928b9": {"images": 1},
        "openai.unary.8990115289": {"searches": 1},
        "openai.unary.a97e5d790e": {"searches": 1},
        "openai.unary.ce7f2504ca": {"searches": 1},
        "xai.stream.4e574e5b66": {"images": 1},
        "xai.stream.e0b45e027c": {"searches": 1},
        "xai.unary.0fa4c4f959": {"searches": 2},
        "xai.unary.715c49e138": {"images": 1},
        "xai.unary.cada0237ec": {"searches": 1},
    }


def test_an_error_in_mid_stream_is_withheld() -> None:
    seen = 0
    for exchange in streams():
        if "in_stream_error" in exchange["special"]:
            fold = ResponseFold(PRODUCT)
            frames = put_through(fold, [body_of(exchange)])
            assert fold.error is not None
            assert fold.error.code == "insufficient_quota"
            assert not any(b"quota" in frame for frame in frames)
            seen += 1
    assert seen == 1
