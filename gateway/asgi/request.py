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


class ClientConnection:
    """The client's side of a connection: whether it is lost, and who wants to know when.

    The server's protocol class puts it into the scope; it spares each call a task that waits for the end.
    """

    __slots__ = ("listener", "lost")

    def __init__(self) -> None:
        self.lost = False
        self.listener: Callable[[], None] | None = None

    def forget(self) -> None:
        self.listener = None

    def lose(self) -> None:
        self.lost = True
        if self.listener is not None:
            self.listener()


class Request:
    __slots__ = ("_receive", "headers", "method", "path", "query", "scope", "twice")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope.get("method", "GET")  # a web socket's is no other
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
        """Whether the client is gone, without waiting."""
        connection: ClientConnection | None = self.scope.get("voucher.client")
        if connection is not None:
            return connection.lost
        waiting = self._receive()  # another server: one step of its receive tells
        try:
            waiting.send(None)  # type: ignore[attr-defined]
        except StopIteration as answer:
            return bool(answer.value["type"] == "http.disconnect")
        waiting.close()  # type: ignore[attr-defined]
        return False

    def when_left(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener` is called once when the client goes; call what is returned to listen no longer."""
        connection: ClientConnection | None = self.scope.get("voucher.client")
        if connection is None:
            watcher = asyncio.ensure_future(self._until_left())
            watcher.add_done_callback(lambda done: None if done.cancelled() else listener())

            def stop() -> None:
                watcher.cancel()

            return stop
        if connection.lost:
            listener()
            return _nothing
        connection.listener = listener
        return connection.forget

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _nothing() -> None:
    return
