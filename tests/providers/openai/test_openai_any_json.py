"""Whatever JSON a caller or a vendor sends, wherever it stands and however deep: it is refused or passes."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.openai.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from providers.openai.errors import read_error
from providers.quirks import NO_QUIRKS, quirks_for
from tests.fakes.any_json import DEEP, documents

FACTS: Final = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True, include_usage=True)
CALLED: Final = {"index": 0, "id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}
USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
}
CHAT_BODY: Final = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED], "audio": None},
        {"role": "tool", "tool_call_id": "c", "content": "맑음"},
    ],
    "tools": [{"type": "function", "function": {"name": "n", "parameters": {"type": "object"}}}],
    "stream": True, "stream_options": {"include_usage": True}, "n": 1,
    "max_tokens": 9, "max_completion_tokens": 9, "plugins": None,
}  # fmt: skip
COMPLETION_BODY: Final = {
    "model": "m", "prompt": ["a", "b"], "stream": True, "n": 1, "best_of": 1, "max_tokens": 9,
    "stream_options": {"include_usage": True},
}  # fmt: skip
CHUNK: Final = {
    "id": "i", "model": "v", "object": "chat.completion.chunk", "created": 1,
    "choices": [{
        "index": 0, "finish_reason": None, "logprobs": {"content": []}, "text": "t",
        "delta": {
            "role": "assistant", "content": "안녕", "refusal": "r", "reasoning_content": "t",
            "tool_calls": [CALLED], "function_call": CALLED["function"], "audio": {"transcript": "t"},
        },
    }],
    "usage": None,
}  # fmt: skip
ENDED: Final = {"id": "i", "model": "v", "choices": [], "usage": USAGE, "x_groq": {"usage": USAGE}}
FAILED: Final = {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}
ANSWER: Final = {
    "id": "i", "model": "v", "object": "chat.completion", "created": 1, "usage": USAGE,
    "choices": [{
        "index": 0, "finish_reason": "stop", "text": "t",
        "message": {"role": "assistant", "content": "안녕", "reasoning": "t", "tool_calls": [CALLED]},
    }],
}  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "bodies"),
    [
        (CHAT, documents(CHAT_BODY)),
        (COMPLETIONS, documents(COMPLETION_BODY)),
        (EMBEDDINGS, documents({"model": "m", "input": ["a", "b"]})),
    ],
    ids=["chat", "completions", "embeddings"],
)
@given(data=st.data())
def test_a_request(operation: Operation, bodies: st.SearchStrategy[bytes], data: st.DataObject) -> None:
    body = orjson.loads(data.draw(bodies))
    if type(body) is not dict:
        return
    try:
        facts = operation.read(body, 100, IN_BODY)
        written = operation.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=quirks_for("openai")
        )
    except BadRequest:
        return
    assert orjson.loads(written)["model"] == "m"


@pytest.mark.parametrize("operation", [CHAT, COMPLETIONS], ids=lambda operation: str(operation.name))
@given(said=st.lists(documents(CHUNK, ENDED, FAILED), max_size=4))
def test_a_stream(operation: Operation, said: list[bytes]) -> None:
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    for data in said:
        fold.feed(b"data: " + data + b"\n\n")
        assembler.feed(b"data: " + data + b"\n\n")
    assert (fold.usage, fold.finished) == (assembler.usage, assembler.finished)
    fold.owed_frames()
    fold.graceful_end(Usage(input=1))
    for answer in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert orjson.loads(answer)["model"] == "p"


@given(documents(ANSWER, CHUNK, ENDED, FAILED))
def test_an_answer_and_an_error(body: bytes) -> None:
    answer = CHAT.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.error is not None or orjson.loads(answer.body) is not None
    read_error(400, body)


# -- and what such a thing must not lose: what it cost

deep = pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")


@deep
@pytest.mark.parametrize(
    "place", ['"x":%b', '"model":"v","x":%b', '"model":%b', '"x":{"model":"w"},"model":"v","y":%b']
)
def test_a_deep_event_is_metered_and_passes(place: str, value: bytes) -> None:
    assert CHAT.fold is not None
    fold = CHAT.fold("p", FACTS, NO_QUIRKS)
    data = b'{"choices":[],"usage":%b,%b}' % (json.dumps(USAGE).encode(), place.encode() % value)
    assert fold.feed(b"data: " + data + b"\n\n").startswith(b'data: {"choices":')
    assert fold.usage == Usage(input=2, cached_input=1, output=2)


@deep
def test_a_deep_event_is_metered_and_left_out_of_what_is_put_together(value: bytes) -> None:
    assert CHAT.assembler is not None
    assembler = CHAT.assembler("p", FACTS, NO_QUIRKS)
    assembler.feed(b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n')
    data = b'{"choices":[{"delta":{"x":%b}}],"usage":%b}' % (value, json.dumps(USAGE).encode())
    assembler.feed(b"data: " + data + b"\n\n")
    answer = orjson.loads(assembler.answer())
    assert assembler.usage == Usage(input=2, cached_input=1, output=2)
    assert answer["usage"]["total_tokens"] == 5
    assert answer["choices"][0]["message"]["content"] == "hi"


@deep
def test_a_usage_with_something_deep_in_it_is_told_as_we_understand_it(value: bytes) -> None:
    assert CHAT.assembler is not None
    assembler = CHAT.assembler("p", FACTS, NO_QUIRKS)
    assembler.feed(b'data: {"usage":{"prompt_tokens":3,"completion_tokens":2,"x":%b}}\n\n' % value)
    told = orjson.loads(assembler.answer())["usage"]
    assert (told["prompt_tokens"], told["completion_tokens"]) == (3, 2)


@deep
@pytest.mark.parametrize("name", ["content", "tool_calls", "x"])
def test_a_deep_answer_is_metered_and_passes(name: str, value: bytes) -> None:
    body = b'{"model":"v","x":{"model":"w"},"choices":[{"message":{"%b":%b}}],"usage":%b}' % (
        name.encode(),
        b'[{"function":{"arguments":%b}}]' % value if name == "tool_calls" else value,
        json.dumps(USAGE).encode(),
    )
    answer = CHAT.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.usage == Usage(input=2, cached_input=1, output=2)
    assert orjson.loads(answer.body)["choices"]


@deep
def test_a_deep_error_is_an_error(value: bytes) -> None:
    for body in (
        b'{"detail":[{"msg":%b},{"msg":"m"}]}' % value,
        b'{"error":{"message":[{"msg":%b}]}}' % value,
    ):
        assert read_error(422, body).status == 422
    assert read_error(422, b'{"detail":[{"msg":%b},{"msg":"m"}]}' % value).message == "m"
