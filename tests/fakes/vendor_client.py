"""A caller of the simulated vendor, in one process with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from launch.demo_vendor.server import DemoVendor
from launch.demo_vendor.speaker import VendorSettings


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
