"""Recorded answers and streams of other vendors: a caller of responses gets what a caller of chats gets."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.cohere.side import SIDE as COHERE
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.side import SIDE
from providers.translation.pairing import pair
from providers.translation.port import VendorSide
from tests.fakes.vendor_recordings import WIRE, answers, body_of, reads_of, streams
from tests.fakes.vendor_stream import chunks_of, put_through
from tests.providers.translation.sdk_openai import Said
from tests.providers.translation.sdk_responses import said, whole_of_stream, whole_said
from tests.providers.translation.test_openai_responses_replies import COMMENT, FACTS

RECORDED: Final = {
    "openai.chat": OPENAI, "anthropic.messages": ANTHROPIC, "gemini.generate": GEMINI, "cohere.chat": COHERE,
}  # fmt: skip
pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")
EVERY: Final = 3  # of many alike, which the pairs with OpenAI's callers read all


def both(vendor: VendorSide, reads: list[bytes]) -> tuple[bytes, bytes] | None:
    """(what a caller of responses gets, what a caller of chats gets); None where the vendor failed."""
    bodies = []
    for caller in (SIDE, OPENAI):
        make = pair(caller, vendor).fold
        assert make is not None
        fold = make("p", FACTS, NO_QUIRKS)
        frames = put_through(fold, reads)
        if fold.error is not None:
            return None
        frames.append(fold.owed_frames() + fold.comment(COMMENT) + fold.terminal())
        bodies.append(b"".join(frames))
    return bodies[0], bodies[1]


def said_in_chunks(body: bytes) -> dict[str, Any]:
    heard = Said()
    for chunk in chunks_of(body):
        for choice in chunk.get("choices", ()):
            if choice["index"] == 0:
                heard.add(choice["delta"], choice["finish_reason"])
    return heard.told()


@pytest.mark.parametrize("protocol", RECORDED)
def test_a_recorded_stream_says_what_a_chat_says(protocol: str) -> None:
    seen = 0
    for exchange in streams(protocol)[::EVERY]:
        if exchange["response"]["status"] >= 300:
            continue
        bodies = both(RECORDED[protocol], reads_of(exchange)["random"])
        if bodies is None:
            continue
        ours, theirs = said(whole_of_stream(bodies[0])).told(), said_in_chunks(bodies[1])
        if ours["ending"] in ("tool_calls", "stop"):
            theirs["ending"] = ours["ending"]  # a vendor may say `stop` after a call
        assert ours == theirs, exchange["id"]
        seen += 1
    assert seen


@pytest.mark.parametrize("protocol", RECORDED)
def test_a_recorded_answer_says_what_a_chat_says(protocol: str) -> None:
    seen = 0
    for exchange in answers(protocol)[::EVERY]:
        body, vendor = body_of(exchange), RECORDED[protocol]
        answer = pair(SIDE, vendor).answer(body, product_id="p", quirks=NO_QUIRKS)
        chat = pair(OPENAI, vendor).answer(body, product_id="p", quirks=NO_QUIRKS)
        if answer.error is not None or not (choices := json.loads(chat.body)["choices"]):
            continue
        heard = Said()
        heard.add(choices[0]["message"], choices[0]["finish_reason"])
        ours, theirs = said(whole_said(answer.body)).told(), heard.told()
        if ours["ending"] in ("tool_calls", "stop"):
            theirs["ending"] = ours["ending"]
        assert ours == theirs, exchange["id"]
        assert answer.usage == chat.usage
        seen += 1
    assert seen
