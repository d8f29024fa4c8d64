"""Where webhooks arrive first: caught, to be handed on in any order, any number of times, by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Hook:
    body: bytes
    signature: str


@dataclass(slots=True)
class Catcher:
    url: str = ""
    caught: list[Hook] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, number: int, *, within_s: float = 60.0) -> list[Hook]:
        async with asyncio.timeout(within_s), self.news:
            await self.news.wait_for(lambda: len(self.caught) >= number)
        return list(self.caught)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.news:
            self.caught.append(Hook(body, request.headers.get("Stripe-Signature", "")))
            self.news.notify_all()
        return web.Response()


@asynccontextmanager
async def catching() -> AsyncIterator[Catcher]:
    catcher = Catcher()
    app = web.Application()
    app.router.add_post("/hook", catcher._take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        catcher.url = f"http://{host}:{port}/hook"
        yield catcher
    finally:
        await runner.cleanup()
