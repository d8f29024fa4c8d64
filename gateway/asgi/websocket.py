"""A WebSocket as the gateway speaks on it, over ASGI: it knows no server."""

from __future__ import annotations

from typing import Final

from gateway.asgi.request import ClientConnection, Message, Receive, Scope, Send
from gateway.asgi.response import Headers

LEAVING: Final = 1012  # the server, not the client, wants an end
_REASON_BYTES_MAX: Final = 123  # RFC 6455


class SocketEnded(Exception):
    """Nothing more comes from the client. `is_leaving`: it is still there, and our own side has to end."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.is_leaving = code == LEAVING


class WebSocket:
    def __init__(self, receive: Receive, send: Send, connection: ClientConnection | None = None) -> None:
        self._connection = connection
        self._receive = receive
        self._send = send
        self.is_closed = False

    @property
    def is_lost(self) -> bool:
        """Known without a look at what was sent; False where the server does not tell."""
        return self._connection is not None and self._connection.lost

    async def accept(self, *, subprotocol: str | None, headers: Headers) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def receive(self) -> str:
        """The next text. Raises SocketEnded."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise SocketEnded(message.get("code", 1005))
        text: str = message.get("text") or ""
        return text

    async def send(self, text: str) -> None:
        """Waits while the client is slow; after its end nothing happens."""
        if not self.is_closed:
            await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        if not self.is_closed:
            self.is_closed = True
            short = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
            await self._send({"type": "websocket.close", "code": code, "reason": short})


def is_socket(scope: Scope) -> bool:
    return bool(scope["type"] == "websocket")


def http_answer(send: Send) -> Send:
    """An answer in HTTP to who asked for a web socket: ASGI's extension `websocket.http.response`."""

    async def sent(message: Message) -> None:
        await send({**message, "type": "websocket." + message["type"]})

    return sent


__all__ = ["SocketEnded", "WebSocket", "http_answer", "is_socket"]
