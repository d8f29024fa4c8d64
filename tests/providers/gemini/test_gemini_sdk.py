"""Google's own SDK reads what the dialect sends: a loopback server says our bytes.

The SDK always asks for events, and cannot read the array form (of Google either): an array is read as the
JSON it is, and its elements with the SDK's types. Recordings that were asked for with numbers in place of
names are left out: the SDK cannot read those, and the gateway never asks for them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from google import genai
from google.genai import errors, types

from metering.usage import Usage
from providers.dialect import Refusal
from providers.gemini.answer import read_answer, read_count
from providers.gemini.errors import refusal_body
from providers.gemini.stream import StreamFold
from tests.fakes.gemini_recordings import (
    WIRE,
    answers,
    body_of,
    chunks_of,
    event_of,
    in_random_reads,
    put_through,
    streams,
)

PRODUCT: Final = "wire-product"
REFUSAL: Final = Refusal(status=402, code="voucher_exhausted", message="Top up.", openai_type="x")
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

needs_recordings = pytest.mark.skipif(
    not WIRE.is_dir(), reason="the recorded exchanges are not on this machine"
)


class Replay:
    """A server that says one thing to whoever asks, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.status = 200
        self.kind = JSON
        self.pieces: list[bytes] = []
        self.asked: list[str] = []

    def say(self, *pieces: bytes, status: int = 200, kind: str = JSON) -> None:
        self.status, self.kind, self.pieces = status, kind, list(pieces)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        lengths = [line.partition(":")[2] for line in head if line.lower().startswith("content-length:")]
        await reader.readexactly(int(lengths[0]))
        self.asked.append(head[0])
        writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Type: {self.kind}\r\n".encode())
        writer.write(b"Connection: close\r\n\r\n")
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def replay() -> AsyncIterator[tuple[Replay, genai.Client]]:
    made = Replay()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = genai.Client(api_key="k", vertexai=False, http_options=types.HttpOptions(base_url=base_url))
    try:
        yield made, client
    finally:
        client.close()
        server.close()


async def in_thread(call: Callable[[], Any]) -> Any:
    """The SDK's blocking client, beside the server's loop."""
    return await asyncio.to_thread(call)


def streamed(client: genai.Client) -> list[types.GenerateContentResponse]:
    return list(client.models.generate_content_stream(model=PRODUCT, contents="hi"))


def texts_of(chunks: list[Any]) -> list[str]:
    """Of objects of the SDK or of JSON, whichever they are made of."""
    texts = []
    for chunk in chunks:
        said = chunk if type(chunk) is dict else chunk.model_dump(mode="json", by_alias=True)
        for candidate in said.get("candidates") or []:
            for part in (candidate.get("content") or {}).get("parts") or []:
                texts.append(part.get("text") or "")
    return texts


def in_names(exchange: dict[str, Any]) -> bool:
    return "enum-encoding" not in exchange["request"]["path"]


@needs_recordings
async def test_every_recorded_stream_is_read() -> None:
    async with replay() as (vendor, client):
        for exchange in filter(in_names, streams()):
            fold = StreamFold(PRODUCT)
            frames = put_through(fold, [body_of(exchange)]) + fold.terminal()
            vendor.say(*in_random_reads(frames, exchange["id"]), kind=EVENTS)
            chunks = await in_thread(lambda: streamed(client))
            said = chunks_of(body_of(exchange))
            assert texts_of(chunks) == texts_of(said), exchange["id"]
            assert {chunk.model_version for chunk in chunks} == {PRODUCT}, exchange["id"]
            counts = [chunk.get("usageMetadata", {}).get("totalTokenCount") for chunk in said]
            assert [c.usage_metadata and c.usage_metadata.total_token_count for c in chunks] == counts
        assert all(":streamGenerateContent?alt=sse " in line for line in vendor.asked)
        assert len(vendor.asked) > 60


@needs_recordings
async def test_the_end_of_every_recorded_stream_as_an_array_is_read() -> None:
    async with replay() as (vendor, client):
        for exchange in filter(in_names, streams()):
            fold = StreamFold(PRODUCT, as_array=True)
            listed = json.loads(put_through(fold, [body_of(exchange)]) + fold.terminal())
            assert len(listed) == len(chunks_of(body_of(exchange))), exchange["id"]
            vendor.say(json.dumps(listed[-1]).encode())
            read = await in_thread(lambda: client.models.generate_content(model=PRODUCT, contents="hi"))
            assert texts_of([read]) == texts_of(chunks_of(body_of(exchange))[-1:]), exchange["id"]
            assert bool(read.candidates[0].finish_reason) == fold.finished, exchange["id"]


async def test_the_sdk_cannot_read_an_array_of_anybodys() -> None:
    """If it ever can, the stream of bytes above should go through it in this form too."""
    googles = b'[{\n  "candidates": []\n}\n,\r\n{\n  "candidates": []\n}\n]'
    fold = StreamFold(PRODUCT, as_array=True)
    ours = fold.feed(event_of({"candidates": []})) + fold.feed(event_of({"candidates": []})) + fold.terminal()
    async with replay() as (vendor, client):
        for array in (googles, ours):
            vendor.say(array)
            with pytest.raises(errors.UnknownApiResponseError):
                await in_thread(lambda: streamed(client))


@needs_recordings
async def test_every_recorded_answer_is_read() -> None:
    async with replay() as (vendor, client):
        for exchange in filter(in_names, answers("gemini.generate")):
            answer = read_answer(body_of(exchange), product_id=PRODUCT)
            vendor.say(answer.body)
            read = await in_thread(lambda: client.models.generate_content(model=PRODUCT, contents="hi"))
            assert texts_of([read]) == texts_of([json.loads(body_of(exchange))]), exchange["id"]
            if "modelVersion" in json.loads(answer.body):
                assert read.model_version == PRODUCT, exchange["id"]
        for exchange in answers("gemini.count_tokens"):
            vendor.say(read_count(body_of(exchange), product_id=PRODUCT).body)
            read = await in_thread(lambda: client.models.count_tokens(model=PRODUCT, contents="hi"))
            assert read.total_tokens == exchange["expected_usage"]["counted_tokens"], exchange["id"]
        for exchange in answers("gemini.embeddings"):
            body = read_answer(body_of(exchange), product_id=PRODUCT).body
            if "embeddings" in json.loads(body):
                vendor.say(body)
                read = await in_thread(lambda: client.models.embed_content(model=PRODUCT, contents=["hi"]))
                assert len(read.embeddings[0].values) > 100, exchange["id"]
        paths = {line.split(" ")[1].partition(":")[2] for line in vendor.asked}
        assert paths >= {"generateContent", "countTokens", "batchEmbedContents"}


async def test_a_refusal_is_raised_with_its_code() -> None:
    async with replay() as (vendor, client):
        vendor.say(refusal_body(REFUSAL), status=402)
        with pytest.raises(errors.ClientError) as raised:
            await in_thread(lambda: client.models.generate_content(model=PRODUCT, contents="hi"))
        assert (raised.value.code, raised.value.status) == (402, "FAILED_PRECONDITION")
        assert raised.value.message == "Top up."
        assert raised.value.details["error"]["details"][0]["reason"] == "voucher_exhausted"


async def test_a_failure_in_mid_stream_is_raised_after_what_was_said() -> None:
    fold = StreamFold(PRODUCT)
    said = fold.feed(event_of({"candidates": [{"content": {"parts": [{"text": "half"}]}}]}))
    failure = fold.failure(Refusal(status=502, code="upstream_error", message="Again.", openai_type="x"))
    texts: list[str | None] = []

    def read() -> None:
        for chunk in client.models.generate_content_stream(model=PRODUCT, contents="hi"):
            texts.append(chunk.text)

    async with replay() as (vendor, client):
        vendor.say(said, failure, kind=EVENTS)
        with pytest.raises(errors.ServerError) as raised:
            await in_thread(read)
    assert texts == ["half"]
    assert (raised.value.code, raised.value.status, raised.value.message) == (502, "UNAVAILABLE", "Again.")


async def test_the_end_of_the_balance_is_read_as_an_end_by_length() -> None:
    fold = StreamFold(PRODUCT)
    said = fold.feed(event_of({"candidates": [{"content": {"parts": [{"text": "half"}]}}]}))
    async with replay() as (vendor, client):
        vendor.say(said, fold.graceful_end(Usage(input=3, output=2)), fold.terminal(), kind=EVENTS)
        first, last = await in_thread(lambda: streamed(client))
    assert (first.text, last.text) == ("half", "")
    assert last.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert last.usage_metadata.total_token_count == 5
