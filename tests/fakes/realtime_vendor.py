"""A vendor of realtime sessions: it answers each request for a response, with the usage it was told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSCloseCode, web

Event = dict[str, Any]
_LIMITS = {"type", "max_output_tokens", "max_response_output_tokens"}


def usage(
    text_in: int = 10,
    audio_in: int = 0,
    cached: int = 0,
    cached_audio: int = 0,
    text: int = 5,
    audio: int = 0,
) -> Event:
    """As OpenAI reports it: totals, and what is in them. What is cached is a part of what came in."""
    return {
        "total_tokens": text_in + audio_in + text + audio,
        "input_tokens": text_in + audio_in,
        "output_tokens": text + audio,
        "input_token_details": {
            "text_tokens": text_in,
            "audio_tokens": audio_in,
            "image_tokens": 0,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached - cached_audio, "audio_tokens": cached_audio},
        },
        "output_token_details": {"text_tokens": text, "audio_tokens": audio},
    }


@dataclass(slots=True)
class Vendor:
    """`usages` are reported in turn; a response whose turn is None never ends by itself."""

    usages: list[Event | None] = field(default_factory=list)
    refuses: int | None = None  # the handshake, with this status
    on_event: Callable[[Vendor, Event], Awaitable[bool]] | None = None  # True: this one is dealt with
    heard: list[Event] = field(default_factory=list)
    limits: list[Event] = field(default_factory=list)  # what the gateway itself said of a session
    asked: list[web.Request] = field(default_factory=list)
    socket: web.WebSocketResponse = field(default_factory=web.WebSocketResponse)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    responses: int = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.refuses is not None:
            where = {"Location": "/elsewhere"} if self.refuses == 302 else None
            return web.Response(status=self.refuses, headers=where)
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        await self.say(
            "session.created", session={"id": "sess_1", "type": "realtime", "model": "vendor-model"}
        )
        async for message in self.socket:
            event = orjson.loads(message.data)
            if event["type"] == "session.update" and event["session"].keys() <= _LIMITS:
                self.limits.append(event)
                await self.say("session.updated", session={**event["session"], "model": "vendor-model"})
                continue
            self.heard.append(event)
            if self.on_event is None or not await self.on_event(self, event):
                await self._answer(event)
        self.ended.set()
        return self.socket

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(orjson.dumps({"type": kind, "event_id": "event_v", **fields}).decode())

    async def begin(self, **fields: Any) -> str:
        """A response begins, by a request or because a pause was heard."""
        self.responses += 1
        name = f"resp_{self.responses}"
        await self.say("response.created", response={"id": name, "status": "in_progress", **fields})
        return name

    async def finish(self, name: str, reported: Event | None, status: str = "completed", **more: Any) -> None:
        response = {"id": name, "status": status, "usage": reported, **more}
        await self.say("response.done", response=response)

    async def leave(self) -> None:
        """Without a word."""
        transport = self.asked[-1].transport
        assert transport is not None
        transport.abort()

    async def close(self) -> None:
        await self.socket.close(code=WSCloseCode.OK)

    async def _answer(self, event: Event) -> None:
        match event["type"]:
            case "response.cancel":
                await self.finish(event["response_id"], usage(), status="cancelled")
            case "session.update":
                await self.say("session.updated", session={**event["session"], "model": "vendor-model"})
            case "response.create":
                name = await self.begin()
                for word in ("hel", "lo"):
                    await self.say("response.output_text.delta", response_id=name, delta=word)
                if (reported := self.usages.pop(0)) is not None:
                    await self.finish(name, reported)
