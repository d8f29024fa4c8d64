"""A receiver of webhooks on a real socket, which verifies what it gets with the scheme's own library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook


def is_signed(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """By the scheme's own library, whatever the time: tests turn the sender's clock, not the library's."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    return signature in headers["webhook-signature"].split()


@dataclass(slots=True)
class HookReceiver:
    """`answers`: what it answers next, a status, a place to go, `hang` or `stall`; then 204.

    `stall`: it says 200, and that more comes, which does not. `retry_after`: with whatever it refuses.
    """

    url: str = ""
    secret: str = ""
    answers: list[int | str] = field(default_factory=list)
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # ids and bodies that verified
    forged: int = 0
    body_bytes: int = 0
    retry_after: str | None = None
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.raw.append((headers, body))
        if not is_signed(self.secret, body, headers):
            self.forged += 1
            return web.Response(status=401)
        self.got.append((headers["webhook-id"], json.loads(body)))
        answer = self.answers.pop(0) if self.answers else 204
        if answer == "hang":
            await asyncio.sleep(30)
        if answer == "stall":
            begun = web.StreamResponse(headers={"Content-Length": "10"})
            await begun.prepare(request)
            await asyncio.sleep(30)
        if isinstance(answer, str):
            return web.Response(status=307, headers={"Location": answer})
        if answer >= 400 and self.retry_after is not None:
            return web.Response(status=answer, headers={"Retry-After": self.retry_after})
        return web.Response(status=answer, body=b"x" * self.body_bytes if answer == 200 else None)


@asynccontextmanager
async def hook_receiver(secret: str = "") -> AsyncIterator[HookReceiver]:
    made = HookReceiver(secret=secret)
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield made
    finally:
        await runner.cleanup()
