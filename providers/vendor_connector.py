"""Making connections to vendors: names, TLS, who may be reached. The work is aiohttp's connector's.

The address is judged at the last moment before connecting, whatever a name resolved to when it was declared.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from yarl import URL

from providers.addresses import refusal_of_address
from providers.errors import AddressRefused, ConnectRefused, ConnectTimeout, UpstreamError
from providers.vendor_connection import VendorConnection

_DNS_TTL_S: Final = 30
_PRIVATE_MARK: Final = "private address refused"


class _PrivateAddress(OSError):
    """Raised while a socket is made; aiohttp wraps it."""


class VendorConnector:
    """Needs the running loop. Does not pool: what it makes is kept by whoever asked for it."""

    def __init__(self, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLContext | bool = tls or True  # True: what this machine trusts
        self._connector = aiohttp.TCPConnector(
            limit=0,  # concurrency is bounded where money is, by keys and holds
            ttl_dns_cache=_DNS_TTL_S,
            socket_factory=socket_factory(allow_private),
        )
        self._made: dict[VendorConnection, Any] = {}

    async def connect(self, url: URL, *, timeout_s: float) -> VendorConnection:
        """A connection to the origin of `url`; raises NotSent."""
        request = aiohttp.ClientRequest("POST", url, loop=self._loop, ssl=self._tls)
        timeout = aiohttp.ClientTimeout(total=None, connect=timeout_s, sock_connect=timeout_s)
        try:
            made = await self._connector.connect(request, [], timeout)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise translated(error) from error
        transport = made.transport
        if transport is None:
            raise ConnectRefused("no connection to the vendor: it ended at once")
        connection = VendorConnection(self._loop, url.origin())
        transport.set_protocol(connection)
        connection.connection_made(transport)
        self._made[connection] = made
        return connection

    def forget(self, connection: VendorConnection) -> None:
        """The connection has ended."""
        made = self._made.pop(connection, None)
        if made is not None:
            made.close()

    async def close(self) -> None:
        for connection in list(self._made):
            connection.close()
            self.forget(connection)
        await self._connector.close()


def translated(error: Exception) -> UpstreamError:
    """No text of the foreign error: it may name our network."""
    if isinstance(error, TimeoutError):  # aiohttp's ConnectionTimeoutError is one
        return ConnectTimeout("no connection to the vendor in time")
    if isinstance(error, aiohttp.ClientConnectorError) and _PRIVATE_MARK in str(error.os_error):
        return AddressRefused("the vendor's address is a private one")
    return ConnectRefused(f"no connection to the vendor: {type(error).__name__}")


def socket_factory(allow_private: bool) -> Callable[[tuple[Any, ...]], socket.socket]:
    return _any_socket if allow_private else _public_socket


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


__all__ = ["VendorConnector", "socket_factory", "translated"]
