"""Whichever dialect a vendor speaks, CLOVA Studio's callers are answered in theirs, whole and streamed."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.dialects import DIALECTS
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.side import SIDE as BEDROCK
from providers.translation.clova.side import CALLER_V1
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.cohere.side import SIDE as COHERE
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.ollama.side import SIDE as OLLAMA
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import VendorSide
from tests.fakes.vendor_recordings import body_of, reads_of, streams
from tests.providers.translation.clova_reader import (
    counted,
    said_in,
    stream_result,
    whole_result,
    whole_said,
)
from tests.providers.translation.test_clova_callers import FACTS, recorded, totals

VENDORS: Final[list[tuple[VendorSide, Any]]] = [
    (OPENAI, {"choices": [{"message": {"content": "안녕"}, "finish_reason": "length"}],
              "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
    (ANTHROPIC, {"type": "message", "content": [{"type": "text", "text": "안녕"}],
                 "stop_reason": "max_tokens", "usage": {"input_tokens": 3, "output_tokens": 2}}),
    (GEMINI, {"candidates": [{"content": {"parts": [{"text": "안녕"}]}, "finishReason": "MAX_TOKENS"}],
              "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}}),
    (BEDROCK, {"output": {"message": {"content": [{"text": "안녕"}]}}, "stopReason": "max_tokens",
               "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}),
    (COHERE, {"message": {"content": [{"type": "text", "text": "안녕"}]}, "finish_reason": "MAX_TOKENS",
              "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 2}}}),
    (OLLAMA, {"message": {"content": "안녕"}, "done": True, "done_reason": "length",
              "prompt_eval_count": 3, "eval_count": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "said"), VENDORS, ids=[vendor.dialect for vendor, _ in VENDORS])
@pytest.mark.parametrize("v1", [False, True], ids=["v3", "v1"])
def test_whoever_answers(vendor: VendorSide, said: Any, v1: bool) -> None:
    operation = pair(CALLER_V1 if v1 else CLOVA, vendor)
    answer = operation.answer(orjson.dumps(said), product_id="p", quirks=NO_QUIRKS)
    assert answer.error is None
    assert orjson.loads(answer.body)["result"] == (
        {
            "message": {"role": "assistant", "content": "안녕"},
            "stopReason": "LENGTH",
            "seed": 0,
            "inputLength": 3,
            "outputLength": 2,
        }
        if v1
        else {
            "message": {"role": "assistant", "content": "안녕"},
            "finishReason": "length",
            "created": 0,
            "seed": 0,
            "usage": {"promptTokens": 3, "completionTokens": 2, "totalTokens": 5},
        }
    )
    assert whole_said(answer.body, v1=v1).told()["text"] == "안녕"


@recorded
@pytest.mark.parametrize(
    ("vendor", "protocol", "least"),
    [(BEDROCK, "bedrock.converse_stream", 7), (COHERE, "cohere.chat", 8), (OLLAMA, "ollama.native", 2)],
    ids=["bedrock", "cohere", "ollama"],
)
@pytest.mark.parametrize("v1", [False, True], ids=["v3", "v1"])
def test_whoever_streams(vendor: VendorSide, protocol: str, least: int, v1: bool) -> None:
    """However it is read; and put together it is the same."""
    operation = pair(CALLER_V1 if v1 else CLOVA, vendor)
    assert operation.fold is not None
    assert operation.assembler is not None
    seen = 0
    for exchange in streams(protocol):
        told = set()
        for reads in (*reads_of(exchange).values(), [body_of(exchange)]):
            fold = operation.fold("p", FACTS, NO_QUIRKS)
            assembler = operation.assembler("p", FACTS, NO_QUIRKS)
            splitter = DIALECTS[vendor.dialect].make_splitter(1 << 22)
            events = [event for read in reads for event in splitter.feed(read)]
            frames = b"".join([fold.feed(event) for event in events])
            for event in events:
                assembler.feed(event)
            told.add(frames + fold.owed_frames() + fold.terminal())
        if fold.error is not None or not fold.finished:
            continue
        [body] = told
        result = stream_result(body, v1=v1)
        assert counted(result) == totals(fold.usage), exchange["id"]
        whole = whole_result(assembler.answer(), v1=v1)
        assert said_in(whole).told() == said_in(result).told(), exchange["id"]
        assert counted(whole) == counted(result)
        seen += 1
    assert seen >= least
