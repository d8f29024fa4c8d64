"""An ASGI application called without a socket: one request, one answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def get(
        self, path: str, *, client_host: str | None = "127.0.0.1", headers: dict[str, str] | None = None
    ) -> Answer:
        return await self._call("GET", path, b"", headers or {}, client_host)

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        form = {"content-type": "application/x-www-form-urlencoded"}
        return await self._call("POST", path, body, form | (headers or {}), "127.0.0.1")

    async def post_json(self, path: str, value: object) -> Answer:
        return await self._call(
            "POST", path, json.dumps(value).encode(), {"content-type": "application/json"}, "127.0.0.1"
        )

    async def _call(
        self, method: str, path: str, body: bytes, headers: dict[str, str], client_host: str | None
    ) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"office"), *((k.encode(), v.encode()) for k, v in headers.items())],
            "client": None if client_host is None else (client_host, 1),
            "server": ("office", 80),
            "state": {},
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._application(scope, receive, send)
        start = sent[0]
        return Answer(
            status=start["status"],
            headers={name.decode(): value.decode() for name, value in start["headers"]},
            body=b"".join(message.get("body", b"") for message in sent[1:]),
        )
