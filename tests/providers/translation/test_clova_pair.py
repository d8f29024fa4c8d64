"""What OpenAI's callers get of CLOVA Studio's answers and streams; OpenAI's own SDK reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion

from metering.usage import Usage
from providers.clova.errors import error_of
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.openai.request import read_chat_request
from providers.openai.usage import usage_to_openai
from providers.quirks import NO_QUIRKS
from providers.translation.clova.side import SIDE
from providers.translation.listening import TranslatedFold
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from tests.fakes.vendor_stream import assemble, chunks_of, in_random_reads, put_through
from tests.providers.clova.exchanges import (
    CALL,
    CALL_TALK,
    END3,
    SIGNAL,
    STREAMS,
    TALK3,
    TEXT,
    Synthetic,
    counts,
    result3,
    sse,
)

PAIR: Final = pair(OPENAI, SIDE)
V3_STREAMS: Final = [synthetic for synthetic in STREAMS if synthetic.version.number == 3]
ASKED: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
COMMENT: Final = b"voucher charge_krw=1 available_krw=2"
CALLED: Final = sse(
    *CALL_TALK, result3({"content": "", "toolCalls": [CALL]}, counts(9, 47), "tool_calls"), SIGNAL
)


def facts(**more: Any) -> RequestFacts:
    return read_chat_request({**ASKED, "stream_options": {"include_usage": True}, **more}, 100)


def new_fold(**more: Any) -> TranslatedFold:
    assert PAIR.fold is not None
    made = PAIR.fold("p", facts(stream=True, **more), NO_QUIRKS)
    assert isinstance(made, TranslatedFold)
    return made


def to_client(body: bytes, seed: str = "", **more: Any) -> bytes:
    """All that a client gets of a stream that went well, or what it got until an error."""
    fold = new_fold(**more)
    frames = b"".join(put_through(fold, in_random_reads(body, seed)))
    return frames if fold.error else frames + fold.owed_frames() + fold.comment(COMMENT) + fold.terminal()


def said_by(chunks: list[dict[str, Any]]) -> str:
    said = ""
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            said += delta.get("reasoning_content") or delta.get("content") or ""
            for call in delta.get("tool_calls", ()):
                said += (call["function"].get("name") or "") + call["function"]["arguments"]
    return said


@pytest.mark.parametrize("synthetic", V3_STREAMS, ids=lambda synthetic: synthetic.name)
def test_a_stream_says_what_it_said_however_it_is_read(synthetic: Synthetic) -> None:
    frames = to_client(synthetic.body)
    assert all(to_client(synthetic.body, str(seed)) == frames for seed in range(5))
    chunks = chunks_of(frames)
    assert said_by(chunks) == synthetic.text
    assert {chunk["model"] for chunk in chunks} == {"p"}
    if synthetic.error is not None:
        assert b"[DONE]" not in frames
        return
    assert frames.endswith(b": " + COMMENT + b"\n\ndata: [DONE]\n\n")
    reasons = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
    assert reasons == (["tool_calls"] if "tool" in synthetic.name else ["stop"])
    told = [chunk["usage"] for chunk in chunks if chunk["usage"] is not None]
    assert told == ([] if synthetic.usage is None else [usage_to_openai(synthetic.usage)])


@pytest.mark.parametrize("synthetic", V3_STREAMS, ids=lambda synthetic: synthetic.name)
def test_what_the_vendor_counted_and_said_is_seen_through_the_translation(synthetic: Synthetic) -> None:
    fold = new_fold()
    put_through(fold, [synthetic.body])
    assert (fold.usage, fold.done) == (synthetic.usage, synthetic.done)
    assert (fold.error.code if fold.error else None) == synthetic.error
    assert fold.delivered_tokens() == max(synthetic.deltas, len(synthetic.text.encode()) // 4)


def test_a_balance_that_ends_in_mid_stream() -> None:
    fold = new_fold()
    put_through(fold, [sse(*TALK3)])
    ended, usage = chunks_of(fold.graceful_end(Usage(input=3, output=2)))
    assert ended["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)


@pytest.mark.parametrize(
    "synthetic", [s for s in V3_STREAMS if s.error is None and s.usage], ids=lambda synthetic: synthetic.name
)
def test_a_stream_put_together_is_said_as_an_answer(synthetic: Synthetic) -> None:
    assert PAIR.assembler is not None
    assembler = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [synthetic.body])
    answer = json.loads(assembler.answer())
    [choice] = answer["choices"]
    message = choice["message"]
    said = (message.get("reasoning_content") or "") + (message["content"] or "")
    for call in message.get("tool_calls", ()):
        said += call["function"]["name"] + call["function"]["arguments"]
    assert said == synthetic.text.replace('": "', '":"')
    assert (answer["object"], answer["model"]) == ("chat.completion", "p")
    assert answer["usage"]["completion_tokens"] == synthetic.usage.output_total  # type: ignore[union-attr]


def test_one_that_was_cut_is_put_together_by_length() -> None:
    assert PAIR.assembler is not None
    assembler = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [sse(*TALK3)])
    answer = json.loads(assembler.graceful_end(Usage(input=3, output=2)))
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["usage"]["total_tokens"] == 5


@pytest.mark.parametrize("depth", [300, 1022, 1023])
def test_depths_that_cannot_be_written_stop_nothing(depth: int) -> None:
    """JSON is read to a depth of 1,024, and a result stands one deeper in an answer than in a stream."""
    assert PAIR.assembler is not None
    usage, nested = json.dumps(counts(3, 2)), "[" * depth + "]" * depth
    deep = f'{{"message":{{"content":"네"}},"usage":{usage},"x":{nested}}}'
    body = f"event:result\ndata:{deep}\n\n".encode()
    assert said_by(chunks_of(to_client(body))) == "네"
    assembler = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [body])
    answer = json.loads(assembler.answer())
    assert answer["usage"]["total_tokens"] == 5
    if depth < 1023:
        assert answer["choices"][0]["message"]["content"] == "네"
    whole = b'{"status":{"code":"20000"},"result":%b}' % deep.encode()
    assert PAIR.answer(whole, product_id="p", quirks=NO_QUIRKS).usage == (
        Usage(input=3, output=2) if depth < 1023 else None
    )


# -- and OpenAI's own SDK reads it


class Replay(httpx2.BaseTransport):
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        kind = "application/json" if self.body.startswith(b"{") else "text/event-stream"
        return httpx2.Response(200, headers={"content-type": kind}, content=self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        return in_random_reads(self.body, "sdk")


def client(body: bytes) -> OpenAI:
    http = httpx2.Client(transport=Replay(body))
    return OpenAI(api_key="vg_test", base_url="http://gateway/v1", http_client=http, max_retries=0)


def streamed(body: bytes) -> ChatCompletion:
    """What the SDK makes of a whole stream."""
    with client(body).chat.completions.stream(**ASKED) as stream:
        return stream.get_final_completion()


def test_the_sdk_reads_a_stream() -> None:
    made = streamed(to_client(sse(*TALK3, *END3)))
    assert (made.choices[0].message.content, made.choices[0].finish_reason) == (TEXT, "stop")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (20, 5)


def test_the_sdk_reads_a_call_in_a_stream() -> None:
    [choice] = streamed(to_client(CALLED)).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    [call] = choice.message.tool_calls
    assert call.type == "function"
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == (
        "call_1",
        "weather",
        {"a": "서울"},
    )


def test_the_sdk_reads_an_answer() -> None:
    message = {"role": "assistant", "content": TEXT, "toolCalls": [CALL], "thinkingContent": "음"}
    result = {"message": message, "finishReason": "tool_calls", "usage": counts(58, 588, 361)}
    body = json.dumps({"status": {"code": "20000", "message": "OK"}, "result": result}).encode()
    answer = PAIR.answer(body, product_id="p", quirks=NO_QUIRKS)
    assert answer.usage == Usage(input=58, output=588, reasoning=361)
    made = client(answer.body).chat.completions.create(**ASKED)
    [choice] = made.choices
    assert (made.model, choice.message.content, choice.finish_reason) == ("p", TEXT, "tool_calls")
    assert choice.message.model_extra == {"reasoning_content": "음"}
    [call] = choice.message.tool_calls or []
    assert call.type == "function"
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", '{"a":"서울"}')
    assert made.usage is not None
    assert made.usage.completion_tokens_details is not None
    assert made.usage.completion_tokens_details.reasoning_tokens == 361


def test_the_sdk_raises_on_a_stream_that_failed() -> None:
    failed = new_fold().failure(Refusal(502, "upstream_error", "The vendor failed.", "api_error"))
    with pytest.raises(openai.APIError, match="The vendor failed"):
        streamed(to_client(sse(*TALK3)).removesuffix(b"data: [DONE]\n\n") + failed)


def test_an_error_in_a_200_is_no_answer() -> None:
    said = {"status": {"code": "42902", "message": "overloaded"}, "result": None}
    answer = PAIR.answer(json.dumps(said).encode(), product_id="p", quirks=NO_QUIRKS)
    assert answer.error == error_of(said)
    assert answer.usage is None
