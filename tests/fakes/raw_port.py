"""A server's port with a small application behind it, and a client that writes bytes as it likes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from gateway.asgi.request import BodyTooLarge, ClientLeft, Receive, Request, Scope, Send
from gateway.outlet import Outlet

PIECE = b"x" * 65_536


@dataclass(slots=True)
class Application:
    """Answers with what it was asked; notes how each call ended."""

    ended: list[str] = field(default_factory=list)
    going: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.going.set()
        if request.path == "/waits":
            await self._wait(request)
        elif request.path == "/floods":
            await self._flood(request, send)
        elif request.path == "/speaks":
            await self._speak(send)
        elif request.path == "/hasty":
            await Outlet(send).whole(200, [], b"/hasty")
        elif request.path == "/late":
            await asyncio.sleep(0.1)
            await Outlet(send).whole(200, [], b"gone" if request.has_left() else b"there")
        elif request.path == "/breaks":
            raise ValueError("an application with a fault")
        elif request.path == "/splits":
            await Outlet(send).whole(200, [(b"x-a", b"b\r\nx-c: d")], b"")
        else:
            await self._echo(request, send)

    async def _echo(self, request: Request, send: Send) -> None:
        try:
            body = await request.body(1000)
        except BodyTooLarge:
            self.ended.append("too large")
            await Outlet(send).whole(413, [(b"connection", b"close")], b"")
            return
        except ClientLeft:
            self.ended.append("left")
            return
        self.ended.append(f"{request.method} {request.path} {body.decode()}")
        answer = f"{request.path} {body.decode()} {sorted(request.twice)}".encode()
        await Outlet(send).whole(200, [], answer)

    async def _wait(self, request: Request) -> None:
        assert not request.has_left()
        left = asyncio.Event()
        stop = request.when_left(left.set)
        async with asyncio.timeout(5):
            await left.wait()
        stop()
        assert request.has_left()
        again = asyncio.Event()
        request.when_left(again.set)
        assert again.is_set(), "who asks late is told at once"
        self.ended.append("left")

    async def _speak(self, send: Send) -> None:
        """An answer that takes its time, in pieces."""
        outlet = Outlet(send)
        await outlet.head(200, [])
        for word in (b"one ", b"two ", b"three"):
            outlet.put(word)
            await outlet.flush()
            await asyncio.sleep(0.2)
        await outlet.last()
        self.ended.append("spoke")

    async def _flood(self, request: Request, send: Send) -> None:
        outlet = Outlet(send)
        await outlet.head(200, [])
        for _ in range(1000):
            if request.has_left():
                self.ended.append("left")
                return
            outlet.put(PIECE)
            await outlet.flush()
        await outlet.last()
        self.ended.append("sent all")


@dataclass(slots=True)
class Port:
    number: int
    application: Application
    connections: set[Any]  # the server's side of each

    @contextlib.asynccontextmanager
    async def connect(
        self, *, receive_bytes: int | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        client = socket.socket()
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.number))
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def hear(self, *pieces: bytes, pause_s: float = 0.0, shuts: bool = False) -> bytes:
        """Everything the server says until it closes the connection. `shuts`: the client says its own end."""
        async with asyncio.timeout(5), self.connect() as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                if pause_s:
                    await asyncio.sleep(pause_s)
            if shuts:
                writer.write_eof()
            with contextlib.suppress(ConnectionError):
                return await reader.read(-1)
            return b""


def head(
    *lines: str, target: str = "/echo", method: str = "GET", closes: bool = True, host: bool = True
) -> bytes:
    own = ["Host: h"] if host else []
    own += ["Connection: close"] if closes else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", *own, *lines, "", ""]).encode()


def post(body: str, *lines: str, closes: bool = True) -> bytes:
    return head(f"Content-Length: {len(body)}", *lines, method="POST", closes=closes) + body.encode()


def fillers(count: int) -> list[str]:
    return [f"x-{i}: {i}" for i in range(count)]
