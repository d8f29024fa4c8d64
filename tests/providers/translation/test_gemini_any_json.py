"""Whatever JSON Gemini's callers or vendors send: it is refused, or what can be said of it is said."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.any_json import documents
from tests.fakes.gemini_stream import parsed
from tests.providers.clova import test_clova_any_json as clova
from tests.providers.openai import test_openai_any_json as openai
from tests.providers.translation.test_any_json import EVENTS, FACTS

ARRAY: Final = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True, as_array=True)
CALLS: Final = [pair(GEMINI, vendor) for vendor in (OPENAI, ANTHROPIC, CLOVA, GEMINI)]
ANSWERS: Final = [pair(OPENAI, GEMINI), pair(ANTHROPIC, GEMINI)]
# Everything that is heard of a caller, so that each of it may be anything.
BODY: Final[dict[str, Any]] = {
    "contents": [
        {"role": "user", "parts": [
            {"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        ]},
        {"role": "model", "parts": [
            {"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "c", "name": "n", "args": {"at": "서울"}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c", "name": "n", "response": {"output": "맑음"}, "parts": []}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://pictures.example/1.png"}},
        ]},
    ],
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "tools": [{"functionDeclarations": [
        {"name": "n", "description": "d", "parameters": {
            "type": "OBJECT", "properties": {"at": {"type": "STRING", "nullable": True, "minLength": "1"}},
            "propertyOrdering": ["at"], "anyOf": [{"type": "OBJECT"}], "items": {}, "enum": ["a"],
        }},
        {"name": "m", "parametersJsonSchema": {}, "behavior": "BLOCKING"},
    ]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["n"]}},
    "generationConfig": {
        "maxOutputTokens": 9, "candidateCount": 1, "stopSequences": ["END"], "temperature": 0.5, "topP": 0.9,
        "topK": 3, "seed": 7, "thinkingConfig": {"thinkingLevel": "LOW"},
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {}, "required": []},
    },
    "safetySettings": [{"category": "C", "threshold": "OFF"}], "labels": {}, "serviceTier": "standard",
}  # fmt: skip
CHUNK: Final[dict[str, Any]] = {
    "candidates": [{
        "content": {"role": "model", "parts": [
            {"text": "a", "thought": True}, {"text": "b", "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "c", "name": "n", "args": {"at": 1}}},
        ]},
        "finishReason": "STOP", "index": 0,
    }],
    "promptFeedback": {"blockReason": ""},
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
    "modelVersion": "v", "responseId": "r-1",
}  # fmt: skip


@pytest.mark.parametrize("operation", CALLS)
@given(data=documents(BODY))
def test_a_request(operation: Operation, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        facts = operation.read(body, 100, Spoken(model="m", stream=True))
        written = operation.encode(
            body, facts=facts, upstream_model="gemini-2.5", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    asked = orjson.loads(written)
    assert asked.get("messages") or asked.get("contents")


@pytest.mark.parametrize("operation", CALLS[:3])
@given(
    events=st.lists(EVENTS, max_size=4), body=documents(openai.ANSWER, clova.ANSWER), as_array=st.booleans()
)
def test_to_its_callers(operation: Operation, events: list[bytes], body: bytes, as_array: bool) -> None:
    assert operation.fold is not None
    assert operation.assembler is not None
    facts = ARRAY if as_array else FACTS
    fold, assembler = operation.fold("p", facts, NO_QUIRKS), operation.assembler("p", facts, NO_QUIRKS)
    frames = b""
    for event in events:
        frames += fold.feed(event)
        assembler.feed(event)
    frames += fold.graceful_end(Usage(input=1)) + fold.terminal()
    *_, last = chunks = parsed(frames)
    assert {chunk["modelVersion"] for chunk in chunks} == {"p"}
    assert last["candidates"][0]["finishReason"]
    for said in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert orjson.loads(said)["modelVersion"] == "p"
    answer = operation.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.error is not None or orjson.loads(answer.body)["modelVersion"] == "p"


@pytest.mark.parametrize("operation", ANSWERS)
@given(chunks=st.lists(documents(CHUNK), max_size=4))
def test_from_its_vendors(operation: Operation, chunks: list[bytes]) -> None:
    assert operation.fold is not None
    assert operation.assembler is not None
    fold, assembler = operation.fold("p", FACTS, NO_QUIRKS), operation.assembler("p", FACTS, NO_QUIRKS)
    for chunk in chunks:
        fold.feed(b"data: " + chunk + b"\n\n")
        assembler.feed(b"data: " + chunk + b"\n\n")
        answer = operation.answer(chunk, product_id="p", quirks=NO_QUIRKS)
        assert answer.error is not None or orjson.loads(answer.body)["model"] == "p"
    fold.graceful_end(Usage(input=1))
    assert orjson.loads(assembler.answer(Usage(input=1)))["model"] == "p"
    assert orjson.loads(assembler.graceful_end(None))["model"] == "p"
