"""The simulated vendor counts honestly, breaks as ordered, and replays recordings' bytes alone."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import struct
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from launch.demo_vendor.counting import count_prompt, count_text, pieces_of
from launch.demo_vendor.faults import UnknownFault, parse_fault, read_orders
from launch.demo_vendor.replay import Recordings
from launch.demo_vendor.server import DemoVendor
from launch.demo_vendor.speaker import VendorSettings
from launch.demo_vendor.speech import filler, sample_of

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


class Client:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def post(self, path: str, body: Any) -> tuple[int, Any, aiohttp.ClientResponse]:
        async with self.session.post(path, json=body) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text, response

    async def chat(self, text: Any = "hi", **more: Any) -> Any:
        status, answer, _ = await self.post("/v1/chat/completions", asked(text, **more))
        assert status == 200, answer
        return answer

    async def stream(self, text: str = "hi", **more: Any) -> list[Any]:
        """Chunks; the last is "[DONE]" where it came, "lost" where the connection was."""
        seen: list[Any] = []
        try:
            async with self.session.post(
                "/v1/chat/completions", json=asked(text, stream=True, **more)
            ) as response:
                async for line in response.content:
                    if line.startswith(b"data: "):
                        data = line[6:].strip()
                        seen.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        except aiohttp.ClientError:
            seen.append("lost")
        return seen

    async def log(self, **query: str) -> Any:
        async with self.session.get("/demo/log", params=query) as response:
            return await response.json()


def asked(text: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


@asynccontextmanager
async def vendor(**settings: Any) -> AsyncIterator[Client]:
    made = DemoVendor(VendorSettings(**{"latency_ms": 0.0, "token_ms": 0.0, **settings}))
    async with (
        TestServer(made.app(), handler_cancellation=True) as server,
        aiohttp.ClientSession(base_url=server.make_url("/")) as session,
    ):
        yield Client(session)


def text_of(chunks: list[Any]) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for chunk in chunks
        if isinstance(chunk, dict)
        for choice in chunk.get("choices", [])
    )


def usage_of(chunks: list[Any]) -> Any:
    return next((chunk["usage"] for chunk in chunks if isinstance(chunk, dict) and "usage" in chunk), None)


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


@pytest.mark.parametrize(("fault", "status"), [("http_500", 500), ("429", 429), ("http_404", 404)])
async def test_statuses_on_demand(fault: str, status: int) -> None:
    async with vendor() as client:
        got, answer, response = await client.post("/v1/chat/completions", asked(f"[[fault:{fault}]]"))
        assert got == status
        assert "error" in answer
        assert ("Retry-After" in response.headers) == (status == 429)
        assert (await client.log())["calls"][0]["usage"] is None


async def test_stream_faults_on_demand() -> None:
    async with vendor() as client:
        usage = {"stream_options": {"include_usage": True}}
        cut = await client.stream("[[fault:cut_after=3]]", **usage)
        assert (len(cut), cut[-1]) == (4, "lost")
        errored = await client.stream("[[fault:error_after=2]]", **usage)
        assert "error" in errored[2]
        assert len(errored) == 3
        assert usage_of(await client.stream("[[fault:no_usage]]", **usage)) is None
        assert (await client.stream("[[fault:no_done]]", **usage))[-1] != "[DONE]"
        calls = (await client.log())["calls"]
        assert [call["ended"] for call in calls] == ["fault", "fault", "complete", "complete"]
        assert calls[0]["usage"]["completion_tokens"] == 2, "billed as far as it was said"


async def test_answer_faults_on_demand() -> None:
    async with vendor() as client:
        assert (await client.chat("[[fault:garbage]]")).startswith("<html>")
        assert "error" in await client.chat("[[fault:error_in_200]]")
        assert "usage" not in await client.chat("[[fault:no_usage]]")
        with pytest.raises(aiohttp.ClientError):
            await client.chat("[[fault:cut_after=1]]")
        for slow in ("[[fault:hang]]", "[[fault:slow_first_byte=9]]", "[[latency_ms=9000]]"):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.chat(slow), 0.1)


async def test_a_stall_and_a_client_that_leaves() -> None:
    async with vendor() as client:
        for text, ended in (("[[fault:stall_after=2]]", "fault"), ("[[token_ms=200]]", "client_gone")):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.stream(text), 0.3)
            for _ in range(100):
                calls = (await client.log())["calls"]
                if calls and calls[-1]["ended"] == ended:
                    break
                await asyncio.sleep(0.02)
            assert calls[-1]["ended"] == ended


async def test_faults_for_every_call_or_the_first() -> None:
    async with vendor(faults={"http_500": None}, faults_first=1) as client:
        assert (await client.post("/v1/chat/completions", asked("x")))[0] == 500
        assert (await client.post("/v1/chat/completions", asked("x")))[0] == 200


def test_fault_words() -> None:
    assert parse_fault("cut_after=3") == ("cut_after", 3.0)
    assert parse_fault("http_503") == ("http_503", None)
    with pytest.raises(UnknownFault):
        parse_fault("explode")
    orders = read_orders(
        {"model": "[[fault:hang]]", "user": "[[tokens=5]]", "messages": []}, {"no_done": None}
    )
    assert (set(orders.faults), orders.tokens) == ({"hang", "no_done"}, 5)
    assert read_orders(asked("[[fault:explode]] [[tokens]]"), {}).faults == {}


async def test_the_log(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    async with vendor(log=file) as client:
        async with client.session.post(
            "/v1/chat/completions", json=asked("hi"), headers={"X-Request-Id": "r-1"}
        ) as response:
            usage = (await response.json())["usage"]
            call_id = response.headers["X-Request-Id"]
        await client.chat("hi")
        log = await client.log(request_id="r-1")
        (call,) = log["calls"]
        assert (call["call_id"], call["usage"], call["model"]) == (call_id, usage, "m")
        assert log["totals"]["m"] == {
            "calls": 2,
            "billed": 2,
            "prompt_tokens": 2 * usage["prompt_tokens"],
            "completion_tokens": 2 * usage["completion_tokens"],
        }
        assert len((await client.log(limit="1"))["calls"]) == 1
    assert [json.loads(line)["request_id"] for line in file.read_text().splitlines()] == ["r-1", None]


def recording(folder: Path, name: str, **response: Any) -> None:
    exchange = {
        "id": name,
        "protocol": "openai.chat",
        "expected_usage": {"input_tokens": 424242},
        "reported_usage": {"prompt_tokens": 424242},
        "response": {"status": 200, "headers": {"Content-Type": "text/event-stream", "x-other": "1"}}
        | response,
    }
    (folder / f"{name}.json").write_text(json.dumps(exchange), "utf-8")


async def test_replay(tmp_path: Path) -> None:
    recording(tmp_path, "openai.chat.x.stream.1", body="data: 값\n\ndata: 2\n\n", chunk_lengths=[11, 9])
    recording(tmp_path, "openai.chat.x.unary.2", body=None, status=503)
    assert b"424242" not in repr(Recordings(tmp_path).find("openai.chat.x.stream.1")).encode()
    async with vendor(replay=tmp_path) as client:
        status, body, response = await client.post(
            "/v1/chat/completions", {**asked("x"), "model": "openai.chat.x.stream.1"}
        )
        assert (status, body) == (200, "data: 값\n\ndata: 2\n\n")
        assert response.headers["Content-Type"] == "text/event-stream"
        assert "x-other" not in response.headers
        status, body, _ = await client.post(
            "/v1/chat/completions", {**asked("x"), "model": "openai.chat.x.unary.2"}
        )
        assert (status, body) == (503, "")
        assert "simulated" in (await client.chat("x"))["choices"][0]["message"]["content"]
        async with client.session.get("/v1/models") as response:
            assert len((await response.json())["data"]) == 2


def test_recordings_stay_in_their_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    recording(tmp_path, "outside", body="x")
    assert Recordings(inner).find("../outside") is None
    assert Recordings(inner).find("outside") is None


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
