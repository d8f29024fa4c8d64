"""A proxy before localstripe: fails before or after the call, and remembers idempotency keys as Stripe does.

On the way back the webhooks pass tests/fakes/hook_catcher.py, from where they are told late, twice, shuffled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

PASSED = ("Authorization", "Content-Type")


@dataclass(slots=True)
class Proxy:
    target: str
    faults: Callable[[str], str | None] = lambda _: None
    base: str = ""
    _kept: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    async def pass_on(self, request: web.Request) -> web.Response:
        fault = self.faults(f"{request.method} {request.path}")
        if fault == "before":
            return web.json_response({"error": {"type": "api_error", "message": "down"}}, status=500)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is None or key not in self._kept:
            answer = await self._forward(request)
            if key is not None:
                self._kept[key] = answer
        else:
            answer = self._kept[key]
        if fault == "after":
            return web.json_response({"error": {"type": "api_error", "message": "lost"}}, status=500)
        status, body = answer
        return web.Response(status=status, body=body, content_type="application/json")

    async def _forward(self, request: web.Request) -> tuple[int, bytes]:
        headers = {name: request.headers[name] for name in PASSED if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                self.target + request.path_qs,
                data=await request.read(),
                headers=headers,
            ) as answer,
        ):
            return answer.status, await answer.read()


@asynccontextmanager
async def proxy_before(target: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", proxy.pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        proxy.base = f"http://{host}:{port}"
        yield proxy
    finally:
        await runner.cleanup()
