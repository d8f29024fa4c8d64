"""The gateway role: one process of the data plane, from its settings to its last settled stream.

Ending: readiness turns false, the socket is let go (the kernel hands new callers to the other processes),
running streams may end within `drain_s`, what runs longer is cut and settled as delivered, then the process
says farewell to the books.
"""

from __future__ import annotations

import socket
from typing import Protocol

import uvloop

from config.settings import Settings
from launch import roles
from launch.process import collect_seldom
from launch.serving import Application, build_server, serve
from launch.with_books import of_this_version


class GatewayRole(Protocol):
    """What launch.roles.build_gateway returns."""

    @property
    def application(self) -> Application: ...

    def begin_drain(self) -> None:
        """Readiness turns false."""

    async def close(self) -> None:
        """Every hold ended, every event settled or journalled, every connection closed."""


async def _run(settings: Settings, *, gateway_id: str, listener: socket.socket, ready_fd: int | None) -> None:
    gateway = await roles.build_gateway(settings, gateway_id=gateway_id)
    server = build_server(
        gateway.application,
        limits=settings.limits,
        drain_s=settings.limits.drain_s,
        protocol=roles.gateway_protocol(),
        trusted_proxies=settings.trusted_proxies,
    )
    collect_seldom()
    try:
        await serve(server, listener=listener, ready_fd=ready_fd, before_drain=gateway.begin_drain)
    finally:
        await gateway.close()


def run(settings: Settings, *, gateway_id: str, listener: socket.socket, ready_fd: int | None) -> None:
    with of_this_version():
        uvloop.run(_run(settings, gateway_id=gateway_id, listener=listener, ready_fd=ready_fd))
