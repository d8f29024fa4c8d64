"""Every recorded Converse exchange as the vendor of another dialect's caller: metered as it reported."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from providers.bedrock.answer import read_answer
from providers.bedrock.errors import read_error, read_error_head
from providers.bedrock.stream import StreamFold
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.side import SIDE
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import CallerSide
from tests.fakes.vendor_expectations import differences
from tests.fakes.vendor_recordings import WIRE, answers, body_of, exchanges, reads_of, streams
from tests.providers.bedrock.messages import assemble, put_through
from tests.providers.bedrock.test_bedrock_event_stream import botocores
from tests.providers.translation.sdk_openai import Said, whole_of_stream, whole_said

CONVERSE: Final = ("bedrock.converse", "bedrock.converse_stream")
FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True, include_usage=True)
PAIR: Final = pair(OPENAI, SIDE)
ENDINGS: Final = {"tool_use": "tool_calls", "max_tokens": "length", "guardrail_intervened": "content_filter"}

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not on this machine")


def of_blocks(content: list[dict[str, Any]], reason: str | None) -> Said:
    """What a message said, read with nothing of ours."""
    said = Said(ending=ENDINGS.get(reason or "end_turn", "stop"))
    for block in content:
        said.text += block.get("text", "")
        said.text += "".join(part["text"] for part in block.get("citationsContent", {}).get("content", ()))
        thought = block.get("reasoningContent", {})
        said.thought += thought.get("reasoningText", {}).get("text", "")
        if (call := block.get("toolUse")) is not None:
            said.calls.append([call["toolUseId"], call["name"], json.dumps(call["input"])])
    return said


def of_events(body: bytes) -> Said:
    blocks: dict[int, dict[str, Any]] = {}
    reason = None
    for headers, payload in botocores(body):
        said = json.loads(payload)
        if headers[":event-type"] == "contentBlockStart":
            blocks[said["contentBlockIndex"]] = {"toolUse": {**said["start"]["toolUse"], "input": ""}}
        elif headers[":event-type"] == "contentBlockDelta":
            delta, block = said["delta"], blocks.setdefault(said["contentBlockIndex"], {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            if "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            if "reasoningContent" in delta:
                thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
                thought["reasoningText"]["text"] += delta["reasoningContent"].get("text", "")
        elif headers[":event-type"] == "messageStop":
            reason = said["stopReason"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return of_blocks(list(blocks.values()), reason)


def test_answers_are_metered_as_reported_and_say_what_was_said() -> None:
    found = []
    for exchange in answers(*CONVERSE):
        body = body_of(exchange)
        answer = PAIR.answer(body, product_id="p", quirks=NO_QUIRKS)
        assert answer.usage == read_answer(body, product_id="p").usage
        found.append((exchange, answer.usage))
        message = json.loads(body)
        heard = whole_said(answer.body)
        told = of_blocks(message["output"]["message"]["content"], message["stopReason"]).told()
        assert heard.told() == told, exchange["id"]
        assert heard.usage is not None
        assert heard.usage["total_tokens"] == exchange["expected_usage"]["total_tokens"], exchange["id"]
        assert answer.text_bytes > 0
    assert len(found) == 26
    assert differences(found) == []


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC], ids=lambda side: str(side.dialect))
def test_streams_are_metered_as_reported_however_they_are_read(caller: CallerSide) -> None:
    make = pair(caller, SIDE).fold
    assert make is not None
    found = []
    for exchange in streams(*CONVERSE):
        seen = set()
        for reads in reads_of(exchange).values():
            fold = make("p", FACTS, NO_QUIRKS)
            frames = put_through(fold, reads) + fold.owed_frames()
            seen.add((frames, fold.delivered_tokens(), fold.done, str(fold.error)))
            found.append((exchange, fold.usage))
            assert fold.done == fold.finished == ("aborted_stream" not in exchange["special"])
            assert fold.delivered_tokens() > 0
            assert fold.error is None
            if caller is OPENAI:
                whole = whole_of_stream(frames + fold.terminal())
                assert whole.told() == of_events(body_of(exchange)).told(), exchange["id"]
        assert len(seen) == 1, f"{exchange['id']}: depends on how it is cut into reads"
    assert len(found) == 24
    assert differences(found) == []


def test_a_stream_that_was_cut_has_no_usage() -> None:
    cut = [exchange for exchange in streams(*CONVERSE) if "aborted_stream" in exchange["special"]]
    for exchange in cut:
        fold = StreamFold()
        put_through(fold, [body_of(exchange)])
        assert (fold.usage, fold.finished, fold.done, fold.error) == (None, False, False, None)
    assert len(cut) == 2


def test_assembled_streams_are_metered_alike_and_say_the_same() -> None:
    assert PAIR.assembler is not None
    found = []
    for exchange in streams(*CONVERSE):
        body = body_of(exchange)
        assembler = assemble(PAIR.assembler("p", FACTS, NO_QUIRKS), [body])
        found.append((exchange, assembler.usage))
        assert whole_said(assembler.answer()).told() == of_events(body).told(), exchange["id"]
    assert differences(found) == []


def test_recorded_errors() -> None:
    failed = [exchange for exchange in exchanges(*CONVERSE) if exchange["response"]["status"] >= 400]
    for exchange in failed:
        response = exchange["response"]
        error = read_error(response["status"], body_of(exchange))
        error = read_error_head(error, response["headers"])
        assert error.status == response["status"]
        assert error.message == json.loads(response["body"])["message"]
    codes = [read_error_head(read_error(400, b"{}"), e["response"]["headers"]).code for e in failed]
    assert [code for code in codes if code] == ["UnrecognizedClientException", "ValidationException"]
    assert len(failed) == 6
