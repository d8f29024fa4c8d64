"""What a client gets of a vendor's stream, and what the gateway says in its own words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from metering.usage import Usage
from providers.dialect import Refusal
from providers.openai_responses.stream import ResponseFold
from tests.providers.openai_responses.events import RESPONSE, USAGE, Vendor
from tests.providers.openai_responses.recorded import parsed, put_through

METERED = Usage(input=15, cached_input=5, output=9, reasoning=4)
REFUSAL = Refusal(status=502, code="upstream_error", message="Try again.", openai_type="api_error")


def fed(*events: bytes, product: str = "nuri-x1") -> tuple[ResponseFold, bytes]:
    fold = ResponseFold(product)
    return fold, b"".join(put_through(fold, events))


def test_an_ordinary_event_leaves_as_it_came() -> None:
    vendor = Vendor()
    begun = vendor.created() + vendor.message()
    for text in ("", "a", "값", 'say "model":"v"', "\\", "x"):
        fold, _ = fed(begun)
        event = vendor.text(text, obfuscation="x", logprobs=[])
        assert fold.feed(event) == event


def test_the_response_is_the_products() -> None:
    fold, out = fed(Vendor().created())
    assert [event["response"] for event in parsed(out)] == [{**RESPONSE, "model": "nuri-x1"}] * 2
    assert out.startswith(
        b'event: response.created\ndata: {"type": "response.created", "sequence_number": 0,'
    )
    assert fold.upstream_id == "resp_1"


def test_only_the_responses_model_is_replaced() -> None:
    tools = [{"type": "function", "parameters": {"properties": {"model": {"type": "string"}}}}]
    _, out = fed(Vendor().event("response.created", response={**RESPONSE, "tools": tools}))
    [event] = parsed(out)
    assert event["response"] == {**RESPONSE, "tools": tools, "model": "nuri-x1"}


def test_a_model_beside_the_response_is_replaced_too() -> None:
    vendor = Vendor()
    _, out = fed(vendor.text("a", model="v"), vendor.event("response.x", model="v", response={"model": "v"}))
    assert [event["model"] for event in parsed(out)] == ["nuri-x1"] * 2
    assert parsed(out)[1]["response"]["model"] == "nuri-x1"


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_the_end_is_withheld_until_it_is_asked_for(status: str) -> None:
    vendor = Vendor()
    fold, out = fed(vendor.created(), vendor.message(), vendor.text("a"), vendor.end(status))
    assert b"response." + status.encode() not in out
    assert (fold.done, fold.finished, fold.usage, fold.error) == (True, True, METERED, None)
    [event] = parsed(fold.terminal())
    assert (event["type"], event["sequence_number"]) == (f"response.{status}", 5)
    assert event["response"] == {**RESPONSE, "status": status, "usage": USAGE, "model": "nuri-x1"}
    assert fold.owed_frames() == b""


def test_done_is_dropped() -> None:
    vendor = Vendor()
    fold, _ = fed(vendor.created(), vendor.end())
    terminal = fold.terminal()
    assert fold.feed(b"data: [DONE]\n\n") == b""
    assert fold.feed(vendor.text("response.created")) == b""
    assert fold.terminal() == terminal
    assert not fed(b"data: [DONE]\n\n")[0].done


def test_another_response_in_the_same_stream() -> None:
    """As in a recording of an agent: the last is the one that counts."""
    first, second = Vendor(), Vendor()
    head = first.created() + first.end()
    fold, out = fed(
        head, second.created(), second.end(usage={**USAGE, "input_tokens": 50, "total_tokens": 59})
    )
    assert [event["sequence_number"] for event in parsed(out)] == [0, 1, 2, 0, 1]
    assert parsed(out)[2]["type"] == "response.completed"
    assert fold.usage == Usage(input=45, cached_input=5, output=9, reasoning=4)
    assert fed(head, Vendor().created())[0].usage is None


def test_usage_before_the_end_is_none() -> None:
    """Some say zeros in `response.created`: a stream that is cut then is not free."""
    zeros = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    fold, _ = fed(Vendor().event("response.created", response={**RESPONSE, "usage": zeros}))
    assert fold.usage is None


@pytest.mark.parametrize(
    "said",
    [
        {"type": "error", "code": "server_error", "message": "no", "param": None},
        {"type": "error", "error": {"type": "x", "code": "server_error", "message": "no"}},
        {"error": {"code": "server_error", "message": "no"}},
    ],
)
def test_an_error_event_is_withheld(said: dict[str, Any]) -> None:
    fold, out = fed(Vendor().created(), f"event: error\ndata: {json.dumps(said)}\n\n".encode())
    assert len(parsed(out)) == 2
    assert fold.error is not None
    assert (fold.error.message, fold.error.code, fold.usage) == ("no", "server_error", None)


@pytest.mark.parametrize(("usage", "metered"), [(None, None), (USAGE, METERED)])
def test_a_failed_response_is_a_failure_that_keeps_its_usage(usage: Any, metered: Usage | None) -> None:
    vendor = Vendor()
    failed = vendor.end("failed", usage=usage, error={"code": "server_error", "message": "no"})
    fold, out = fed(failed)
    assert (out, fold.usage, fold.done, fold.terminal()) == (b"", metered, True, b"")
    assert fold.error is not None
    assert (fold.error.message, fold.error.code) == ("no", "server_error")


def test_a_failed_response_without_a_reason() -> None:
    fold, _ = fed(Vendor().end("failed"))
    assert fold.error is not None


@pytest.mark.parametrize("response", [None, 3, []])
def test_an_end_without_a_response_cannot_be_read(response: Any) -> None:
    fold, out = fed(Vendor().event("response.completed", response=response))
    assert (out, fold.done) == (b"", False)
    assert fold.error is not None


def test_our_own_error_continues_the_numbers() -> None:
    vendor = Vendor()
    fold, _ = fed(vendor.created(), vendor.message(), vendor.text("a"))
    frame = fold.failure(REFUSAL)
    assert frame.startswith(b"event: error\ndata: ")
    words = {"code": "upstream_error", "message": "Try again.", "param": None}
    assert parsed(frame) == [
        {"type": "error", **words, "sequence_number": 5, "error": {"type": "api_error", **words}}
    ]


@pytest.mark.parametrize("number", [2**64 - 1, 2**63, 10**30, -1, "9", None, 1.5])
def test_numbers_that_are_none_are_counted_on(number: Any) -> None:
    said = json.dumps({"type": "x", "sequence_number": number}).encode()
    fold, _ = fed(Vendor().created(), b"data: " + said + b"\n\n")
    assert parsed(fold.failure(REFUSAL))[0]["sequence_number"] == 3
    delta = json.dumps({"type": "x.delta", "delta": "a", "sequence_number": number}).encode()
    assert fold.feed(b"data: " + delta + b"\n\n")
    assert parsed(fold.failure(REFUSAL))[0]["sequence_number"] == 4


def test_the_number_of_a_withheld_error_is_ours() -> None:
    vendor = Vendor()
    fold, _ = fed(vendor.created(), vendor.event("error", message="no"))
    assert parsed(fold.failure(REFUSAL))[0]["sequence_number"] == 2


@pytest.mark.parametrize(
    ("event", "out"),
    [
        (b'data:{"type":"x.y","a":1}\n\n', b'event: x.y\ndata: {"type":"x.y","a":1}\n\n'),
        (b'data: {"type":"x.y"}\nevent: x.y\n\n', b'event: x.y\ndata: {"type":"x.y"}\n\n'),
        (b'event: x.y\r\ndata: {"type":"x.y"}\r\n\r\n', b'event: x.y\ndata: {"type":"x.y"}\n\n'),
        (b'event: x.y\ndata: {"type":\ndata: "x.y"}\n\n', b'event: x.y\ndata: {"type": "x.y"}\n\n'),
        (b'event: x.y\rid: 1\ndata: {"type":"x.y"}\n\n', b'event: x.y\ndata: {"type":"x.y"}\n\n'),
        (b'id: 1\nevent: x.y\ndata: {"type":\ndata: "x.y"}\n\n', b'event: x.y\ndata: {"type": "x.y"}\n\n'),
        (
            b'data: {"type":"x.delta","delta":"a"}\n\n',
            b'event: x.delta\ndata: {"type":"x.delta","delta":"a"}\n\n',
        ),
        (b'data: {"type":"a\\nb"}\n\n', b'data: {"type":"a\\nb"}\n\n'),
        (b'data: {"a":1}\n\n', b'data: {"a":1}\n\n'),
        (b": vendor says hello\n\n", b": keep-alive\n\n"),
        (b"event: ping\n\n", b""),
        (b"data: {\n\n", b""),
        (b"data: 3\n\n", b""),
        (b"data: [DONE]\n\n", b""),
        (b'event: x\ndata: {"type":"response.output_text.delta","delta":"a\n\n', b""),
    ],
)
def test_framing(event: bytes, out: bytes) -> None:
    assert ResponseFold("p").feed(event) == out


@pytest.mark.parametrize(
    ("events", "deltas", "text_bytes"),
    [
        (lambda v: v.text("abc"), 1, 3),
        (lambda v: v.text(""), 0, 0),
        (lambda v: v.text("값") + v.text("ab"), 2, 5),
        (lambda v: v.text("abc", kind="refusal"), 1, 3),
        (lambda v: v.text("abc", kind="reasoning_text"), 1, 3),
        (lambda v: v.text("abc", kind="of_a_later_year"), 1, 3),
        (lambda v: v.arguments('{"a":1}', 0), 1, 7),
        (lambda v: v.event("response.output_text.delta", delta="abc", content_index=None), 1, 3),
        (lambda v: v.event("response.output_text.delta", delta=["abc"]), 0, 0),
        (lambda v: v.event("response.output_item.done", output_index=0, item={"arguments": "{}"}), 1, 2),
        (lambda v: v.event("response.output_item.done", output_index=[], item={"arguments": "{}"}), 1, 2),
        (lambda v: v.event("response.output_item.done", output_index=0, item=3), 0, 0),
        (lambda v: v.call(0) + v.arguments("{}", 0) + _call_done(v, 0, "{}"), 1, 2),
        (lambda v: v.call(0) + _call_done(v, 0, "{}"), 1, 2),
    ],
)
def test_what_was_delivered(events: Any, deltas: int, text_bytes: int) -> None:
    fold, _ = fed(events(Vendor()))
    assert (fold.deltas, fold.text_bytes) == (deltas, text_bytes)


def _call_done(vendor: Vendor, index: int, arguments: str) -> bytes:
    item = {"id": f"fc_{index}", "type": "function_call", "arguments": arguments, "status": "completed"}
    return vendor.event("response.output_item.done", output_index=index, item=item)


def test_delivered_tokens_are_events_or_bytes() -> None:
    vendor = Vendor()
    assert fed(vendor.text("a"), vendor.text("b"))[0].delivered_tokens() == 2
    assert fed(vendor.text("x" * 40))[0].delivered_tokens() == 10


def test_json_too_deep_to_be_written_ends_the_stream() -> None:
    deep = b'{"type":"x","y":' + b"[" * 400 + b"]" * 400 + b"}"
    fold, out = fed(b"data: " + deep + b"\n\n")
    assert out == b""
    assert fold.error is not None
    many = b'{"type":"x","y":[' + b"[]," * 400 + b"0]}"
    assert fed(b"data: " + many + b"\n\n")[1] == b"event: x\ndata: " + many + b"\n\n"


def test_an_ordinary_event_is_cheap() -> None:
    """A guard, not a benchmark: the aim is 5 µs, the wall is ten times that."""
    vendor, count = Vendor(), 5_000
    fold, _ = fed(vendor.created(), vendor.message())
    event = vendor.text(" world", logprobs=[], obfuscation="x" * 12)
    best_s = min(_seconds(fold, event, count) for _ in range(3))
    assert best_s / count < 50e-6


def _seconds(fold: ResponseFold, event: bytes, count: int) -> float:
    start_s = time.perf_counter()
    for _ in range(count):
        fold.feed(event)
    return time.perf_counter() - start_s
