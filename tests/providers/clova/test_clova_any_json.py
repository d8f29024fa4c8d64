"""Whatever JSON a caller or vendor sends, wherever it stands and however deep: it is refused or passes."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.clova.dialect import CHAT, CHAT_V1, EMBEDDINGS
from providers.clova.errors import read_error
from providers.dialect import Operation
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import DEEP, documents
from tests.providers.clova.events import said as said_in
from tests.providers.clova.exchanges import CALL, counts

FACTS: Final = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True)
CHAT_BODY: Final[dict[str, Any]] = {
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "imageUrl": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "dataUri": {"data": "AAAA"}},
        ]},
        {"role": "assistant", "content": "", "toolCalls": [CALL]},
        {"role": "tool", "toolCallId": "call_1", "content": "맑음"},
    ],
    "tools": [{"type": "function", "function": {"name": "n", "parameters": {"type": "object"}}}],
    "stream": True, "maxTokens": 9, "maxCompletionTokens": 9, "thinking": {"effort": "low"},
}  # fmt: skip
PIECE: Final = {"id": "call_1", "type": "function", "function": {"name": "n", "partialJson": "{}"}}
TOKEN: Final[dict[str, Any]] = {
    "message": {"role": "assistant", "content": "안", "thinkingContent": "음", "toolCalls": [PIECE]},
    "finishReason": None, "stopReason": None, "created": 1, "seed": 2, "usage": None,
}  # fmt: skip
RESULT: Final[dict[str, Any]] = {
    "message": {"role": "assistant", "content": "안녕", "thinkingContent": "음", "toolCalls": [CALL]},
    "finishReason": "stop", "stopReason": "LENGTH", "created": 1, "seed": 2, "aiFilter": [],
    "usage": counts(3, 2, 1), "inputLength": 3, "outputLength": 2,
}  # fmt: skip
SIGNAL: Final = {"data": "[DONE]"}
FAILED: Final = {"status": {"code": "42901", "message": "m"}, "error": {"errorCode": "1", "message": "m"}}
ANSWER: Final = {"status": {"code": "20000", "message": "OK"}, "result": RESULT}


@pytest.mark.parametrize(
    ("operation", "bodies"),
    [
        (CHAT, documents(CHAT_BODY)),
        (EMBEDDINGS, documents({"model": "m", "text": "a"})),
    ],
    ids=["chat", "embeddings"],
)
@given(data=st.data())
def test_a_request(operation: Operation, bodies: st.SearchStrategy[bytes], data: st.DataObject) -> None:
    body = orjson.loads(data.draw(bodies))
    if type(body) is not dict:
        return
    try:
        facts = operation.read(body, 100, Spoken(model="m"))
        written = operation.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    assert type(orjson.loads(written)) is dict


NAMED: Final = st.tuples(
    st.sampled_from([b"token", b"result", b"signal", b"error", b"", b"new"]),
    documents(TOKEN, RESULT, SIGNAL, FAILED),
)


@pytest.mark.parametrize("operation", [CHAT, CHAT_V1], ids=lambda operation: str(operation.name))
@given(said=st.lists(NAMED, max_size=4))
def test_a_stream(operation: Operation, said: list[tuple[bytes, bytes]]) -> None:
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    for name, data in said:
        fold.feed(b"event:%b\ndata:%b\n\n" % (name, data))
        assembler.feed(b"event:%b\ndata:%b\n\n" % (name, data))
    assert (fold.usage, fold.finished, fold.done) == (assembler.usage, assembler.finished, assembler.done)
    said_in(fold.graceful_end(Usage(input=1)) + fold.terminal())
    for answer in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert answer.startswith(b'{"status":{"code":"20000"')


@given(documents(ANSWER, TOKEN, FAILED))
def test_an_answer_and_an_error(body: bytes) -> None:
    answer = CHAT.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert (answer.error is not None) or answer.body == body
    read_error(400, body)


# -- and what such a thing must not lose: what it cost


@pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")
@pytest.mark.parametrize("place", ['"id":%b', '"id":"c","function":{"name":"n","arguments":%b}', '"x":%b'])
def test_a_deep_call_is_metered_and_passes_and_ends_nothing(place: str, value: bytes) -> None:
    assert CHAT.fold is not None
    assert CHAT.assembler is not None
    fold = CHAT.fold("p", FACTS, NO_QUIRKS)
    assembler = CHAT.assembler("p", FACTS, NO_QUIRKS)
    call = place.encode() % value
    token = b'event:token\ndata:{"message":{"content":"hi","toolCalls":[{%b}]}}\n\n' % call
    assert fold.feed(token) == token
    assembler.feed(token)
    assert fold.delivered_tokens() == 1
    [(_, ended)] = said_in(fold.graceful_end(Usage(input=1)))
    assert ended["message"]["content"] == "hi"
    assert json.loads(assembler.graceful_end(None))["result"]["message"]["content"] == "hi"
    usage = orjson.dumps(counts(3, 2))
    result = b'event:result\ndata:{"message":{"toolCalls":[{%b}]},"usage":%b}\n\n' % (call, usage)
    assert fold.feed(result) == result
    assembler.feed(result)
    assert fold.usage == assembler.usage == Usage(input=3, output=2)
    assert usage in assembler.answer().replace(b" ", b"")


@pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_arguments_that_are_deep_are_left_out_of_an_end_of_our_making(value: bytes) -> None:
    """They pass in pieces of text; whole they stand deeper in a result than by themselves."""
    assert CHAT.fold is not None
    fold = CHAT.fold("p", FACTS, NO_QUIRKS)
    call = {"id": "c", "function": {"name": "n", "partialJson": value.decode()}}
    fold.feed(b"event:token\ndata:%b\n\n" % json.dumps({"message": {"toolCalls": [PIECE, call]}}).encode())
    [(_, ended)] = said_in(fold.graceful_end(Usage(input=1)))
    assert [call["id"] for call in ended["message"]["toolCalls"]] == ["call_1"]
