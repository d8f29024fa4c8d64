"""The one place that talks to vendors: send a call, read the answer as it comes.

Narrow on purpose: a faster client replaces this file alone. It decides nothing: no retry, no fail-over, no
meaning of a status. Foreign exceptions end here, translated into `providers.errors`.

Who ends an answer: whoever called `send` calls `release()` (all was read; the connection may be used again)
or `close()` (abort; the vendor sees the connection end). After either, or an error, nothing is left to do.

Time limits are the target's: connecting; from sending to the head of the answer; between two reads. There is
no limit on a whole call: a long stream is the product working.
"""

from __future__ import annotations

import socket
from io import BytesIO
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from providers.addresses import refusal_of_address
from providers.catalogue import UpstreamTarget
from providers.errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectRefused,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    UpstreamBroken,
    UpstreamError,
)

# Of a vendor's headers only these mean something to us or to the caller.
_KEPT_HEADERS: Final = ("content-type", "retry-after", "x-request-id", "request-id")
_READ_BUFFER_BYTES: Final = 16 * 1024
_DIRECT_BODY_BYTES_MAX: Final = (
    512 * 1024
)  # a larger body is handed over in pieces, so that the loop breathes
_KEEPALIVE_S: Final = 15.0
_DNS_TTL_S: Final = 30
_TARGETS_MAX: Final = 10_000
_USER_AGENT: Final = "voucher-gateway"


class _PrivateAddress(OSError):
    """Raised while a socket is made; aiohttp wraps it."""


_PRIVATE_MARK: Final = "private address refused"


class UpstreamAnswer:
    """An answer that has begun. Its body is read once, by `read` or by iterating over `chunks`."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status: int = response.status
        head = response.headers
        self.headers: dict[str, str] = {name: head[name] for name in _KEPT_HEADERS if name in head}

    async def read(self, bytes_max: int) -> bytes:
        """The whole body (decompressed), then the connection is free."""
        if (length := self._response.content_length) is not None and length > bytes_max:
            self.close()
            raise AnswerTooLarge(f"the vendor announced {length} bytes, more than {bytes_max}")
        parts: list[bytes] = []
        size = 0
        while part := await self._next():
            parts.append(part)
            size += len(part)
            if size > bytes_max:
                self.close()
                raise AnswerTooLarge(f"the vendor's answer is larger than {bytes_max} bytes")
        self.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self) -> Self:
        """The body as the network brings it: `async for chunk in answer.chunks()`."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._next()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def _next(self) -> bytes:
        try:
            return await self._response.content.readany()
        except TimeoutError as error:
            self.close()
            raise IdleTimeout("the vendor stopped sending in the middle of its answer") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.close()
            raise UpstreamBroken(
                f"the connection to the vendor was lost in its answer: {type(error).__name__}"
            ) from error

    def close(self) -> None:
        self._response.close()

    def release(self) -> None:
        self._response.release()


class _Route:
    """What is the same for every call to one target: parsed once."""

    __slots__ = ("headers", "headers_stream", "target", "timeout", "urls")

    def __init__(self, target: UpstreamTarget) -> None:
        self.target = target
        self.urls: dict[str, URL] = {}
        self.timeout = aiohttp.ClientTimeout(
            total=None,
            connect=target.connect_timeout_s,
            sock_connect=target.connect_timeout_s,
            sock_read=target.first_byte_timeout_s,
        )
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
        }
        if target.api_key is not None:
            if target.vendor == "azure-openai":
                self.headers["api-key"] = target.api_key
            else:
                self.headers["Authorization"] = f"Bearer {target.api_key}"
        self.headers_stream = {**self.headers, "Accept": "text/event-stream"}

    def url(self, path: str) -> URL:
        url = self.urls.get(path)
        if url is None:
            url = self.urls[path] = URL(self.target.base_url.rstrip("/") + path, encoded=True)
        return url


class Upstream:
    """One per process. `start` needs the running loop; `close` ends all connections."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None
        self._routes: dict[str, _Route] = {}

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=0,  # concurrency is bounded where money is, by keys and holds
            ttl_dns_cache=_DNS_TTL_S,
            keepalive_timeout=_KEEPALIVE_S,
            socket_factory=_any_socket if self._allow_private else _public_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            read_bufsize=_READ_BUFFER_BYTES,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self, target: UpstreamTarget, *, path: str, body: bytes, stream: bool, request_id: str
    ) -> UpstreamAnswer:
        """POST `body` to base_url + path; returns with the head of the answer, whatever its status."""
        assert self._session is not None, "send() before start()"
        route = self._routes.get(target.target_id)
        if route is None or route.target is not target:
            route = self._new_route(target)
        try:
            response = await self._session.request(
                "POST",
                route.url(path),
                data=body if len(body) <= _DIRECT_BODY_BYTES_MAX else BytesIO(body),
                headers={**(route.headers_stream if stream else route.headers), "X-Request-Id": request_id},
                timeout=route.timeout,
                allow_redirects=False,
            )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from error
        if 300 <= response.status < 400:
            response.close()
            raise UpstreamBroken("the vendor answered with a redirect, which is not followed")
        if response.connection is not None and response.connection.protocol is not None:
            # The limit until the head becomes the limit between reads.
            protocol = response.connection.protocol
            protocol.read_timeout = target.idle_timeout_s
            if not protocol._reading_paused:
                protocol.start_timeout()
        return UpstreamAnswer(response)

    def _new_route(self, target: UpstreamTarget) -> _Route:
        if len(self._routes) >= _TARGETS_MAX:
            self._routes.clear()
        route = self._routes[target.target_id] = _Route(target)
        return route


def _translated(error: Exception) -> UpstreamError:
    """Any failure before the head of the answer. No text of the foreign error: it may name our network."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectTimeout("no connection to the vendor in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        if _PRIVATE_MARK in str(error.os_error):
            return AddressRefused("the vendor's address is a private one")
        return ConnectRefused(f"no connection to the vendor: {type(error).__name__}")
    if isinstance(error, aiohttp.InvalidURL):
        return ConnectRefused("the vendor's address cannot be read")
    if isinstance(error, TimeoutError):
        return FirstByteTimeout("the vendor did not begin to answer in time")
    return UpstreamBroken(f"the connection to the vendor was lost: {type(error).__name__}")


def _any_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Called with each resolved address, also of a literal one: the last moment before connecting."""
    if refusal_of_address(address[4][0]) is not None:
        raise _PrivateAddress(_PRIVATE_MARK)
    return _any_socket(address)


__all__ = ["Upstream", "UpstreamAnswer"]
