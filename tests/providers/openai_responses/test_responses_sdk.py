"""What a client gets of a recorded or an ended stream, read by the official `openai` package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseIncompleteEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)

from metering.usage import Usage
from providers.dialect import Refusal
from providers.openai_responses.stream import ResponseFold
from tests.providers.openai_responses.events import Vendor
from tests.providers.openai_responses.recorded import (
    WIRE,
    assemble,
    body_of,
    parsed,
    put_through,
    responses_in,
    streams,
)

COMMENT = b"voucher charge_krw=0.215 available_krw=1"


def client(body: bytes, content_type: str = "text/event-stream") -> OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)


def streamed(body: bytes) -> Iterator[Any]:
    with client(body) as sdk:
        yield from sdk.responses.create(model="p", input="hi", stream=True)


def final(body: bytes) -> tuple[list[Any], Any]:
    """By the package's own accumulator: (its events, its final response or None)."""
    with client(body) as sdk, sdk.responses.stream(model="p", input="hi") as stream:
        events = list(stream)
        is_completed = events[-1].type == "response.completed"
        return events, stream.get_final_response() if is_completed else None


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_recorded_streams_as_the_sdk_reads_them() -> None:
    compared = 0
    for exchange in streams():
        fold = ResponseFold("nuri-x1")
        frames = b"".join(put_through(fold, [body_of(exchange)]))
        if fold.error is not None:
            continue
        wanted = parsed(body_of(exchange))
        events = list(streamed(frames + fold.comment(COMMENT) + fold.terminal()))
        assert [event.type for event in events] == [event["type"] for event in wanted], exchange["id"]
        if not fold.done:
            continue
        last = events[-1]
        assert isinstance(last, (ResponseCompletedEvent, ResponseIncompleteEvent)), exchange["id"]
        assert last.response.model == "nuri-x1"
        expected = exchange["expected_usage"]
        assert last.response.usage is not None
        assert last.response.usage.output_tokens == expected["output_tokens"], exchange["id"]
        compared += 1
    assert compared > 45


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_recorded_streams_accumulate_as_they_would_from_the_vendor() -> None:
    compared = 0
    for exchange in streams():
        fold = ResponseFold("nuri-x1")
        frames = put_through(fold, [body_of(exchange)])
        if not fold.done or fold.error is not None or responses_in(exchange) != 1:
            continue
        try:
            events, of_vendor = final(body_of(exchange))
        except (RuntimeError, AssertionError, AttributeError):
            continue  # what its accumulator does not take from the vendor itself
        ours, of_ours = final(b"".join(frames) + fold.comment(COMMENT) + fold.terminal())
        assert [event.type for event in ours] == [event.type for event in events], exchange["id"]
        if of_ours is not None:
            assert of_ours.output_text == of_vendor.output_text, exchange["id"]
            assert of_ours.to_dict() == of_vendor.to_dict() | {"model": "nuri-x1"}, exchange["id"]
            compared += 1
    assert compared > 30


def begun() -> tuple[ResponseFold, bytes, list[bytes]]:
    vendor = Vendor()
    events = [
        vendor.created(),
        vendor.message(),
        vendor.text("안녕", logprobs=[]),
        vendor.text("하", logprobs=[]),
    ]
    fold = ResponseFold("nuri-x1")
    return fold, b"".join(put_through(fold, events)), events


def test_a_stream_that_the_gateway_ends() -> None:
    fold, frames, events = begun()
    spent = Usage(input=15, cached_input=5, output=9)
    body = frames + fold.graceful_end(spent) + fold.comment(COMMENT) + fold.terminal()
    heard, _ = final(body)
    assert [event.type for event in heard[-4:]] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.incomplete",
    ]
    assert [event.sequence_number for event in heard] == list(range(len(heard)))
    assert heard[-4].text == "안녕하"
    last = heard[-1]
    assert isinstance(last, ResponseIncompleteEvent)
    assert last.response.output_text == "안녕하"
    assert last.response.status == "incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.usage is not None
    assert (last.response.usage.input_tokens, last.response.usage.total_tokens) == (20, 29)
    whole = assemble("nuri-x1", events).graceful_end(spent)
    with client(whole, "application/json") as sdk:
        response = sdk.responses.create(model="p", input="hi")
    assert isinstance(response, Response)
    assert response.to_dict() == last.response.to_dict()


def test_texts_are_typed() -> None:
    fold, frames, _ = begun()
    body = frames + fold.graceful_end(None) + fold.terminal()
    texts = [event for event in streamed(body) if isinstance(event, ResponseTextDeltaEvent)]
    assert [event.delta for event in texts] == ["안녕", "하"]
    *_, last = streamed(body)
    [item] = last.response.output
    assert isinstance(item, ResponseOutputMessage)
    assert isinstance(item.content[0], ResponseOutputText)
    assert (item.status, item.content[0].text) == ("incomplete", "안녕하")


def test_a_stream_ended_before_its_first_event() -> None:
    fold = ResponseFold("nuri-x1")
    heard, _ = final(fold.graceful_end(Usage()) + fold.terminal())
    assert [event.type for event in heard] == ["response.created", "response.incomplete"]


def test_a_failure_in_mid_stream_is_raised() -> None:
    fold, frames, _ = begun()
    refusal = Refusal(
        status=502, code="upstream_error", message="The vendor failed.", openai_type="api_error"
    )
    heard = streamed(frames + fold.failure(refusal))
    assert [next(heard).type for _ in range(6)][-1] == "response.output_text.delta"
    with pytest.raises(openai.APIError, match=r"The vendor failed\.") as raised:
        next(heard)
    assert raised.value.code == "upstream_error"
