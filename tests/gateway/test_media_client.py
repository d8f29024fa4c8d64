"""OpenAI's own SDK, pointed at a gateway by two changed values: images, speech, transcripts."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from providers.forms import read_form
from tests.fakes.gateway_world import KEY, World, world
from tests.fakes.media_vendor import HEARD_TOKENS, SOUND, TOKENS, events, priced, spoken
from tests.fakes.sounds import wave

PICTURE = base64.b64encode(SOUND).decode()


async def vendor(request: web.Request) -> web.StreamResponse:
    """All three, as OpenAI answers."""
    if request.path.endswith("/images/generations"):
        return web.json_response({"created": 1, "data": [{"b64_json": PICTURE}], "usage": TOKENS})
    if request.path.endswith("/audio/speech"):
        said = await request.read()
        if b'"sse"' in said:
            answer: web.StreamResponse = await events(*spoken(SOUND))(request)
            return answer
        return web.Response(body=SOUND, headers={"content-type": "audio/mpeg"})
    fields = read_form(request.headers["content-type"], await request.read())
    done = {"type": "transcript.text.done", "text": "hello", "usage": HEARD_TOKENS}
    if "stream" in fields and fields["stream"][0].data == b"true":
        streamed: web.StreamResponse = await events(
            {"type": "transcript.text.delta", "delta": "hello"}, done, done=True
        )(request)
        return streamed
    return web.json_response({"text": "hello", "usage": HEARD_TOKENS})


@asynccontextmanager
async def served(tmp_path: Path, **won: int) -> AsyncIterator[tuple[World, AsyncOpenAI]]:
    """A gateway on a real socket, and the SDK's client of it."""
    async with world(vendor, tmp_path, **priced(**won)) as w:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        try:
            async with AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
                yield w, client
        finally:
            server.should_exit = True
            await serving
            listener.close()


async def test_images(tmp_path: Path) -> None:
    async with served(tmp_path, per_image=50) as (w, client):
        answer = await client.images.generate(model="x1", prompt="a cat", n=1, size="1024x1024")
        assert answer.data is not None
        assert answer.data[0].b64_json == PICTURE
        assert w.events[0].units == {"images": 1}
        with pytest.raises(openai.BadRequestError, match="stream"):
            await client.images.generate(model="x1", prompt="a cat", stream=True)


async def test_speech(tmp_path: Path) -> None:
    async with served(tmp_path, per_1000_characters=1000) as (w, client):
        answer = await client.audio.speech.create(model="x1", voice="coral", input="hello")
        assert answer.content == SOUND
        streaming = client.audio.speech.with_streaming_response
        async with streaming.create(model="x1", voice="coral", input="hello") as response:
            assert response.headers["content-type"] == "audio/mpeg"
            await response.stream_to_file(tmp_path / "said.mp3")
        assert (tmp_path / "said.mp3").read_bytes() == SOUND
        sse = await client.audio.speech.create(model="x1", voice="coral", input="hello", stream_format="sse")
        assert b"speech.audio.done" in sse.content
        assert [event.units for event in w.events] == [{"characters": 5}] * 3


async def test_transcriptions(tmp_path: Path) -> None:
    sound = ("voice.wav", wave(1.0), "audio/wav")
    async with served(tmp_path, input_audio=1_000_000) as (w, client):
        answer = await client.audio.transcriptions.create(model="x1", file=sound)
        assert answer.text == "hello"
        text = await client.audio.transcriptions.create(model="x1", file=sound, response_format="text")
        assert text == "hello\n"
        stream = await client.audio.transcriptions.create(
            model="x1", file=sound, stream=True, chunking_strategy={"type": "server_vad"}
        )
        assert [event.type async for event in stream] == ["transcript.text.delta", "transcript.text.done"]
        assert {event.tokens["input_audio"] for event in w.events} == {7}
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.transcriptions.create(model="x1", file=("empty.wav", b""))
        assert refused.value.param == "file"
