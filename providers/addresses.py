"""Which addresses a vendor may have. Pure.

A base URL is written by an operator or a provider, and the gateway sends calls (and a credential) to it from
inside our network. So nothing of that network, of this machine or of the cloud's metadata service may be
named: not in the URL (checked when it is declared) and not by the name's resolution (checked on every
connect, since a name can be pointed elsewhere later).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final
from urllib.parse import urlsplit

_LOCAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "lan", "intranet")
# The one query that holds no secret and that a vendor wants with every call (Azure's deployments).
_VERSION: Final = re.compile(r"api-version=[A-Za-z0-9.-]{1,40}")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def refusal_of_address(address: str) -> str | None:
    """Why this IP address is not a vendor's; None if it may be one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return f"{address!r} is not an IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address in IPv6 clothes is judged as what it is.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return refusal_of_address(str(inner))
    if ip.is_multicast or not ip.is_global:
        return f"{address} is a private, local or reserved address"
    return None


def refusal_of_base_url(url: str, allow_private: bool) -> str | None:
    """Why this base URL is refused when a product declares it; None if it is taken. Resolves nothing."""
    if _UNSAFE.search(url):
        return "the base URL holds a space, a control character or a backslash"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"the base URL cannot be read: {error}"
    if parts.scheme not in ("http", "https"):
        return "the base URL must begin with http:// or https://"
    if not host:
        return "the base URL names no host"
    if "@" in parts.netloc:
        return "the base URL must hold no user name or password"
    if parts.fragment or url.endswith(("?", "#")) or (parts.query and not _VERSION.fullmatch(parts.query)):
        return "the base URL must hold no fragment, and no query but Azure's api-version"
    return None if allow_private else _refusal_of_host(host)


def _refusal_of_host(host: str) -> str | None:
    name = host.rstrip(".").lower()
    if any(name == local or name.endswith("." + local) for local in _LOCAL_NAMES):
        return f"{host} is a name of this machine or network"
    if ":" in name:
        return refusal_of_address(name)
    try:
        # Also the odd spellings that a resolver takes for an address: 127.1, 2130706433, 0x7f000001.
        packed = socket.inet_aton(name)
    except OSError:
        return None if "." in name else f"{host} is a name without a domain"
    return refusal_of_address(str(ipaddress.IPv4Address(packed)))
