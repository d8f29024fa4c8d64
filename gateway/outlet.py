"""The way to one client: what was sent, whether it still listens, and a copy where the answer is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.asgi.request import Send
from gateway.asgi.response import Headers


class Outlet:
    """One answer on its way. Kept, it has a copy for an idempotent repeat, whole also where the client left.

    `before_last` is awaited before the end of the answer is sent: whoever has seen the end may ask again.
    """

    __slots__ = (
        "_is_muted",
        "_keep_bytes_max",
        "_kept_bytes",
        "_put",
        "_send",
        "_unsent",
        "before_last",
        "headers",
        "is_charged",
        "kept",
        "may_be_charged",
        "sent_bytes",
        "status",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        # Our server's `send` takes a piece at once, where it can; to any other it is sent, and waited for.
        self._put: Callable[[bytes], bool] = getattr(send, "put", _cannot)
        self._unsent = b""
        self._keep_bytes_max = 0
        self._kept_bytes = 0
        self.status = 0  # 0: nothing was sent
        self.headers: Headers = []
        self.kept: list[bytes] | None = None
        self.sent_bytes = 0
        self.is_charged = False
        self.may_be_charged = False  # nobody took the charge, and nobody knows that it is lost
        self.before_last: Callable[[], Awaitable[None]] | None = None
        self._is_muted = False

    @property
    def started(self) -> bool:
        return self.status != 0

    def keep(self, bytes_max: int) -> None:
        self.kept, self._keep_bytes_max = [], bytes_max

    def mute(self) -> None:
        """The client is gone: from now on nothing is sent, only kept."""
        self._is_muted = True

    async def head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        if not self._is_muted:
            await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def put(self, body: bytes) -> bool:
        """Send a piece at once. False: wait for `flush`, the client is slow or has no head yet."""
        self._note(body)
        if self._is_muted or self._put(body):
            return True
        self._unsent = body
        return False

    async def flush(self) -> None:
        """Waits while the client is slow, so that the vendor is read no faster; the server bounds it."""
        if self._unsent:
            body, self._unsent = self._unsent, b""
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def last(self, body: bytes = b"") -> None:
        self._note(body)
        if self.before_last is not None:
            await self.before_last()
        if not self._is_muted:
            await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        headers.append((b"content-length", str(len(body)).encode()))
        self.status, self.headers = status, headers
        self._note(body)
        if self.before_last is not None:
            await self.before_last()
        if not self._is_muted:
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _note(self, body: bytes) -> None:
        self.sent_bytes += len(body)
        if self.kept is None:
            return
        self._kept_bytes += len(body)
        if self._kept_bytes > self._keep_bytes_max:
            self.kept = None
        else:
            self.kept.append(body)


def _cannot(body: bytes) -> bool:
    return False
