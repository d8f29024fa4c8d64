"""Service tiers in one set of words: what requests ask for, and what recorded answers say."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.anthropic.request import read_messages_request
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest, Spoken
from providers.gemini.dialect import GENERATE
from providers.gemini.request import read_generate_request
from providers.openai.completions_request import read_completion_request
from providers.openai.dialect import CHAT as CHAT_OPERATION
from providers.openai.request import read_chat_request
from providers.openai_responses.operation import RESPONSES
from providers.openai_responses.request import read_responses_request
from providers.quirks import NO_QUIRKS
from providers.service_tiers import asked_tier, served_tier
from tests.fakes.vendor_recordings import WIRE, body_of
from tests.fakes.vendor_stream import put_through


@pytest.mark.parametrize(
    ("word", "tier"),
    [
        ("auto", None),
        ("", None),
        ("SERVICE_TIER_UNSPECIFIED", None),
        ("default", "default"),
        ("standard", "default"),
        ("standard_only", "default"),
        ("ON_DEMAND", "default"),
        ("SERVICE_TIER_FLEX", "flex"),
        ("ON_DEMAND_FLEX", "flex"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("PROVISIONED_THROUGHPUT", "provisioned_throughput"),
        ("priority", "priority"),
    ],
)
def test_words(word: str, tier: str | None) -> None:
    assert asked_tier(word) == served_tier(word) == tier


@pytest.mark.parametrize("value", [7, True, 1.5, ["flex"], {"a": 1}, "f" * 41])
def test_what_is_no_word(value: Any) -> None:
    """Of a caller it is refused, by a vendor nothing is said."""
    assert served_tier(value) is None
    with pytest.raises(BadRequest):
        asked_tier(value)
    assert (asked_tier(None), served_tier(None)) == (None, None)


@pytest.mark.parametrize("value", ["flex\0", "\0is_seen", "플렉스", "a\nb"])
def test_what_no_book_could_hold_is_refused(value: str) -> None:
    """It is kept beside a call that goes on, in a text which PostgreSQL reads as JSON."""
    with pytest.raises(BadRequest):
        asked_tier(value)


CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
CONTENTS: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
IN_PATH = Spoken(model="m")


@pytest.mark.parametrize(
    ("read", "body", "spoken", "tier"),
    [
        (read_chat_request, {**CHAT, "service_tier": "flex"}, IN_BODY, "flex"),
        (read_chat_request, CHAT, IN_BODY, None),
        (read_completion_request, {"model": "m", "prompt": "hi", "service_tier": "flex"}, IN_BODY, "flex"),
        (
            read_responses_request,
            {"model": "m", "input": "hi", "service_tier": "priority"},
            IN_BODY,
            "priority",
        ),
        (read_messages_request, {**CHAT, "service_tier": "standard_only"}, IN_BODY, "default"),
        (read_messages_request, {**CHAT, "service_tier": "auto"}, IN_BODY, None),
        (read_messages_request, {**CHAT, "speed": "fast"}, IN_BODY, "fast"),
        (read_generate_request, {**CONTENTS, "serviceTier": "flex"}, IN_PATH, "flex"),
        (read_generate_request, {**CONTENTS, "service_tier": "SERVICE_TIER_PRIORITY"}, IN_PATH, "priority"),
        (read_generate_request, CONTENTS, IN_PATH, None),
    ],
)
def test_requests(read: Any, body: dict[str, Any], spoken: Spoken, tier: str | None) -> None:
    assert read(body, 99, spoken).service_tier == tier


def test_a_tier_that_is_said_in_two_ways_is_refused() -> None:
    said = {**CONTENTS, "serviceTier": "flex", "service_tier": "priority"}
    with pytest.raises(BadRequest):
        read_generate_request(said, 99, IN_PATH)


OPERATIONS: Final[dict[str, Operation]] = {
    "openai.chat": CHAT_OPERATION,
    "openai.responses": RESPONSES,
    "gemini.generate": GENERATE,
}


def usage_in(exchange: dict[str, Any]) -> Usage | None:
    operation = OPERATIONS[exchange["protocol"]]
    if exchange["streaming"]:
        assert operation.fold is not None
        facts = operation.read(exchange["request"]["body"] or CONTENTS, 9, IN_PATH)
        fold = operation.fold("x", facts, NO_QUIRKS)
        put_through(fold, [body_of(exchange)])
        return fold.usage
    return operation.answer(body_of(exchange), product_id="x", quirks=NO_QUIRKS).usage


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("openai.chat.openai.unary.6d7e1b43da", "priority"),
        ("openai.chat.openai.unary.d397dc0b43", "priority"),
        ("openai.chat.openrouter.unary.0632d85e90", "provisioned"),
        ("openai.responses.openai.unary.bc5c349750", "priority"),
        ("openai.responses.openai.stream.0077884441", "flex"),
        ("gemini.generate.google-vertex.unary.b9a04c47a6", "flex"),
        ("gemini.generate.google.stream.674526a830", "provisioned_throughput"),
    ],
)
def test_recorded_answers(name: str, tier: str) -> None:
    usage = usage_in(json.loads((WIRE / f"{name}.json").read_text("utf-8")))
    assert usage is not None
    assert usage.service_tier == tier
