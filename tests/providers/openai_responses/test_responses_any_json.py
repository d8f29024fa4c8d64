"""Whatever JSON a caller or vendor sends, wherever it stands and however deep: it is refused or passes."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.openai_responses.operation import RESPONSES
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import DEEP, documents

FACTS: Final = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True)
PART: Final = {"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation"}], "logprobs": []}
ITEM: Final = {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}
CALL: Final = {"id": "f", "type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}
THOUGHT: Final = {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]}
USAGE: Final = {
    "input_tokens": 3, "output_tokens": 2, "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 1},
}  # fmt: skip
ANSWER: Final[dict[str, Any]] = {
    "id": "resp", "object": "response", "model": "v", "status": "completed", "created_at": 1,
    "output": [ITEM, CALL, THOUGHT], "usage": USAGE, "error": None, "incomplete_details": None,
    "tools": [{"type": "function", "name": "n"}],
}  # fmt: skip
BODY: Final[dict[str, Any]] = {
    "model": "m", "instructions": "x", "stream": True, "max_output_tokens": 30, "store": False,
    "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}, "include": ["a"], "prompt": None,
    "input": [
        {"role": "user", "content": [
            {"type": "input_text", "text": "x"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            {"type": "input_audio", "input_audio": {"data": "A"}},
        ]},
        CALL, {"type": "function_call_output", "call_id": "c", "output": "x"}, THOUGHT,
        {"type": "additional_tools", "tools": [{"type": "function", "name": "q"}]},
    ],
    "tools": [
        {"type": "function", "name": "n", "parameters": {}}, {"type": "web_search"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "shell", "environment": {"type": "x"}},
    ],
}  # fmt: skip
EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "response.created", "response": ANSWER, "sequence_number": 0},
    {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
    {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": PART},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hi"},
    {"type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0,
     "annotation_index": 0, "annotation": {"type": "x"}},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
    {"type": "response.completed", "response": ANSWER},
    {"type": "response.failed", "response": {**ANSWER, "error": {"code": "c", "message": "m"}}},
    {"type": "error", "code": "c", "message": "m", "error": {"message": "m", "type": "t"}},
]  # fmt: skip


@given(documents(BODY))
def test_a_request(data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        facts = RESPONSES.read(body, 100, IN_BODY)
        written = RESPONSES.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    assert orjson.loads(written)["model"] == "m"


@given(said=st.lists(documents(*EVENTS), max_size=5))
def test_a_stream(said: list[bytes]) -> None:
    assert RESPONSES.fold is not None
    assert RESPONSES.assembler is not None
    fold = RESPONSES.fold("p", FACTS, NO_QUIRKS)
    assembler = RESPONSES.assembler("p", FACTS, NO_QUIRKS)
    for data in said:
        fold.feed(b"event: x\ndata: " + data + b"\n\n")
        assembler.feed(b"event: x\ndata: " + data + b"\n\n")
    assert (fold.usage, fold.finished, fold.error) == (assembler.usage, assembler.finished, assembler.error)
    fold.graceful_end(Usage(input=1))
    fold.terminal()
    for answer in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert orjson.loads(answer)["model"] == "p"


@given(documents(ANSWER))
def test_an_answer(body: bytes) -> None:
    answer = RESPONSES.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.error is not None or type(orjson.loads(answer.body)) is dict


# -- and what such a thing must not lose: what it cost

deeper = pytest.mark.parametrize("value", DEEP[2:], ids=lambda value: f"{value[:1].decode()}{len(value)}")


def with_something_deep(value: bytes) -> bytes:
    return json.dumps({**ANSWER, "x": "@", "y": {"model": "v"}}).encode().replace(b'"@"', value)


@deeper
def test_a_deep_answer_is_metered_and_passes_as_it_came(value: bytes) -> None:
    body = with_something_deep(value)
    answer = RESPONSES.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.usage == Usage(input=2, cached_input=1, output=2, reasoning=1)
    assert (answer.body, answer.error) == (body, None)


@deeper
def test_a_deep_end_of_a_stream_is_metered_at_the_vendors_count(value: bytes) -> None:
    assert RESPONSES.fold is not None
    fold = RESPONSES.fold("p", FACTS, NO_QUIRKS)
    data = b'{"type":"response.completed","response":%b}' % with_something_deep(value)
    fold.feed(b"event: response.completed\ndata: " + data + b"\n\n")
    assert fold.usage == Usage(input=2, cached_input=1, output=2, reasoning=1)


@pytest.mark.parametrize("number", ["output_index", "content_index", "sequence_number"])
def test_a_number_too_large_to_be_written_is_no_index(number: str) -> None:
    assert RESPONSES.fold is not None
    fold = RESPONSES.fold("p", FACTS, NO_QUIRKS)
    delta = {"type": "response.output_text.delta", "delta": "hi", "output_index": 0} | {number: 10**40}
    for event in (*EVENTS[:3], delta):
        frame = b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n"
        assert fold.feed(frame)
    assert fold.delivered_tokens() == 1
    assert b'"type":"response.output_item.done"' in fold.graceful_end(Usage(input=1))
    assert b'"type":"response.incomplete"' in fold.terminal()
