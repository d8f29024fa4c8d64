"""Prometheus across processes: every process writes its numbers into one directory, the office adds them up.

For callers on this machine, or with the token from the settings: the numbers say how busy each company is.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector


def may_read(
    *, client_host: str | None, came_through_proxy: bool, authorization: str | None, token: str | None
) -> bool:
    """Who comes through a proxy on this machine looks like this machine: that one needs the token."""
    if token is not None and authorization is not None:
        return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())
    if client_host is None or came_through_proxy:
        return False
    try:
        return ip_address(client_host).is_loopback
    except ValueError:
        return False


def collect(directory: str) -> bytes:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
