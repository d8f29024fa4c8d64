"""OpenAI's own SDK and what is kept: created, read again, cancelled, deleted, listed, gone on from."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from tests.fakes.gateway_world import KEY, World, world
from tests.fakes.stored_vendor import StoringVendor
from tests.gateway.test_stored import CHARGE_MICRO, until


@asynccontextmanager
async def served(vendor: StoringVendor, tmp_path: Path) -> AsyncIterator[tuple[World, AsyncOpenAI]]:
    async with world(vendor, tmp_path) as w:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        async with AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client:
            try:
                yield w, client
            finally:
                server.should_exit = True
                await serving
                listener.close()


async def test_a_conversation_that_is_kept(tmp_path: Path) -> None:
    async with served(StoringVendor(), tmp_path) as (w, client):
        first = await client.responses.create(model="x1", input="hi", store=True)
        second = await client.responses.create(
            model="x1", input="and?", store=True, previous_response_id=first.id
        )
        again = await client.responses.retrieve(first.id)
        assert (again.id, again.model, again.status) == (first.id, "x1", "completed")
        items = [item async for item in client.responses.input_items.list(second.id)]
        assert [item.id for item in items] == ["msg_1"]
        await client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError) as raised:
            await client.responses.retrieve(first.id)
        assert raised.value.code == "id_not_found"
        with pytest.raises(openai.NotFoundError):
            await client.responses.create(model="x1", input="?", previous_response_id=first.id)
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO] * 2


async def test_in_the_background(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with served(vendor, tmp_path) as (w, client):
        begun = await client.responses.create(model="x1", input="hi", background=True)
        assert begun.status == "queued"
        vendor.finish()
        ended = await client.responses.retrieve(begun.id)
        assert (ended.status, ended.usage is not None) == ("completed", True)
        await until(lambda: len(w.events) == 1)
        other = await client.responses.create(model="x1", input="hi", background=True)
        cancelled = await client.responses.cancel(other.id)
        assert cancelled.status == "cancelled"
        await until(lambda: len(w.events) == 2)


async def test_a_stream_that_is_taken_up_again(tmp_path: Path) -> None:
    vendor = StoringVendor(pause_s=0.02)
    async with served(vendor, tmp_path) as (w, client):
        stream = await client.responses.create(model="x1", input="hi", background=True, stream=True)
        first = await anext(aiter(stream))
        assert first.type == "response.created"
        await stream.close()
        rest = await client.responses.retrieve(
            first.response.id, stream=True, starting_after=first.sequence_number
        )
        kinds = [event.type async for event in rest]
        assert kinds[-1] == "response.completed"
        assert "response.output_text.delta" in kinds
        await until(lambda: len(w.events) == 1)
        assert w.events[0].charge_micro == CHARGE_MICRO
