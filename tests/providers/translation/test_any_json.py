"""Whatever JSON a caller or a vendor sends: a pair of dialects refuses it, or says what can be said of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest, RequestFacts, Spoken
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import CALLER_V1
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.neutral import CallDelta, Text, Thinking, ToolCall, ToolResult, Turn
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.side import SIDE as RESPONSES
from providers.translation.pairing import pair
from providers.translation.port import CallerSide, VendorSide
from tests.fakes.any_json import DEEP, documents
from tests.providers.clova import test_clova_any_json as clova
from tests.providers.openai import test_openai_any_json as openai
from tests.providers.translation.saying import say_all
from tests.providers.translation.test_clova_hear import RICH, RICH_V1

FACTS: Final = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True, include_usage=True)
TO_OPENAI: Final = pair(OPENAI, OPENAI)
TO_CLOVA: Final = pair(OPENAI, CLOVA)
OF_CLOVA: Final = [pair(CLOVA, vendor) for vendor in (OPENAI, ANTHROPIC, CLOVA)] + [pair(CALLER_V1, OPENAI)]
PAIRS: Final = pytest.mark.parametrize("operation", [TO_OPENAI, TO_CLOVA], ids=["openai", "clova"])
# Everything that OpenAI's side hears, so that each of it may be anything.
BODY: Final[dict[str, Any]] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": "hm", "refusal": "no", "reasoning_content": "t",
         "tool_calls": [openai.CALLED]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "맑음"}]},
        {"role": "user", "content": []},
        {"role": "tool", "tool_call_id": "c", "content": "비"},
    ],
    "tools": [{"type": "function", "function": {"name": "n", "parameters": {}, "strict": None}}],
    "tool_choice": {"type": "function", "function": {"name": "n"}}, "parallel_tool_calls": None,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    "stop": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7, "user": "kim",
    "presence_penalty": 0, "frequency_penalty": None, "reasoning_effort": "low", "max_tokens": 9,
    "logprobs": False, "logit_bias": {}, "modalities": ["text"], "service_tier": "auto", "verbosity": None,
}  # fmt: skip
EVENTS: Final = st.one_of(
    documents(openai.CHUNK, openai.ENDED, openai.FAILED).map(lambda data: b"data: " + data + b"\n\n"),
    clova.NAMED.map(lambda named: b"event:%b\ndata:%b\n\n" % named),
)


@PAIRS
@given(data=documents(BODY))
def test_a_request(operation: Operation, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    try:
        facts = operation.read(body, 100, IN_BODY)
        written = operation.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
    except BadRequest:
        return
    assert orjson.loads(written)["messages"]


@pytest.mark.parametrize("operation", OF_CLOVA, ids=["openai", "anthropic", "clova", "v1"])
@given(data=documents(clova.CHAT_BODY, RICH, RICH_V1))
def test_a_request_of_clovas(operation: Operation, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    spoken = Spoken(model="m", stream=True)
    with suppress(BadRequest):
        facts = operation.read(body, 100, spoken)
        assert operation.remember is not None
        operation.remember(facts, body, "op1", 7)
        written = operation.encode(
            body, facts=facts, upstream_model="m", stream=True, output_limit=5, quirks=NO_QUIRKS
        )
        assert orjson.loads(written)["messages"]


@PAIRS
@given(events=st.lists(EVENTS, max_size=4))
def test_a_stream(operation: Operation, events: list[bytes]) -> None:
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    frames = b""
    for event in events:
        frames += fold.feed(event)
        assembler.feed(event)
    frames += fold.owed_frames() + fold.graceful_end(Usage(input=1))
    for frame in frames.split(b"\n\n")[:-1]:
        assert orjson.loads(frame.removeprefix(b"data: "))["model"] == "p"
    for answer in (assembler.answer(Usage(input=1)), assembler.graceful_end(None)):
        assert orjson.loads(answer)["model"] == "p"


@PAIRS
@given(body=documents(openai.ANSWER, clova.ANSWER, openai.FAILED))
def test_an_answer(operation: Operation, body: bytes) -> None:
    answer = operation.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.error is not None or orjson.loads(answer.body)["model"] == "p"


@pytest.mark.parametrize("vendor", [OPENAI, CLOVA], ids=["openai", "clova"])
@pytest.mark.parametrize(
    "caller",
    [ANTHROPIC, RESPONSES, CLOVA, CALLER_V1],
    ids=["anthropic", "responses", "clova", "clova, v1"],
)
@given(events=st.lists(EVENTS, max_size=4), body=documents(openai.ANSWER, clova.ANSWER))
def test_to_other_callers(caller: CallerSide, vendor: VendorSide, events: list[bytes], body: bytes) -> None:
    say_all(caller, vendor, events, body)


def understood(message: dict[str, Any]) -> Any:
    return OPENAI.understand({"choices": [{"message": message}]}).choices[0].parts


@pytest.mark.parametrize(
    ("arguments", "heard"), [('{"a": 1}', '{"a": 1}'), ({"a": 1}, '{"a":1}'), (None, "{}"), ("", "{}")]
)
def test_arguments_are_heard_as_text(arguments: Any, heard: str) -> None:
    """Some vendors of OpenAI's dialect say them as an object."""
    call = {"id": "c", "function": {"name": "n", "arguments": arguments}}
    assert understood({"tool_calls": [call]}) == (ToolCall("c", "n", heard),)


@pytest.mark.parametrize("value", DEEP[2:], ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_what_is_too_deep_to_be_said_again_is_left_out(value: bytes) -> None:
    nested = orjson.loads(b'{"a":%b}' % value)
    calls = [{"id": "c", "function": {"name": "n", "arguments": nested}}, openai.CALLED]
    parts = understood({"content": nested, "tool_calls": calls, "refusal": "no"})
    assert parts == (Text("no"), ToolCall("c", "n", "{}"))


def test_a_thought_in_a_thought_is_none() -> None:
    inner: Any = "hm"
    for _ in range(450):
        inner = [{"type": "thinking", "thinking": inner}, {"type": "text", "text": "so"}]
    assert understood({"content": inner}) == (Thinking("so"), Text("so"))


def test_a_user_who_says_nothing_is_no_place_for_a_result() -> None:
    body = {"model": "m", "messages": [
        {"role": "user", "content": []}, {"role": "tool", "tool_call_id": "c", "content": "비"},
    ]}  # fmt: skip
    said = OPENAI.hear(body, TO_OPENAI.read(body, 100, IN_BODY), "clova")
    assert said.turns == (Turn("user", ()), Turn("user", (ToolResult("c", None, (Text("비"),)),)))


@pytest.mark.parametrize("value", DEEP, ids=lambda value: f"{value[:1].decode()}{len(value)}")
def test_an_index_that_is_no_number_is_a_place(value: bytes) -> None:
    listener = OPENAI.make_listener()
    piece = b'{"index":%b,"function":{"arguments":"a"}}' % value
    event = b'data: {"choices":[{"delta":{"tool_calls":[%b,%b]}}]}\n\n' % (piece, piece)
    once = [CallDelta(0, 0, arguments="a"), CallDelta(0, 1, arguments="a")]
    assert listener.feed(event) + listener.feed(event) == once + once
