"""Web sockets to vendors keep the rules of any call to one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from providers.catalogue import UpstreamTarget
from providers.errors import AddressRefused, ConnectRefused, FirstByteTimeout, UpstreamBroken, UpstreamError
from providers.vendor_sockets import HandshakeRefused, VendorSockets
from tests.fakes.realtime_vendor import Vendor
from tests.fakes.vendor_server import target as target_at
from tests.fakes.vendor_server import vendor


@asynccontextmanager
async def served(serving: Vendor) -> AsyncIterator[UpstreamTarget]:
    app = web.Application()
    app.router.add_get("/{tail:.*}", serving.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield target_at(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sockets(*, allow_private: bool = True) -> AsyncIterator[VendorSockets]:
    made = VendorSockets(allow_private)
    try:
        yield made
    finally:
        await made.close()


async def test_text_goes_both_ways_unpacked() -> None:
    there = Vendor()
    async with served(there) as target, sockets() as made:
        talk = await made.connect(target, path="/realtime?model=m", headers={"X-Request-Id": "r1"})
        assert '"session.created"' in (await talk.receive() or "")
        await talk.send('{"type":"session.update","session":{}}')
        assert '"session.updated"' in (await talk.receive() or "")
        await there.close()
        assert await talk.receive() is None
        await talk.close()
    head = there.asked[0].headers
    assert (head["X-Request-Id"], head["Authorization"]) == ("r1", "Bearer secret-key")
    assert "Sec-WebSocket-Extensions" not in head
    assert there.asked[0].path_qs == "/v1/realtime?model=m"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
async def test_a_private_address_is_refused_when_connecting(host: str) -> None:
    there = Vendor()
    async with served(there) as target, sockets(allow_private=False) as made:
        near = replace(target, base_url=target.base_url.replace("127.0.0.1", host))
        with pytest.raises(AddressRefused):
            await made.connect(near, path="/realtime", headers={})
    assert there.asked == []


async def test_a_redirect_is_not_followed() -> None:
    there = Vendor(refuses=302)
    async with served(there) as target, sockets() as made:
        with pytest.raises(UpstreamBroken):
            await made.connect(target, path="/realtime", headers={})
    assert len(there.asked) == 1


async def test_a_refusal_in_http_says_its_status() -> None:
    async with served(Vendor(refuses=404)) as target, sockets() as made:
        with pytest.raises(HandshakeRefused) as refused:
            await made.connect(target, path="/realtime", headers={})
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HandshakeRefused),
        (b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", HandshakeRefused),
        (b"nonsense\r\n\r\n", UpstreamError),
        (b"", UpstreamBroken),
        (None, FirstByteTimeout),
    ],
    ids=["no_upgrade", "no_proof", "no_http", "nothing", "silence"],
)
async def test_a_vendor_that_is_none(answer: bytes | None, error: type[Exception]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        writer.write(answer or b"")
        raise ConnectionError

    async with vendor(script, listens=False) as (_, target), sockets() as made:
        hasty = replace(target, connect_timeout_s=0.1, first_byte_timeout_s=0.1)
        with pytest.raises(error):
            await made.connect(hasty, path="/realtime", headers={})


async def test_nobody_there() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        target = target_at(f"http://127.0.0.1:{unheard.getsockname()[1]}/v1")
        async with sockets() as made:
            with pytest.raises(ConnectRefused):
                await made.connect(target, path="/realtime", headers={})


async def test_a_key_cannot_break_out_of_its_line() -> None:
    target = replace(target_at("http://127.0.0.1:1/v1"), api_key="a\r\nx: y")
    async with sockets() as made:
        with pytest.raises(ConnectRefused):
            await made.connect(target, path="/realtime", headers={})
