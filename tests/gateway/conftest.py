"""The public port for tests that speak to it in bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from tests.fakes.raw_port import Application, Port

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The product runs on uvloop, whose transports end in ways of their own."""
    names = LOOPS if item.path.stem in ("test_partings", "test_websocket") else ["asyncio"]
    return {name: LOOPS[name] for name in names}


class Hasty(LimitedProtocol):
    """The same limits, in a test's time."""

    head_read_s = 0.3
    body_read_s = 0.3
    client_stall_s = 0.3
    linger_silence_s = 1.0


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    application = Application()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = build_server(application, limits=read_limits({}), drain_s=1, protocol=Hasty)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    yield Port(listener.getsockname()[1], application, server.server_state.connections)
    server.should_exit = True
    await serving
    listener.close()  # the server has closed it, if it came so far
