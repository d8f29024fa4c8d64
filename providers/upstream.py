"""The one place that talks to vendors: send a call, read the answer as it comes.

Narrow on purpose. It decides nothing: no retry, no fail-over, no meaning of a status. Foreign exceptions end
below, translated into `providers.errors`.

Who ends an answer: whoever called `send` calls `release()` (all was read; the connection may be used again)
or `close()` (abort; the vendor sees the connection end). After either, or an error, nothing is left to do.

Time limits are the target's: connecting; from sending to the head of the answer; between two reads. There is
no limit on a whole call: a long stream is the product working.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from yarl import URL

from providers.catalogue import UpstreamTarget
from providers.dialect import JSON_KIND, Outgoing
from providers.dialects import DIALECTS
from providers.errors import AnswerTooLarge, ConnectRefused, UpstreamBroken, UpstreamError
from providers.quirks import quirks_for
from providers.vendor_connection import Take, VendorConnection
from providers.vendor_connector import VendorConnector

_KEEPALIVE_S: Final = 15.0
_TARGETS_MAX: Final = 10_000
_USER_AGENT: Final = "voucher-gateway"


class UpstreamAnswer:
    """An answer that has begun. Its body is read once, by `read` or by `read_into`."""

    __slots__ = ("_connection", "_upstream", "headers", "status")

    def __init__(self, upstream: Upstream, connection: VendorConnection) -> None:
        self._upstream = upstream
        self._connection: VendorConnection | None = connection
        self.status = connection.status
        self.headers = connection.headers

    async def read(self, bytes_max: int) -> bytes:
        """The whole body (decompressed), then the connection is free."""
        connection = self._connection
        if connection is not None and (connection.announced_bytes or 0) > bytes_max:
            self.close()
            raise AnswerTooLarge(f"the vendor announced more than {bytes_max} bytes")
        parts: list[bytes] = []
        size = 0

        def take(part: bytes) -> bool:
            nonlocal size
            parts.append(part)
            size += len(part)
            return size <= bytes_max

        if await self.read_into(take):
            self.close()
            raise AnswerTooLarge(f"the vendor's answer is larger than {bytes_max} bytes")
        self.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_into(self, take: Take) -> bool:
        """The body as the network brings it, until `take` wants no more: True. False: it has ended."""
        connection = self._connection
        if connection is None:
            raise UpstreamBroken("the connection to the vendor was given up")
        try:
            return await connection.read_into(take)
        except (UpstreamError, asyncio.CancelledError):  # whose time is over has nobody else to close it
            self.close()
            raise

    def close(self) -> None:
        """Also while somebody waits for the next piece: who waits is told."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def release(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._upstream.take_back(connection)


class _Route:
    """What is the same for every call to one target: made once."""

    __slots__ = (
        "_base",
        "_heads",
        "_host",
        "_lines",
        "_lines_stream",
        "_query",
        "_request_id_header",
        "_sign",
        "origin",
        "target",
    )

    def __init__(self, target: UpstreamTarget) -> None:
        self.target = target
        url = URL(target.base_url, encoded=True)
        self.origin = url.origin()
        host = url.host_subcomponent or ""
        self._host = host if url.is_default_port() else f"{host}:{url.port}"
        dialect = DIALECTS.get(target.dialect)
        if dialect is None:
            raise ConnectRefused(f"nobody here speaks the dialect {target.dialect}")
        lines = [
            f"Host: {self._host}",
            f"User-Agent: {_USER_AGENT}",
            "Accept-Encoding: identity",
            *dialect.head_lines,
        ]
        if target.api_key is not None:
            header = quirks_for(target.vendor).credential_header
            lines += [f"{header}: {target.api_key}"] if header else dialect.credential(target.api_key)
        self._lines = _written([*lines, "Accept: application/json"])
        self._lines_stream = _written([*lines, f"Accept: {dialect.accept_stream}"])
        base, _, self._query = target.base_url.partition("?")
        self._base = base.rstrip("/")
        self._request_id_header = dialect.request_id_header
        self._sign = dialect.sign
        self._heads: dict[tuple[str, bool], tuple[str, bytes]] = {}

    def head(
        self,
        path: str,
        *,
        method: str | None,
        stream: bool,
        request_id: str,
        body: bytes,
        now_s: Callable[[], float],
        own_lines: bytes = b"",
    ) -> bytes:
        known = self._heads.get((path, stream)) if method is None else None
        if known is None:
            query = ("&" if "?" in path else "?") + self._query if self._query else ""
            asked = URL(f"{self._base}{path}{query}", encoded=True).raw_path_qs
            lines = self._lines_stream if stream else self._lines
            first = f"{method or 'POST'} {asked} HTTP/1.1\r\n"
            known = asked, f"{first}{lines}\r\n{self._request_id_header}: ".encode("ascii")
            if method is None:
                self._heads[path, stream] = known
        asked, fixed = known
        if self._sign is not None and self.target.api_key is not None:
            call = Outgoing(method=method or "POST", host=self._host, path=asked, body=body, now_s=now_s())
            own_lines += _written([*self._sign(self.target.api_key, call), ""]).encode("ascii")
        return b"%b%b\r\n%bContent-Length: %d\r\n\r\n" % (
            fixed,
            request_id.encode("ascii"),
            own_lines,
            len(body),
        )


def _written(lines: list[str]) -> str:
    """Without the last line's end."""
    if not all(line.isprintable() and line.isascii() for line in lines):
        raise ConnectRefused("the vendor's address or key cannot stand in a request")
    return "\r\n".join(lines)


class Upstream:
    """One per process. `start` needs the running loop; `close` ends all connections."""

    def __init__(self, allow_private: bool, now_s: Callable[[], float] = time.time) -> None:
        self._allow_private = allow_private
        self._now_s = now_s  # for what is signed
        self._connector: VendorConnector | None = None
        self._routes: dict[str, _Route] = {}
        self._idle: defaultdict[object, list[VendorConnection]] = defaultdict(list)
        self._tidy_timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        self._connector = VendorConnector(self._allow_private)

    async def close(self) -> None:
        if self._tidy_timer is not None:
            self._tidy_timer.cancel()
            self._tidy_timer = None
        if self._connector is not None:
            connector, self._connector = self._connector, None
            await connector.close()

    async def send(
        self,
        target: UpstreamTarget,
        *,
        path: str,
        body: bytes,
        stream: bool,
        request_id: str,
        content_type: str = JSON_KIND,
        relayed: bytes = b"",
        method: str | None = None,
    ) -> UpstreamAnswer:
        """POST `body` to base_url + path; returns with the head of the answer, whatever its status.

        `relayed` are whole head lines of the caller's, each with its line end. With a `method` the path is
        one of many, and nothing is kept for the next time.
        """
        assert self._connector is not None, "send() before start()"
        route = self._routes.get(target.target_id)
        if route is None or route.target is not target:
            route = self._new_route(target)
        own = b"%bContent-Type: %b\r\n" % (relayed, content_type.encode("ascii"))
        head = route.head(
            path,
            method=method,
            stream=stream,
            request_id=request_id,
            body=body,
            now_s=self._now_s,
            own_lines=own,
        )
        connection = self._idle_to(route.origin)
        if connection is None:
            connection = await self._connector.connect(route.origin, timeout_s=target.connect_timeout_s)
            connection.owner = self
        try:
            await connection.begin(
                head,
                body,
                first_byte_timeout_s=target.first_byte_timeout_s,
                idle_timeout_s=target.idle_timeout_s,
            )
        except BaseException:
            connection.close()
            raise
        if 300 <= connection.status < 400:
            connection.close()
            raise UpstreamBroken("the vendor answered with a redirect, which is not followed")
        return UpstreamAnswer(self, connection)

    def take_back(self, connection: VendorConnection) -> None:
        """A call is over: its connection waits for the next one, if it can."""
        if not connection.rest() or self._connector is None:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        self._idle[connection.origin].append(connection)
        if self._tidy_timer is None:
            self._tidy_timer = loop.call_later(_KEEPALIVE_S, self._tidy)

    def forget(self, connection: VendorConnection) -> None:
        """Called by a connection that has ended."""
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
        if self._connector is not None:
            self._connector.forget(connection)

    # -- inside

    def _idle_to(self, origin: object) -> VendorConnection | None:
        """The one used last: the others may grow old and be closed."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.is_lost:
                return connection
        return None

    def _tidy(self) -> None:
        self._tidy_timer = None
        loop = asyncio.get_running_loop()
        oldest_s = loop.time() - _KEEPALIVE_S
        for origin, idle in list(self._idle.items()):
            for connection in [one for one in idle if one.idle_since_s <= oldest_s]:
                idle.remove(connection)
                connection.close()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._tidy_timer = loop.call_later(_KEEPALIVE_S / 3, self._tidy)

    def _new_route(self, target: UpstreamTarget) -> _Route:
        if len(self._routes) >= _TARGETS_MAX:
            self._routes.clear()
        route = self._routes[target.target_id] = _Route(target)
        return route


__all__ = ["Upstream", "UpstreamAnswer"]
