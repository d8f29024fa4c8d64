"""The vendor's own SDK reads what the gateway sends: bytes replayed by its transport, without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from anthropic import Anthropic, APIStatusError
from anthropic.types import Message

from metering.usage import Usage
from providers.anthropic.answer import read_message
from providers.anthropic.assemble import Assembler
from providers.anthropic.errors import refusal_body
from providers.anthropic.stream import StreamFold
from providers.dialect import Refusal
from tests.fakes.vendor_recordings import WIRE, answers, body_of, streams
from tests.fakes.vendor_stream import assemble, in_random_reads, put_through
from tests.providers.anthropic.talk import TALK, TOOL_CALL, stream_of

PRODUCT: Final = "nuri-x1"
MESSAGES: Final = ("anthropic.messages", "vertex.anthropic")
COMMENT: Final = b"voucher charge_krw=1 available_krw=2"
ASKED: Final[dict[str, Any]] = {
    "model": PRODUCT,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}


class Replay(httpx2.BaseTransport):
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes, *, status: int = 200) -> None:
        self.body, self.status = body, status

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        is_stream = self.body.startswith((b"event:", b"data:", b":"))
        kind = "text/event-stream" if is_stream else "application/json"
        return httpx2.Response(self.status, headers={"content-type": kind}, content=self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        return in_random_reads(self.body, "sdk")


def client(body: bytes, *, status: int = 200) -> Anthropic:
    http = httpx2.Client(transport=Replay(body, status=status))
    return Anthropic(api_key="vg_test", base_url="http://gateway", http_client=http, max_retries=0)


def streamed(body: bytes) -> Message:
    """What the SDK makes of a whole client stream."""
    with client(body).messages.stream(**ASKED) as stream:
        return stream.get_final_message()


def said(message: Message) -> dict[str, Any]:
    """Without its warnings of blocks that are newer than its types."""
    return message.to_dict(warnings=False)


def to_client(body: bytes) -> bytes:
    """All that a client gets of a vendor's stream."""
    fold = StreamFold(PRODUCT)
    frames = put_through(fold, [body])
    return b"".join(frames) + fold.owed_frames() + fold.comment(COMMENT) + fold.terminal()


@pytest.mark.parametrize("events", [TALK, TOOL_CALL])
def test_a_stream(events: list[dict[str, Any]]) -> None:
    body = stream_of(events)
    message = streamed(to_client(body))
    whole = json.loads(assemble(Assembler(PRODUCT), [body]).answer())
    assert message.model == PRODUCT
    assert [block.to_dict() for block in message.content] == whole["content"]
    assert (message.stop_reason, message.usage.output_tokens) == (whole["stop_reason"], 7)


def test_a_stream_cut_by_an_empty_balance() -> None:
    for count in range(len(TALK)):
        fold = StreamFold(PRODUCT)
        frames = put_through(fold, [stream_of(TALK[:count])])
        ending = fold.graceful_end(Usage(input=9, output=3)) + fold.comment(COMMENT) + fold.terminal()
        message = streamed(b"".join(frames) + ending)
        assert message.stop_reason == ("end_turn" if fold.finished else "max_tokens"), count
        assert message.model == PRODUCT
        assert message.usage.output_tokens == (7 if fold.finished else 3)


def test_a_tool_call_cut_by_an_empty_balance() -> None:
    fold = StreamFold(PRODUCT)
    frames = put_through(fold, [stream_of(TOOL_CALL[:4])])
    message = streamed(b"".join(frames) + fold.graceful_end(None) + fold.terminal())
    assert (message.stop_reason, message.content[0].type) == ("max_tokens", "tool_use")


def test_a_failure_in_mid_stream_raises() -> None:
    fold = StreamFold(PRODUCT)
    frames = put_through(fold, [stream_of(TALK[:4])])
    refusal = Refusal(502, "upstream_error", "Try again.", "api_error", request_id="r1")
    with pytest.raises(APIStatusError) as raised:
        streamed(b"".join(frames) + fold.failure(refusal))
    assert raised.value.body == {
        "type": "error",
        "error": {"type": "api_error", "message": "Try again.", "code": "upstream_error"},
        "request_id": "r1",
    }


def test_a_refusal_raises() -> None:
    refusal = Refusal(402, "voucher_exhausted", "Top it up.", "insufficient_quota", request_id="r1")
    with pytest.raises(APIStatusError) as raised:
        client(refusal_body(refusal), status=402).messages.create(**ASKED)
    assert raised.value.status_code == 402
    assert raised.value.type == "billing_error"


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_every_recorded_stream() -> None:
    seen = 0
    for exchange in streams(*MESSAGES):
        if "multiple_message_delta" in exchange["special"] or "aborted_stream" in exchange["special"]:
            continue
        message = streamed(to_client(body_of(exchange)))
        direct = streamed(body_of(exchange))
        assert said(message) == said(direct) | {"model": PRODUCT}, exchange["id"]
        seen += 1
    assert seen > 50


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
def test_every_recorded_answer() -> None:
    for exchange in answers(*MESSAGES):
        ours = read_message(body_of(exchange), product_id=PRODUCT).body
        message = client(ours).messages.create(**ASKED)
        direct = client(body_of(exchange)).messages.create(**ASKED)
        assert said(message) == said(direct) | {"model": PRODUCT}, exchange["id"]
