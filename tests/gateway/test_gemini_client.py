"""Google's own SDK, pointed at a gateway by two changed values, works unchanged."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from google import genai
from google.genai import errors, types

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from metering.directory import Voucher
from tests.fakes.gateway_world import KEY, World, answer, voucher, world
from tests.fakes.gateway_world import Vendor as AnyVendor
from tests.fakes.gemini_stream import chunk
from tests.fakes.gemini_vendor import LAST, Vendor


@asynccontextmanager
async def served(
    vendor: AnyVendor,
    tmp_path: Path,
    paying: Voucher | None = None,
    key: str = KEY,
    dialect: str = "gemini",
) -> AsyncIterator[tuple[World, genai.Client]]:
    """A gateway on a real socket, and the SDK's blocking client of it."""
    async with world(vendor, tmp_path, vouchers=(paying or voucher(),), dialect=dialect) as w:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        options = types.HttpOptions(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        client = genai.Client(api_key=key, vertexai=False, http_options=options)
        try:
            yield w, client
        finally:
            client.close()
            server.should_exit = True
            await serving
            listener.close()


def streamed(client: genai.Client) -> list[types.GenerateContentResponse]:
    config = types.GenerateContentConfig(max_output_tokens=4000)
    return list(client.models.generate_content_stream(model="x1", contents="hi", config=config))


async def test_answers_and_chats(tmp_path: Path) -> None:
    async with served(Vendor(LAST), tmp_path) as (w, client):
        answer = await asyncio.to_thread(lambda: client.models.generate_content(model="x1", contents="hi"))
        assert (answer.text, answer.model_version) == ("lo", "x1")
        chat = client.chats.create(model="x1")
        assert [
            one.text for one in await asyncio.to_thread(lambda: list(chat.send_message_stream("hi")))
        ] == ["lo"]
        again = await asyncio.to_thread(lambda: chat.send_message("and?"))
        assert again.text == "lo"
        assert len(w.seen[-1]["contents"]) == 3, "with what was said before"
        assert [event.charge_micro for event in w.events] == [30_000] * 3


async def test_a_stream(tmp_path: Path) -> None:
    async with served(Vendor(chunk("hel"), LAST), tmp_path) as (w, client):
        chunks = await asyncio.to_thread(lambda: streamed(client))
        assert [(one.text, one.model_version) for one in chunks] == [("hel", "x1"), ("lo", "x1")]
        assert w.events[0].charge_micro == 30_000


async def test_the_models_are_listed(tmp_path: Path) -> None:
    async with served(Vendor(LAST), tmp_path) as (_, client):
        listed = await asyncio.to_thread(lambda: list(client.models.list()))
        assert [model.name for model in listed] == ["models/x1"]
        one = await asyncio.to_thread(lambda: client.models.get(model="x1"))
        assert one.name == "models/x1"


async def test_the_end_of_the_balance_is_an_end_by_length(tmp_path: Path) -> None:
    scarce = voucher(1, 0, share_ppm=1_000_000)
    vendor = Vendor(*[chunk("word") for _ in range(500)], LAST, pause_s=0.001)
    async with served(vendor, tmp_path, scarce) as (_, client):
        chunks = await asyncio.to_thread(lambda: streamed(client))
        last = chunks[-1]
        assert last.candidates
        assert last.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
        assert last.usage_metadata
        assert last.usage_metadata.candidates_token_count == len(chunks) - 1


@pytest.mark.parametrize(
    ("said", "paying", "key", "code", "reason"),
    [
        ([chunk("half")], voucher(), KEY, 502, "upstream_error"),
        ([LAST], voucher(0, 0), KEY, 402, "voucher_exhausted"),
        ([LAST], voucher(), "vg_other_key_00000000000", 401, "invalid_api_key"),
    ],
)
async def test_what_is_refused_is_raised(
    said: list[Any], paying: Voucher, key: str, code: int, reason: str, tmp_path: Path
) -> None:
    async with served(Vendor(*said), tmp_path, paying, key) as (_, client):
        with pytest.raises(errors.APIError) as raised:
            await asyncio.to_thread(lambda: streamed(client))
        assert raised.value.code == code
        assert raised.value.details["error"]["details"][0]["reason"] == reason


def weather(at: str, days: int = 1) -> dict[str, str]:
    """Of a place."""
    return {"sky": f"clear at {at}"}


async def test_a_chat_that_calls_functions_by_itself_with_a_vendor_of_openais(tmp_path: Path) -> None:
    """The SDK calls them, and leaves the ids of what they give back out."""
    calls = [
        {"id": f"c{at}", "type": "function", "function": {"name": "weather", "arguments": f'{{"at":"{at}"}}'}}
        for at in "ab"
    ]
    called = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": called}
    rounds = [{**answer(10, 5), "choices": [choice]}, answer(10, 5)]

    async def vendor(_: web.Request) -> web.StreamResponse:
        return web.json_response(rounds.pop(0))

    async with served(vendor, tmp_path, dialect="openai") as (w, client):
        config = types.GenerateContentConfig(tools=[weather], system_instruction="be brief")
        chat = client.chats.create(model="x1", config=config)
        said = await asyncio.to_thread(lambda: chat.send_message("hi"))
        assert (said.text, said.model_version) == ("hello", "x1")
        assert w.seen[1]["messages"][2:] == [
            called,
            {"role": "tool", "tool_call_id": "ca", "content": '{"result":{"sky":"clear at a"}}'},
            {"role": "tool", "tool_call_id": "cb", "content": '{"result":{"sky":"clear at b"}}'},
        ]
        assert [event.status for event in w.events] == ["settled", "settled"]
