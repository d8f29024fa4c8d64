"""A vendor that speaks Gemini on a real socket, and a client's way of asking and reading."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import World
from tests.fakes.gemini_recordings import event_of
from tests.fakes.gemini_stream import chunk

ASK: Final = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
MODELS: Final = "/v1beta/models/x1"
EVENTS: Final = f"{MODELS}:streamGenerateContent?alt=sse"
ARRAY: Final = f"{MODELS}:streamGenerateContent"
LAST: Final = chunk("lo", finish="STOP", prompt=10, candidates=2, thoughts=3, total=15)


class Vendor:
    """Says what it was given: as a whole answer, or one event after the other."""

    def __init__(self, *said: dict[str, Any] | bytes, status: int = 200, pause_s: float = 0.0) -> None:
        self._said = said
        self._status = status
        self._pause_s = pause_s
        self.asked: list[str] = []
        self.keys: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        self.keys.append(request.headers.get("x-goog-api-key", ""))
        if not request.path.endswith(":streamGenerateContent") or self._status != 200:
            return web.json_response(self._said[0], status=self._status)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for said in self._said:
            await response.write(said if isinstance(said, bytes) else event_of(said))
            await asyncio.sleep(self._pause_s)
        return response


def chunks_in(heard: Heard, path: str) -> list[dict[str, Any]]:
    """As a client of that route reads them."""
    if path == ARRAY:
        assert heard.headers["content-type"] == "application/json"
        listed: list[dict[str, Any]] = heard.json
        return listed
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert all(frame.startswith("data: ") for frame in heard.frames)
    return [json.loads(frame[6:]) for frame in heard.frames]


def reason_of(said: Any) -> Any:
    return said["error"]["details"][0]["reason"]


async def ask(w: World, path: str, body: Any = ASK, **how: Any) -> Heard:
    return await w.client.call("POST", path, body, **how)
