"""A vendor of the Responses API that keeps what it made, and makes some of it in its own time."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.providers.openai_responses.events import RESPONSE, USAGE, Vendor

NOT_FOUND = {"error": {"message": "No response found", "type": "invalid_request_error", "code": None}}


@dataclass(slots=True)
class StoringVendor:
    """Callable as a vendor of `gateway_world`. `finish` ends what runs in the background."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (method, path and query) besides creations
    cuts_streams_after: int | None = None  # events
    pause_s: float = 0.0  # between events
    delay_s: float = 0.0  # before any other answer
    begins_after_s: float = 0.0  # a stream, behind its head
    events_sent: int = 0
    texts: list[str] = field(default_factory=lambda: ["he", "llo"])
    is_quick: bool = False  # what is asked for in the background is over at once
    names: Any = field(default_factory=lambda: (f"resp_{n}" for n in itertools.count(1)))

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        parts = [unquote(part) for part in path.split("/")[3:]]  # behind /v1/responses
        if not parts:
            return await self._create(request)
        self.asked.append((request.method, request.path_qs))
        await asyncio.sleep(self.delay_s)
        body = self.kept.get(parts[0])
        if body is None:
            return web.json_response(NOT_FOUND, status=404)
        if parts[1:] == ["input_items"]:
            items = {"object": "list", "data": [{"type": "message", "id": "msg_1"}], "has_more": False}
            return web.json_response(items)
        if request.method == "DELETE":
            del self.kept[parts[0]]
            return web.json_response({"id": parts[0], "object": "response.deleted", "deleted": True})
        if parts[1:] == ["cancel"]:
            if not body["background"]:
                return web.json_response({"error": {"message": "Cannot cancel"}}, status=400)
            if body["status"] in ("queued", "in_progress"):
                body["status"] = "cancelled"
        if request.query.get("stream") == "true":
            return await self._stream(request, body, after=int(request.query.get("starting_after", -1)))
        return web.json_response(body)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        background = asked.get("background") is True
        made = {**RESPONSE, "id": next(self.names), "background": background, "model": "vendor-model"}
        made |= (
            {"status": "queued"}
            if background and not self.is_quick
            else {"status": "completed", "usage": USAGE}
        )
        if asked["store"] or background:
            self.kept[made["id"]] = made
        if not asked.get("stream"):
            return web.json_response(made)
        return await self._stream(request, made)

    async def _stream(
        self, request: web.Request, made: dict[str, Any], *, after: int = -1
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(self.begins_after_s)
        for number, event in enumerate(_events(made, self.texts)):
            if number == self.cuts_streams_after:
                made["status"] = "in_progress"
                if request.transport is not None:
                    request.transport.close()
                return response
            if number > after:
                try:
                    await response.write(event)
                    self.events_sent += 1
                except ConnectionError:
                    return response  # it goes on, heard or not
                await asyncio.sleep(self.pause_s)
        made |= {"status": "completed", "usage": USAGE}
        return response

    def finish(self, status: str = "completed", usage: Any = USAGE, **more: Any) -> None:
        """All that runs."""
        for body in self.kept.values():
            if body["status"] in ("queued", "in_progress"):
                body |= {"status": status, "usage": usage, **more}

    def polls(self, vendor_id: str) -> int:
        return self.asked.count(("GET", f"/v1/responses/{vendor_id}"))


def _events(made: dict[str, Any], texts: list[str]) -> list[bytes]:
    vendor = Vendor()
    begun = {**made, "status": "in_progress", "usage": None}
    return [
        vendor.event("response.created", response=begun),
        vendor.event("response.in_progress", response=begun),
        vendor.message(),
        *[vendor.text(text) for text in texts],
        vendor.event("response.completed", response={**made, "status": "completed", "usage": USAGE}),
    ]
