"""Pieces of an answer on their way out: at once where the server can, and never faster than they are read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from config.settings import read_limits
from gateway.app import Gateway
from gateway.asgi.protocol import LimitedProtocol
from gateway.asgi.turn import Turn
from gateway.outlet import Outlet
from launch.serving import build_server
from tests.fakes.gateway_world import KEY, chunk, world
from tests.fakes.raw_port import Application, Port, head

EVENTS = 600
ASK = [{"role": "user", "content": "hi"}]


class Line:
    """gateway.asgi.turn.Connection, on which everything written is kept."""

    def __init__(self) -> None:
        self.is_write_paused = False
        self.default_headers: list[tuple[bytes, bytes]] = []
        self.written: list[bytes] = []
        self.writable = asyncio.Event()

    def write(self, data: bytes) -> None:
        assert not self.is_write_paused, "what is sent to a slow client would pile up"
        self.written.append(data)

    async def until_writable(self) -> None:
        await self.writable.wait()

    def read_on(self) -> None:
        return

    def is_last(self, turn: Turn) -> bool:
        return False

    def end_turn(self, turn: Turn) -> None:
        return

    def abort(self) -> None:
        raise AssertionError("nothing went wrong")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def turn(line: Line) -> Turn:
    scope = {"method": "POST", "http_version": "1.1"}
    return Turn(line, scope, keep_alive=True, expects_continue=False)


async def begun(turn: Turn) -> Outlet:
    outlet = Outlet(turn)
    outlet.keep(100)
    await outlet.head(200, [])
    outlet.put(b"one")
    await outlet.flush()
    return outlet


async def test_the_head_waits_for_the_first_piece_and_the_next_waits_for_nothing(
    turn: Turn, line: Line
) -> None:
    outlet = Outlet(turn)
    await outlet.head(200, [])
    assert line.written == []
    assert not outlet.put(b"one")
    await outlet.flush()
    assert [data.rpartition(b"\r\n\r\n")[2] for data in line.written] == [b"3\r\none\r\n"]
    assert outlet.put(b"two")
    await outlet.flush()
    assert outlet.put(b"three")
    assert line.written[1:] == [b"3\r\ntwo\r\n", b"5\r\nthree\r\n"]


async def test_a_piece_for_a_slow_client_waits(turn: Turn, line: Line) -> None:
    outlet = await begun(turn)
    line.is_write_paused = True
    assert not outlet.put(b"two")
    flushing = asyncio.ensure_future(outlet.flush())
    await asyncio.sleep(0)
    assert not flushing.done()
    line.is_write_paused = False
    line.writable.set()
    await flushing
    assert outlet.put(b"three")
    assert line.written[1:] == [b"3\r\ntwo\r\n", b"5\r\nthree\r\n"]
    assert outlet.kept == [b"one", b"two", b"three"]


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_client_that_is_gone_gets_nothing_and_is_not_waited_for(
    turn: Turn, line: Line, is_slow: bool
) -> None:
    outlet = await begun(turn)
    line.is_write_paused = is_slow
    turn.lose()
    assert outlet.put(b"two")
    assert len(line.written) == 1
    assert outlet.kept == [b"one", b"two"]


async def test_an_answer_that_has_ended_has_no_further_piece(turn: Turn) -> None:
    outlet = await begun(turn)
    await outlet.last(b"two")
    assert not outlet.put(b"three")
    with pytest.raises(RuntimeError):
        await outlet.flush()


async def test_any_other_server_is_sent_each_piece(line: Line) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    outlet = Outlet(send)
    await outlet.head(200, [])
    for piece in (b"one", b"two"):
        assert not outlet.put(piece)
        await outlet.flush()
    await outlet.flush()
    assert [message.get("body") for message in sent] == [None, b"one", b"two"]


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[Port]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = build_server(gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    try:
        yield Port(listener.getsockname()[1], Application(), server.server_state.connections)
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def test_a_slow_client_slows_the_vendor_and_misses_nothing(tmp_path: Path) -> None:
    """All the way, on real sockets: what the kernel holds is the most that is read ahead of the client."""
    word, sent = "word " * 4000, 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(EVENTS):
            await response.write(chunk(word))
            sent += 1
        usage = {"prompt_tokens": 10, "completion_tokens": 4000, "total_tokens": 4010}
        await response.write(chunk(finish="stop") + chunk(usage=usage) + b"data: [DONE]\n\n")
        return response

    async with world(pour, tmp_path) as w, served(w.gateway) as port:
        async with port.connect(receive_bytes=8192) as (reader, writer):
            body = orjson.dumps({"model": "x1", "messages": ASK, "stream": True, "max_tokens": 4000})
            lines = f"Authorization: Bearer {KEY}", f"Content-Length: {len(body)}"
            writer.write(head(*lines, target="/v1/chat/completions", method="POST") + body)
            await asyncio.sleep(1.0)
            assert 0 < sent < EVENTS
            answer = await reader.read(-1)
        assert answer.count(word.encode()) == EVENTS
        assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert [event.end_reason for event in w.events] == ["completed"]
