"""The simulated vendor breaks as ordered, and says afterwards what it billed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from launch.demo_vendor.faults import UnknownFault, parse_fault, read_orders
from launch.demo_vendor.replay import Recordings
from tests.fakes.vendor_client import asked, usage_of, vendor


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
