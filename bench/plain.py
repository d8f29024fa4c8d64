"""uvicorn with nothing behind it: what this machine takes for Python, as nginx is what it takes for C."""

from collections.abc import Awaitable, Callable
from typing import Any

ANSWER = b'{"object": "chat.completion"}' + b" " * 570  # as long as the vendor's

Message = dict[str, Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})
