"""WebSockets to vendors: aiohttp's client, with the same rules as any call to one.

The address is judged when a socket is made, redirects are not followed, nothing is packed, no cookie is kept
and no proxy of the environment asked. Foreign exceptions end here. Text goes both ways, as `str`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp

from providers.catalogue import UpstreamTarget
from providers.dialects import DIALECTS
from providers.errors import ConnectRefused, FirstByteTimeout, IdleTimeout, UpstreamBroken
from providers.quirks import quirks_for
from providers.vendor_connector import socket_factory, translated

MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
HEARTBEAT_S: Final = 30.0  # a vendor that does not answer a ping in half of it is gone
SEND_S: Final = 60.0  # one that takes nothing for so long, too
CLOSE_S: Final = 2.0
_DNS_TTL_S: Final = 30
_USER_AGENT: Final = "voucher-gateway"


class HandshakeRefused(Exception):
    """The vendor answered in HTTP. `status` is its own."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(str(status))
        self.status = status
        self.retry_after = retry_after


class VendorSocket:
    """One session with a vendor."""

    def __init__(self, made: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._made = made

    async def receive(self) -> str | None:
        """The next text; None where the vendor has closed. Raises UpstreamBroken, IdleTimeout."""
        message = await self._made.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
            if self._made.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
                raise UpstreamBroken("the connection to the vendor was lost")
            return None
        if message.type is aiohttp.WSMsgType.ERROR and isinstance(message.data, TimeoutError):
            raise IdleTimeout("the vendor answers no ping")
        raise UpstreamBroken("the vendor spoke no text")

    async def send(self, text: str) -> None:
        """Waits while the vendor takes nothing. Raises UpstreamBroken."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._made.send_str(text)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UpstreamBroken("the vendor took nothing more") from error

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._made.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass  # it is closed on our side all the same


class VendorSockets:
    """One per process; `close` ends all of them."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def connect(self, target: UpstreamTarget, *, path: str, headers: dict[str, str]) -> VendorSocket:
        """Raises UpstreamError, HandshakeRefused."""
        session = self._session or self._begin()
        lines = _credential(target)
        if not all(text.isprintable() and text.isascii() for pair in lines.items() for text in pair):
            raise ConnectRefused("the vendor's key cannot stand in a request")
        url = target.base_url.rstrip("/") + path
        try:
            async with asyncio.timeout(target.connect_timeout_s + target.first_byte_timeout_s):
                made: Any = await session.ws_connect(
                    url,
                    headers={"User-Agent": _USER_AGENT, **lines, **headers},
                    max_msg_size=MESSAGE_BYTES_MAX,
                    heartbeat=HEARTBEAT_S,
                    compress=0,
                )
        except aiohttp.WSServerHandshakeError as refused:
            retry_after = None if refused.headers is None else refused.headers.get("Retry-After")
            raise HandshakeRefused(refused.status, retry_after) from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise translated(error) from error
        except TimeoutError as error:
            raise FirstByteTimeout("the vendor did not take the session in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamBroken("the connection to the vendor broke") from error
        return VendorSocket(made)

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _begin(self) -> aiohttp.ClientSession:
        redirects = aiohttp.TraceConfig()
        redirects.on_request_redirect.append(_refuse_redirect)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=_DNS_TTL_S, socket_factory=socket_factory(self._allow_private)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[redirects],
            trust_env=False,
        )
        return self._session


async def _refuse_redirect(*_: object) -> None:
    raise UpstreamBroken("the vendor answered with a redirect, which is not followed")


def _credential(target: UpstreamTarget) -> dict[str, str]:
    if target.api_key is None:
        return {}
    header = quirks_for(target.vendor).credential_header
    lines = [f"{header}: {target.api_key}"] if header else DIALECTS[target.dialect].credential(target.api_key)
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


__all__ = ["HandshakeRefused", "VendorSocket", "VendorSockets"]
