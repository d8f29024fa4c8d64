"""uvicorn as this house uses it: one socket handed in, no logs of its own, and a drain that we decide.

uvicorn takes signals for itself and re-raises them when it is done; here the role's main has them, since what
comes after the last answer (settling, posting, closing) is not a server's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from config.settings import Limits
from launch.process import say_ready

Application = Callable[..., Awaitable[None]]


class _Server(uvicorn.Server):
    """A server without signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build_server(
    application: Application,
    *,
    limits: Limits,
    drain_s: float,
    protocol: type[asyncio.Protocol] | None = None,
    trusted_proxies: str | None = None,
) -> uvicorn.Server:
    """`trusted_proxies`: whose X-Forwarded-For says who calls; without any, nothing looks at that header."""
    options: dict[str, Any] = {}
    if protocol is not None:
        options["http"] = protocol
    if trusted_proxies is not None:
        options["forwarded_allow_ips"] = trusted_proxies
    config = uvicorn.Config(
        application,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=trusted_proxies is not None,
        server_header=False,
        date_header=True,
        ws="none",
        backlog=limits.backlog,
        limit_concurrency=None,
        timeout_keep_alive=int(limits.keep_alive_s),
        timeout_graceful_shutdown=max(1, int(drain_s)),
        **options,
    )
    config.load()
    return _Server(config)


async def serve(
    server: uvicorn.Server,
    *,
    listener: socket.socket,
    ready_fd: int | None,
    before_drain: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then let what runs end within the server's drain time."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="serve")
    stopped = asyncio.create_task(stopping.wait(), name="wait for a signal")
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    say_ready(ready_fd)
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not serving.done():
        before_drain()
        server.should_exit = True
    await serving
