"""Callers tell answers apart by their ids: where a vendor gives none, an answer has the call's."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.ollama.side import SIDE as OLLAMA
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import CallerSide
from tests.fakes.vendor_stream import chunks_of

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True)
SAID: Final = {"message": {"content": "a"}, "done": True, "prompt_eval_count": 1, "eval_count": 1}


def answers(caller: CallerSide, op: str) -> list[dict[str, Any]]:
    """Whole, and the chunks of a stream."""
    operation = pair(caller, OLLAMA)
    assert operation.fold is not None
    assert operation.remember is not None
    facts = operation.remember(FACTS, {}, op, 7)
    whole = operation.reader(facts)(orjson.dumps(SAID), product_id="p", quirks=NO_QUIRKS)
    fold = operation.fold("p", facts, NO_QUIRKS)
    frames = fold.feed(orjson.dumps(SAID) + b"\n") + fold.owed_frames()
    return [orjson.loads(whole.body), *chunks_of(frames)]


@pytest.mark.parametrize(("caller", "prefix"), [(OPENAI, "chatcmpl-"), (ANTHROPIC, "msg_")])
def test_an_answer_has_the_id_of_its_call(caller: CallerSide, prefix: str) -> None:
    for op in ("op1", "op2"):
        told = [one.get("message", one) if caller is ANTHROPIC else one for one in answers(caller, op)]
        assert {one["id"] for one in told if "id" in one} == {prefix + op}
    assert caller is ANTHROPIC or {one["created"] for one in told} == {7}
