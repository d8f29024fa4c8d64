"""A request as the gateway reads it: head once, body once and bounded, and whether the client stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_READ_S: Final = 60.0


class BodyTooLarge(Exception):
    pass


class ClientLeft(Exception):
    """The client left before its request was whole."""


class Request:
    __slots__ = ("_receive", "headers", "method", "path", "query", "scope", "twice")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self._receive = receive
        self.headers: dict[bytes, bytes] = {}
        self.twice: set[bytes] = set()  # names that came more than once, with different values
        for name, value in scope["headers"]:
            if self.headers.setdefault(name, value) != value:
                self.twice.add(name)

    @property
    def client_host(self) -> str | None:
        client = self.scope.get("client")
        return client[0] if client else None

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, bytes_max: int) -> bytes:
        """The whole body; raises BodyTooLarge, ClientLeft, TimeoutError."""
        length = self.headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > bytes_max:
            raise BodyTooLarge
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > bytes_max:
                raise BodyTooLarge
            return body
        async with asyncio.timeout(BODY_READ_S):
            return await self._rest(message, bytes_max)

    async def _rest(self, message: Message, bytes_max: int) -> bytes:
        parts, size = [message.get("body", b"")], len(message.get("body", b""))
        while message.get("more_body"):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > bytes_max:
                raise BodyTooLarge
        return b"".join(parts)

    def has_left(self) -> bool:
        """Whether the client is gone, without waiting: one step of the receive coroutine tells."""
        waiting = self._receive()
        try:
            waiting.send(None)  # type: ignore[attr-defined]
        except StopIteration as answer:
            return bool(answer.value["type"] == "http.disconnect")
        waiting.close()  # type: ignore[attr-defined]
        return False

    async def until_left(self) -> None:
        """Returns when the client has gone, or the answer is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
