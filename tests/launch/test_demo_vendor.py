"""The simulated vendor counts honestly, breaks as ordered, and replays recordings' bytes alone."""

from __future__ import annotations

import base64
import json
import signal
import struct
import subprocess
import sys
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from launch.demo_vendor.counting import count_prompt, count_text, pieces_of
from launch.demo_vendor.speech import filler, sample_of
from tests.fakes.vendor_client import asked, text_of, usage_of, vendor

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


async def test_answers_say_what_they_are_and_count_what_they_say() -> None:
    async with vendor() as client:
        status, answer, response = await client.post("/v1/chat/completions", asked("안녕하세요"))
        assert status == 200
        assert response.headers["X-Simulation"] == "voucher-gateway demo vendor"
        assert answer["system_fingerprint"] == "simulation"
        text = answer["choices"][0]["message"]["content"]
        assert "모의 응답" in text
        assert answer["usage"]["completion_tokens"] == count_text(text)
        assert answer["usage"]["prompt_tokens"] == 3 + 4 + count_text("안녕하세요")
        english = await client.chat("hello")
        assert "simulated answer" in english["choices"][0]["message"]["content"]


async def test_a_stream_says_and_bills_what_a_whole_answer_does() -> None:
    async with vendor() as client:
        whole = await client.chat("hi", n=2)
        chunks = await client.stream("hi", n=2, stream_options={"include_usage": True})
        assert text_of(chunks[::1]).count("simulated") == 2
        assert usage_of(chunks) == whole["usage"]
        assert chunks[-1] == "[DONE]"
        assert usage_of(await client.stream("hi")) is None


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_limits_are_kept(field: str) -> None:
    async with vendor() as client:
        answer = await client.chat("hi", **{field: 7})
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 7


async def test_orders_in_the_text() -> None:
    async with vendor() as client:
        answer = await client.chat("[[tokens=400]] [[reasoning=50]] [[cached=5]]")
        usage = answer["usage"]
        assert usage["completion_tokens"] == 450
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 50
        assert usage["prompt_tokens_details"]["cached_tokens"] == 5
        assert answer["choices"][0]["finish_reason"] == "stop"


async def test_stop_ends_the_text() -> None:
    async with vendor() as client:
        answer = await client.chat("hi", stop=["demo"], max_tokens=100)
        assert answer["choices"][0]["message"]["content"] == "This is a simulated answer of the "
        assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("text", "more", "called"),
    [
        ("please use the tool", {}, True),
        ("call get_weather", {}, True),
        ("hi", {"tool_choice": "required"}, True),
        ("hi", {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, True),
        ("hi", {}, False),
        ("use the tool", {"tool_choice": "none"}, False),
    ],
)
async def test_tools(text: str, more: dict[str, Any], called: bool) -> None:
    async with vendor() as client:
        answer = await client.chat(text, tools=[WEATHER], **more)
        choice = answer["choices"][0]
        assert (choice["finish_reason"] == "tool_calls") == called
        if called:
            function = choice["message"]["tool_calls"][0]["function"]
            assert (function["name"], json.loads(function["arguments"])) == (
                "get_weather",
                {"city": "Seoul", "days": 1},
            )
            told = count_text("get_weather") + count_text(function["arguments"])
            assert answer["usage"]["completion_tokens"] == told


async def test_a_tools_result_is_answered_with_text() -> None:
    async with vendor() as client:
        messages = [{"role": "user", "content": "tool"}, {"role": "tool", "content": "tool: sunny"}]
        _, answer, _ = await client.post(
            "/v1/chat/completions", {"model": "m", "messages": messages, "tools": [WEATHER]}
        )
        assert answer["choices"][0]["finish_reason"] == "stop"


async def test_streamed_tool_calls() -> None:
    async with vendor() as client:
        chunks = await client.stream("tool", tools=[WEATHER])
        calls = [
            call
            for chunk in chunks[:-1]
            for choice in chunk["choices"]
            for call in choice["delta"].get("tool_calls", [])
        ]
        assert calls[0]["function"]["name"] == "get_weather"
        assert json.loads("".join(call["function"]["arguments"] for call in calls))["city"] == "Seoul"


def test_pictures_are_counted_by_a_fixed_rule() -> None:
    def picture(**more: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": "data:,", **more}}

    text = [{"type": "text", "text": "see"}]
    plain = count_prompt(asked(text))
    assert count_prompt(asked([*text, picture()])) == plain + 765
    assert count_prompt(asked([*text, picture(detail="low")])) == plain + 85
    assert count_prompt(asked([*text, {"type": "input_audio"}])) == plain + 200


async def test_json_is_answered_with_json() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "array", "items": {}}},
    }
    async with vendor() as client:
        form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
        answer = await client.chat("hi", response_format=form)
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"a": "x", "b": [{}]}
        answer = await client.chat("hi", response_format={"type": "json_object"})
        assert json.loads(answer["choices"][0]["message"]["content"])["simulation"] is True


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 3}, 3),
        ({"anyOf": [{"type": "boolean"}]}, True),
        ({"type": ["null", "string"]}, None),
        ({"type": "number", "minimum": 4}, 4),
        ({}, {}),
        (None, {}),
    ],
)
def test_samples(schema: Any, value: Any) -> None:
    assert sample_of(schema) == value


async def test_embeddings() -> None:
    async with vendor() as client:
        body = {"model": "e", "input": ["hello world", "값"], "dimensions": 8}
        _, answer, _ = await client.post("/v1/embeddings", body)
        told = count_text("hello world") + count_text("값")
        assert answer["usage"] == {"prompt_tokens": told, "total_tokens": told}
        assert [len(item["embedding"]) for item in answer["data"]] == [8, 8]
        _, packed, _ = await client.post("/v1/embeddings", {**body, "encoding_format": "base64"})
        raw = base64.b64decode(packed["data"][1]["embedding"])
        assert struct.unpack("<8f", raw) == pytest.approx(answer["data"][1]["embedding"])
        _, tokens, _ = await client.post("/v1/embeddings", {"model": "e", "input": [[1, 2], [3]]})
        assert tokens["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "m"}),
        ("/v1/chat/completions", {"model": "m", "messages": ["x"]}),
        ("/v1/chat/completions", asked("x", max_tokens=0)),
        ("/v1/chat/completions", asked("x", n="2")),
        ("/v1/chat/completions", [1]),
        ("/v1/embeddings", {"model": "m", "input": []}),
        ("/v1/embeddings", {"model": "m", "input": "x", "dimensions": 0}),
    ],
)
async def test_nonsense_is_refused(path: str, body: Any) -> None:
    async with vendor() as client:
        status, answer, _ = await client.post(path, body)
        assert status == 400
        assert answer["error"]["type"] == "invalid_request_error"


async def test_models() -> None:
    async with vendor() as client, client.session.get("/v1/models") as response:
        assert "demo-nuri-x1" in [model["id"] for model in (await response.json())["data"]]


async def test_another_count() -> None:
    async with vendor() as honest, vendor(count_factor=Fraction(3, 2)) as other:
        body = {"text": "hi there", "max_tokens": 30}
        plain, dearer = (await honest.chat(**body))["usage"], (await other.chat(**body))["usage"]
        assert dearer["prompt_tokens"] == -(-plain["prompt_tokens"] * 3 // 2)
        assert dearer["completion_tokens"] == 30, "the limit is in its own tokens"


@pytest.mark.parametrize("tokens", [0, 1, 10, 1000])
@pytest.mark.parametrize("korean", [True, False])
def test_filler_is_as_long_as_asked(tokens: int, korean: bool) -> None:
    pieces = filler(korean=korean, tokens=tokens)
    assert tokens - 1 <= sum(count for _, count in pieces) <= tokens


def test_pieces_are_whole_characters() -> None:
    text = "뷁쀍 힣 🧑‍🚀 값"
    pieces = pieces_of(text)
    assert "".join(piece for piece, _ in pieces) == text
    assert sum(count for _, count in pieces) == count_text(text)


def test_as_a_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "launch.demo_vendor", "--latency-ms", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{address}/models", timeout=10) as response:
            assert json.load(response)["object"] == "list"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
