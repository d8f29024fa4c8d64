"""Anthropic's callers and CLOVA Studio's models; Anthropic's own SDK reads what is said to them."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx2
import pytest
from anthropic import Anthropic
from anthropic.types import Message

from providers.facts import IN_BODY, BadRequest, RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.pairing import pair
from tests.fakes.vendor_stream import assemble, in_random_reads, put_through
from tests.providers.anthropic.test_sdk_anthropic import Replay
from tests.providers.clova.exchanges import CALL, STREAMS, Synthetic, counts

PAIR: Final = pair(ANTHROPIC, CLOVA)
WHOLE: Final = [s for s in STREAMS if s.version.number == 3 and s.error is None]
ASKED: Final[dict[str, Any]] = {
    "model": "p",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
TOOLS: Final = [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]


def facts(**more: Any) -> RequestFacts:
    return PAIR.read({**ASKED, **more}, 100, IN_BODY)


def encoded(**more: Any) -> Any:
    body = {**ASKED, **more}
    written = PAIR.encode(
        body, facts=facts(**more), upstream_model="HCX-007", stream=False, output_limit=None, quirks=NO_QUIRKS
    )
    return json.loads(written)


def client(body: bytes) -> Anthropic:
    http = httpx2.Client(transport=Replay(body))
    return Anthropic(api_key="vg_test", base_url="http://gateway", http_client=http, max_retries=0)


def said_by(message: Message) -> str:
    said = ""
    for block in message.content:
        if block.type == "thinking":
            said += block.thinking
        elif block.type == "text":
            said += block.text
        elif block.type == "tool_use":
            said += block.name + json.dumps(block.input, ensure_ascii=False)
    return said


def test_what_is_asked() -> None:
    assert encoded(
        system="be brief",
        messages=[
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "wait"},
                {"type": "tool_use", "id": "c", "name": "weather", "input": {"a": "서울"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": "no line", "is_error": True},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
            ]},
        ],
        tools=TOOLS,
        tool_choice={"type": "any"},
        stop_sequences=["END"],
        top_k=3,
    ) == {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": "wait", "toolCalls": [{**CALL, "id": "c"}]},
            {"role": "tool", "toolCallId": "c", "content": "no line"},
            {"role": "user", "content": [
                {"type": "image_url", "dataUri": {"data": "data:image/png;base64,AA"}}
            ]},
        ],
        "tools": [{"type": "function", "function": {
            "name": "weather", "description": "d", "parameters": {"type": "object"}}}],
        "toolChoice": {"type": "function", "function": {"name": "weather"}},
        "stop": ["END"], "topK": 3, "maxCompletionTokens": 100,
    }  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"tools": TOOLS, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {"tools": [*TOOLS, {**TOOLS[0], "name": "now"}], "tool_choice": {"type": "any"}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"mcp_servers": [{"type": "url", "url": "https://mcp.example", "name": "m"}]},
    ],
)
def test_what_it_has_no_words_for(more: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="clova"):
        encoded(**more)


@pytest.mark.parametrize("synthetic", WHOLE, ids=lambda synthetic: synthetic.name)
def test_the_sdk_reads_a_stream(synthetic: Synthetic) -> None:
    assert PAIR.fold is not None
    fold = PAIR.fold("p", facts(stream=True), NO_QUIRKS)
    frames = b"".join(put_through(fold, in_random_reads(synthetic.body, synthetic.name)))
    with client(frames + fold.owed_frames() + fold.terminal()).messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert said_by(message) == synthetic.text
    assert message.stop_reason == ("tool_use" if "tool" in synthetic.name else "end_turn")
    if synthetic.usage is not None:
        assert message.usage.output_tokens == synthetic.usage.output_total


@pytest.mark.parametrize("synthetic", [s for s in WHOLE if s.usage], ids=lambda synthetic: synthetic.name)
def test_the_sdk_reads_a_stream_put_together(synthetic: Synthetic) -> None:
    assert PAIR.assembler is not None
    answer = assemble(PAIR.assembler("p", facts(), NO_QUIRKS), [synthetic.body]).answer()
    message = client(answer).messages.create(**ASKED)
    assert said_by(message) == synthetic.text
    assert synthetic.usage is not None
    assert message.usage.output_tokens == synthetic.usage.output_total


def test_the_sdk_reads_an_answer() -> None:
    result = {
        "message": {"content": "네", "toolCalls": [CALL]},
        "finishReason": "length",
        "usage": counts(5, 3),
    }
    body = json.dumps({"status": {"code": "20000"}, "result": result}).encode()
    answer = PAIR.answer(body, product_id="p", quirks=NO_QUIRKS)
    message = client(answer.body).messages.create(**ASKED)
    assert (message.model, message.stop_reason, message.usage.input_tokens) == ("p", "max_tokens", 5)
    assert said_by(message) == '네weather{"a": "서울"}'
