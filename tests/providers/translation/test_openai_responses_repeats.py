"""What a response says again of its request, though its vendor does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.cohere.side import SIDE as COHERE
from providers.translation.neutral import Reply
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.repeats import REPEATED_BYTES_MAX, remember
from providers.translation.openai_responses.reply import say
from providers.translation.openai_responses.side import SIDE
from providers.translation.pairing import pair
from providers.translation.port import VendorSide
from tests.providers.translation.test_openai_responses_replies import FACTS, USAGE


def test_what_is_repeated_has_a_limit() -> None:
    """Short fields are repeated even then: where thoughts are told hangs on one."""
    long = {"instructions": "x" * REPEATED_BYTES_MAX, "user": "kim", "reasoning": {"summary": "auto"}}
    facts = remember(FACTS, long, "op1", 7)
    assert json.loads(facts.repeats) == {
        "id": "resp_op1", "created_at": 7, "user": "kim", "reasoning": {"summary": "auto"},
    }  # fmt: skip
    nested: Any = 1
    for _ in range(251):
        nested = [nested]
    facts = remember(FACTS, {"metadata": {"a": nested}, "prompt_cache_key": 7, "top_p": 0.5}, "op1", 7)
    assert json.loads(facts.repeats) == {"id": "resp_op1", "created_at": 7, "top_p": 0.5}
    assert say(Reply(choices=()), "p", facts)["metadata"] == {}


@pytest.mark.parametrize("vendor", [OPENAI, ANTHROPIC, CLOVA, COHERE], ids=lambda side: str(side.dialect))
def test_an_answer_put_together_repeats_its_request(vendor: VendorSide) -> None:
    make = pair(SIDE, vendor).assembler
    assert make is not None
    assembler = make("p", remember(FACTS, {"user": "kim"}, "op1", 7), NO_QUIRKS)
    for answer in (assembler.answer(None), assembler.graceful_end(USAGE)):
        told = json.loads(answer)
        assert (told["id"], told["user"], told["model"]) == ("resp_op1", "kim", "p")
