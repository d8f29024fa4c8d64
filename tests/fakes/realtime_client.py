"""A gateway on a real socket with a vendor of realtime sessions behind it, and a client of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from metering.keys import lane_of
from tests.fakes.gateway_world import KEY, World, world
from tests.fakes.our_code import our_code
from tests.fakes.realtime_vendor import Event, Vendor


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("a vendor was asked over HTTP")


@dataclass(slots=True)
class Talk:
    """A session as its client has it."""

    connection: ClientConnection

    async def say(self, kind: str, **fields: Any) -> None:
        await self.connection.send(orjson.dumps({"type": kind, **fields}).decode())

    async def hear(self) -> Event:
        async with asyncio.timeout(5):
            event: Event = orjson.loads(await self.connection.recv())
        return event

    async def until(self, kind: str) -> Event:
        while (event := await self.hear())["type"] != kind:
            pass
        return event

    async def end(self) -> tuple[list[Event], int, str]:
        """What else comes; how it was closed, and why."""
        rest: list[Event] = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                rest.append(await self.hear())
        return rest, self.connection.close_code or 0, self.connection.close_reason or ""


@dataclass(slots=True)
class House:
    world: World
    port: int
    server: uvicorn.Server

    @asynccontextmanager
    async def talk(self, query: str = "model=x1", **options: Any) -> AsyncIterator[Talk]:
        headers = options.pop("additional_headers", {"Authorization": f"Bearer {KEY}"})
        url = f"ws://127.0.0.1:{self.port}/v1/realtime?{query}"
        async with connect(url, additional_headers=headers, **options) as connection:
            yield Talk(connection)

    async def refused(
        self, query: str = "model=x1", headers: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, str]:
        """(status, code) of the answer to a handshake that is not accepted."""
        if headers is not None:
            options["additional_headers"] = headers
        try:
            async with self.talk(query, **options):
                raise AssertionError("the handshake was accepted")
        except InvalidStatus as refused:
            said = refused.response
            assert said.headers["content-type"] == "application/json"
            return said.status_code, our_code(orjson.loads(said.body or b""))

    async def settled(self, count: int) -> None:
        """Until so many calls are in the books."""
        async with asyncio.timeout(5):
            while len(self.charged) < count or self.world.meter.holds_open:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)

    @property
    def lane(self) -> int:
        return lane_of("gaonde")

    @property
    def charged(self) -> list[Any]:
        """Events of responses, without what was held for none."""
        return [event for event in self.world.events if event.status == "settled"]


@asynccontextmanager
async def house(vendor: Vendor, tmp_path: Path, **changes: Any) -> AsyncIterator[House]:
    async with world(unasked, tmp_path, talk=vendor.serve, **changes) as w:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        try:
            yield House(w, listener.getsockname()[1], server)
        finally:
            server.should_exit = True
            await serving
            listener.close()
