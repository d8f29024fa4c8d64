"""A client that calls an ASGI application in the same process, and can leave in the middle of an answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fakes.our_code import our_code


@dataclass(slots=True)
class Heard:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        return our_code(self.json)

    @property
    def frames(self) -> list[str]:
        return [part for part in self.body.decode().split("\n\n") if part]


class AsgiClient:
    def __init__(self, application: Any, key: str, *, host: str = "127.0.0.1") -> None:
        self._application = application
        self._key = key
        self._host = host

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        leave_after: int | None = None,
    ) -> Heard:
        """`leave_after`: go away once this many pieces of the answer have come; 0: when it is asked for."""
        heard = Heard()
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        gone = asyncio.Event()
        if leave_after == 0:
            gone.set()
        asked = False
        pieces = 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": raw, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal pieces
            if message["type"] == "http.response.start":
                heard.status = message["status"]
                heard.headers = {n.decode(): v.decode() for n, v in message["headers"]}
                return
            if gone.is_set():
                return
            heard.body += message["body"]
            pieces += 1
            if not message["more_body"]:
                heard.complete = True
                gone.set()
            elif leave_after is not None and pieces >= leave_after:
                gone.set()

        path, _, query = path.partition("?")
        named = {"authorization": f"Bearer {self._key}", **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(n.encode(), v.encode()) for n, v in named.items() if v],
            "client": (self._host, 50_000),
        }
        await self._application(scope, receive, send)
        return heard
