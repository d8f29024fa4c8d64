"""The public port's web sockets against clients that are odd, greedy or hostile: a real server, and bytes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from config.settings import read_limits
from gateway.asgi import websocket_turn as limits
from gateway.asgi.request import Receive, Scope, Send
from gateway.asgi.websocket import SocketEnded, WebSocket, http_answer
from gateway.outlet import Outlet
from launch.serving import build_server
from tests.fakes.raw_port import Application, Port, head
from tests.gateway.conftest import Hasty

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455, with the proof it must get
PROOF = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
PLAIN = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)


def handshake(*lines: str, target: str = "/", method: str = "GET") -> bytes:
    return head(*(lines or PLAIN), target=target, method=method, closes=False)


def text(data: bytes, *, fin: bool = True, opcode: Opcode = Opcode.TEXT) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def closing(code: int = 1000) -> bytes:
    return Frame(Opcode.CLOSE, struct.pack("!H", code)).serialize(mask=True)


@dataclass(slots=True)
class Echo(Application):
    """Says what it hears, in capitals; on /refuses it takes no socket, on /floods it never stops speaking."""

    heard: list[str] = field(default_factory=list)
    pause: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await Application.__call__(self, scope, receive, send)
            return
        if scope["path"] == "/refuses":
            await Outlet(http_answer(send)).whole(403, [], b"no")
            return
        self.going.set()
        talk = WebSocket(receive, send)
        await talk.accept(subprotocol=None, headers=[(b"x-request-id", b"r1")])
        try:
            if scope["path"] == "/waits":
                await self.pause.wait()
            if scope["path"] == "/leaves":
                await talk.close(1008, "w" * 200)
            while True:
                said = await talk.receive()
                self.heard.append(said)
                if scope["path"] != "/listens":
                    await talk.send(said.upper())
        except SocketEnded as ended:
            self.ended.append("leaving" if ended.is_leaving else "ended")
            await talk.close(1001, "")


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Port, Echo]]:
    application = Echo()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = build_server(application, limits=read_limits({}), drain_s=1, protocol=Hasty)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    yield Port(listener.getsockname()[1], application, server.server_state.connections), application
    server.should_exit = True
    await serving
    listener.close()


def frames(answer: bytes) -> list[tuple[int, bytes]]:
    """(opcode, payload) of what the server sent after its 101; its frames are short and never masked."""
    found: list[tuple[int, bytes]] = []
    rest = answer.partition(b"\r\n\r\n")[2]
    while rest:
        opcode, size, start = rest[0] & 15, rest[1], 2
        assert size < 126
        found.append((opcode, rest[start : start + size]))
        rest = rest[start + size :]
    return found


async def test_a_conversation_in_bytes(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    parts = text(b"on", fin=False) + text(b"", fin=False, opcode=Opcode.CONT) + text(b"e", opcode=Opcode.CONT)
    ping = Frame(Opcode.PING, b"p").serialize(mask=True)
    answer = await port.hear(handshake(), parts + ping, text("둘".encode()), closing(), pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: " + PROOF in answer
    assert b"x-request-id: r1" in answer
    assert b"extensions" not in answer
    assert application.heard == ["one", "둘"]
    assert (8, struct.pack("!H", 1000)) in frames(answer)
    assert (10, b"p") in frames(answer)
    assert (1, b"ONE") in frames(answer)


async def test_what_comes_with_the_handshake_is_not_lost(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    answer = await port.hear(handshake() + text(b"early"), closing(), pause_s=0.1)
    assert application.heard == ["early"]
    assert (1, b"EARLY") in frames(answer)


async def test_one_that_is_not_taken_is_answered_in_http(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    answer = await port.hear(handshake(target="/refuses"), text(b"x"))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"\r\n\r\nno")
    assert b"connection: close" in answer
    assert application.heard == []


@pytest.mark.parametrize(
    "sent",
    [
        handshake(*PLAIN[:2], PLAIN[3]),
        handshake(*PLAIN, PLAIN[2]),
        handshake(*PLAIN[:2], "Sec-WebSocket-Key: short", PLAIN[3]),
        handshake(*PLAIN[:3], "Sec-WebSocket-Version: 8"),
        handshake(*PLAIN, PLAIN[3]),
        handshake(PLAIN[0], "Upgrade: websocket, h2c", *PLAIN[2:]),
        handshake(*PLAIN, method="POST"),
        handshake(*PLAIN, "Content-Length: 0"),
        handshake(*PLAIN, "Content-Length: 3"),
        handshake(*PLAIN, "Transfer-Encoding: chunked"),
        handshake(*PLAIN, "Sec-WebSocket-Protocol: a b"),
    ],
    ids=["no_key", "two_keys", "bad_key", "version", "two_versions", "two_upgrades", "post", "length_0",
         "body", "chunked", "protocol"],
)  # fmt: skip
async def test_a_handshake_that_is_not_plain_is_refused(echo: tuple[Port, Echo], sent: bytes) -> None:
    port, application = echo
    answer = await port.hear(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"handshake" in answer
    assert (application.heard, application.ended) == ([], [])


async def test_behind_a_request_that_is_being_answered_it_is_refused(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    answer = await port.hear(head(target="/late", closes=False) + handshake() + text(b"x"))
    assert answer.count(b"HTTP/1.1 ") == 1, "the first request has its answer, and the connection ends"
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert application.heard == []


def declared(size: int, opcode: Opcode = Opcode.TEXT) -> bytes:
    """The head of a frame that is to come, and never does."""
    return struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size) + b"mask"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (declared(limits.MESSAGE_BYTES_MAX + 1), 1009),
        (text(b"a" * 1000, fin=False) + declared(limits.MESSAGE_BYTES_MAX, Opcode.CONT), 1009),
        (text(b"", fin=False) + text(b"", fin=False, opcode=Opcode.CONT) * limits.FRAGMENTS_MAX, 1008),
        (Frame(Opcode.PING, b"").serialize(mask=True) * (limits.IDLE_CONTROLS_MAX + 1), 1008),
        (text(b"x", opcode=Opcode.BINARY), 1003),
        (text(b"\xff"), 1007),
        (b"\xc1" + text(b"x")[1:], 1002),
        (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
        (text(b"x", opcode=Opcode.CONT), 1002),
        (b"\x83" + text(b"x")[1:], 1002),
        (closing(1005), 1002),
    ],
    ids=["too_large", "within_a_message", "fragments", "pings", "binary", "not_utf8", "packed", "unmasked",
         "no_beginning", "unknown", "reserved_code"],
)  # fmt: skip
async def test_what_is_not_taken_ends_the_socket(echo: tuple[Port, Echo], sent: bytes, code: int) -> None:
    port, application = echo
    answer = await port.hear(handshake(target="/listens"), sent)
    opcode, payload = frames(answer)[-1]
    assert (opcode, payload[:2]) == (8, struct.pack("!H", code))
    assert application.heard == []


async def test_a_message_of_many_fragments_is_bounded_as_one(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    part = b"x" * (limits.MESSAGE_BYTES_MAX // 4)
    pieces = [text(part, fin=False)] + [text(part, fin=False, opcode=Opcode.CONT)] * 4
    answer = await port.hear(handshake(target="/listens"), *pieces)
    assert frames(answer)[-1][1][:2] == struct.pack("!H", 1009)
    assert application.heard == []


async def test_who_is_not_listened_to_is_read_no_further(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    message = text(b"m" * 60_000)
    async with asyncio.timeout(10), port.connect() as (reader, writer):
        writer.write(handshake(target="/waits"))
        await reader.readuntil(b"\r\n\r\n")
        taken = 0
        try:
            async with asyncio.timeout(0.5):
                while taken < 1000:
                    writer.write(message)
                    await writer.drain()
                    taken += 1
        except TimeoutError:
            pass
        assert taken * len(message) < 24 * 1024 * 1024, "it waits in buffers of a bounded size"
        assert application.heard == []
        writer.transport.abort()
        application.pause.set()


async def test_who_pings_and_reads_nothing_is_cut_off(echo: tuple[Port, Echo]) -> None:
    port, _ = echo
    piece = text(b"m") + Frame(Opcode.PING, b"p" * 125).serialize(mask=True) * limits.IDLE_CONTROLS_MAX
    waiting_bytes = 0
    async with asyncio.timeout(10), port.connect(receive_bytes=4096) as (reader, writer):
        writer.write(handshake(target="/listens"))
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        [connection] = port.connections
        connection.client_stall_s = 60.0
        while not connection._transport.is_closing():
            writer.write(piece)
            await asyncio.sleep(0)
            waiting_bytes = max(waiting_bytes, connection._transport.get_write_buffer_size())
            assert waiting_bytes < 1024 * 1024, "what it does not read heaps up"
        writer.transport.abort()


async def test_messages_pass_no_faster_than_the_rate(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    count = limits.MESSAGES_AT_ONCE + limits.MESSAGES_PER_S // 5
    began_s = asyncio.get_running_loop().time()
    await port.hear(handshake(target="/listens"), text(b"m") * count + closing())
    async with asyncio.timeout(5):
        while len(application.heard) < count:  # noqa: ASYNC110 - a test
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - began_s > 0.15


async def test_a_reason_that_is_too_long_is_cut(echo: tuple[Port, Echo]) -> None:
    port, _ = echo
    answer = await port.hear(handshake(target="/leaves"))
    assert frames(answer) == [(8, struct.pack("!H", 1008) + b"w" * 123)]


async def test_who_goes_without_a_word_has_ended(echo: tuple[Port, Echo]) -> None:
    port, application = echo
    async with port.connect() as (reader, writer):
        writer.write(handshake())
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(5):
        while application.ended != ["ended"]:  # noqa: ASYNC110 - a test
            await asyncio.sleep(0.01)


async def test_a_value_cannot_break_out_of_its_line() -> None:
    class Connection:
        default_headers: tuple[Any, ...] = ()
        is_write_paused = False

        def write(self, data: bytes) -> None:
            raise AssertionError("it was sent")

    turn = limits.WebSocketTurn(Connection(), {"type": "websocket"}, accept_key=b"k")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        await turn({"type": "websocket.accept", "headers": [(b"x", b"a\r\nb: c")]})
