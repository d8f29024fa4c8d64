"""All stand-ins behind one port: the path says which of them is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, Final

from aiohttp import web

from tests.matrix import (
    anthropic_vendor,
    bedrock_vendor,
    clova_vendor,
    cohere_vendor,
    gemini_vendor,
    ollama_vendor,
    openai_vendor,
)
from tests.matrix.wanted import Fails, answer_to

VENDORS: Final[dict[str, ModuleType]] = {
    "openai": openai_vendor,
    "anthropic": anthropic_vendor,
    "gemini": gemini_vendor,
    "clova": clova_vendor,
    "bedrock": bedrock_vendor,
    "cohere": cohere_vendor,
    "ollama": ollama_vendor,
}


async def _answer(request: web.Request) -> web.StreamResponse:
    vendor = VENDORS[request.match_info["dialect"]]
    wanted = vendor.read(await request.json())
    kind = getattr(vendor, "STREAM_KIND", "text/event-stream")
    streams = kind in request.headers.get("accept", "") or ":stream" in request.path
    try:
        said = answer_to(wanted)
    except Fails:
        return web.json_response(vendor.refusal(), status=400)
    if not (wanted.stream or streams):
        return web.json_response(vendor.answer(wanted, said))
    response = web.StreamResponse(headers={"content-type": kind})
    await response.prepare(request)
    for event in vendor.events(wanted, said):
        await response.write(event)
        await asyncio.sleep(0)
    return response


@asynccontextmanager
async def vendors() -> AsyncIterator[str]:
    """-> where they are."""
    app = web.Application()
    app.router.add_post("/{dialect}/{tail:.*}", _answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: Any = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
