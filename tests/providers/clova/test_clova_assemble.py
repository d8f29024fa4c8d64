"""Events put together are the answer the vendor would have given whole."""

from __future__ import annotations

import json

import pytest

from metering.usage import Usage
from providers.clova.assemble import Assembler
from providers.clova.version import V1, V3
from tests.fakes.vendor_stream import in_random_reads
from tests.providers.clova.events import events_of, said
from tests.providers.clova.exchanges import CALL, STREAMS, TALK3, TEXT, Synthetic, sse


@pytest.mark.parametrize("synthetic", STREAMS, ids=lambda synthetic: synthetic.name)
def test_assembled(synthetic: Synthetic) -> None:
    assembler = Assembler(synthetic.version)
    for event in events_of(in_random_reads(synthetic.body, synthetic.name)):
        assembler.feed(event)
    assert (assembler.usage, assembler.done) == (synthetic.usage, synthetic.done)
    answer = json.loads(assembler.answer(Usage(input=1, output=2)))
    assert answer["status"] == {"code": "20000", "message": "OK"}
    message = answer["result"]["message"]
    thought = message.get("thinkingContent", "")
    if synthetic.name == "v3 tool call":
        assert message["toolCalls"] == [CALL]
    else:
        assert thought + message["content"] == synthetic.text
    shown = answer["result"]
    counted = shown.get("usage") or {"promptTokens": shown.get("inputLength")}
    assert counted["promptTokens"] == (1 if synthetic.usage is None else synthetic.usage.input)


def test_an_assembled_answer_is_the_vendors_result() -> None:
    body = next(synthetic.body for synthetic in STREAMS if synthetic.name == "v3")
    assembler = Assembler(V3)
    for event in events_of([body]):
        assembler.feed(event)
    result = next(data for name, data in said(body.decode().encode()) if name == "result")
    assert json.loads(assembler.answer()) == {"status": {"code": "20000", "message": "OK"}, "result": result}
    assert json.loads(assembler.graceful_end(None))["result"] == result


def test_an_assembled_answer_of_a_result_that_repeats_nothing() -> None:
    assembler = Assembler(V3)
    for event in events_of([sse(*TALK3, ("result", {"message": {"content": ""}, "finishReason": "stop"}))]):
        assembler.feed(event)
    assert json.loads(assembler.answer())["result"]["message"]["content"] == TEXT


def test_an_assembled_answer_ended_by_us() -> None:
    assembler = Assembler(V1)
    for event in events_of([sse(("token", {"message": {"content": "a"}}))]):
        assembler.feed(event)
    result = json.loads(assembler.graceful_end(Usage(input=1, output=1)))["result"]
    assert (result["message"]["content"], result["stopReason"], result["outputLength"]) == ("a", "LENGTH", 1)
