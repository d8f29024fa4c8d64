"""Framing of vendors' answers on real sockets: what ends one, what breaks one, which connections live on."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from providers.errors import AnswerTooLarge, ConnectRefused, FirstByteTimeout, IdleTimeout, UpstreamBroken
from providers.upstream import Upstream
from providers.vendor_connector import VendorConnector
from tests.fakes.vendor_server import CHUNKED, chunk, hang, lose, piece_of, says, vendor, whole

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
GZIP = whole(gzip.compress(b"body"), more="Content-Encoding: gzip\r\n")
DEFLATE = whole(zlib.compress(b"body"), more="content-encoding: Deflate\r\n")
UNTIL_CLOSE = OK + b"Content-Type: application/json\r\n\r\n"


async def ask(upstream: Upstream, *answer: bytes, pause_s: float = 0.0, close: bool = False) -> bytes:
    """One call to a vendor that answers so; the whole body, or what was raised."""
    script = says(*answer, pause_s=pause_s, then=lose if close else None)
    async with vendor(script) as (_, to):
        made = await upstream.send(to, path="/x", body=b"{}", stream=False, request_id="r")
        return await made.read(1_000_000)


@pytest.mark.parametrize(
    ("answer", "close"),
    [
        pytest.param([whole(b"body")], False, id="a length"),
        pytest.param([CHUNKED + chunk(b"bo") + chunk(b"dy") + chunk(b"")], False, id="chunks"),
        pytest.param([CHUNKED, chunk(b"bo"), chunk(b"dy"), chunk(b"")], False, id="chunks in many reads"),
        pytest.param([UNTIL_CLOSE, b"bo", b"dy"], True, id="the end of the connection"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\nbody"], True, id="HTTP/1.0"),
        pytest.param([INTERIM, whole(b"body")], False, id="an interim answer"),
        pytest.param([HINTS * 3 + whole(b"body")], False, id="three"),
        pytest.param([GZIP], False, id="packed though asked not to"),
        pytest.param([DEFLATE], False, id="packed otherwise"),
        pytest.param(
            [CHUNKED + chunk(b"body") + b"0\r\nX-Check: 1\r\n\r\n"], False, id="a trailer"
        ),
        pytest.param([bytes([one]) for one in whole(b"body")], False, id="byte by byte"),
    ],
)  # fmt: skip
async def test_what_ends_an_answer(upstream: Upstream, answer: list[bytes], close: bool) -> None:
    assert await ask(upstream, *answer, close=close, pause_s=0.001 if len(answer) > 1 else 0.0) == b"body"


TWO_LENGTHS = OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody"
LENGTH_AND_CHUNKS = OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
MANY_HEADERS = b"X: y\r\n" * 20_000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(TWO_LENGTHS, id="two lengths"),
        pytest.param(LENGTH_AND_CHUNKS, id="a length and chunks"),
        pytest.param(OK + b"Content-Length: -4\r\n\r\nbody", id="a length below zero"),
        pytest.param(OK + b"Content-Length : 4\r\n\r\nbody", id="a space before the colon"),
        pytest.param(CHUNKED + b"zz\r\nbody\r\n", id="a chunk without a size"),
        pytest.param(OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n", id="a header too long"),
        pytest.param(OK + b"X: " + b"x" * 900_000, id="a header without end"),
        pytest.param(OK + MANY_HEADERS + b"\r\n", id="too many headers"),
        pytest.param(CHUNKED + b"1\r\na\r\n0\r\n" + MANY_HEADERS, id="a trailer without end"),
        pytest.param(INTERIM * 20 + whole(b"body"), id="interim answers without end"),
        pytest.param(SWITCHING, id="another protocol"),
        pytest.param(whole(b"body", more="Content-Encoding: br\r\n"), id="a packing nobody asked for"),
        pytest.param(whole(b"no gzip", more="Content-Encoding: gzip\r\n"), id="not packed as it says"),
    ],
)
async def test_what_breaks_an_answer(upstream: Upstream, answer: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        await asyncio.wait_for(ask(upstream, answer), 5)


async def test_a_bomb_in_one_piece(upstream: Upstream) -> None:
    """What unpacks to more than sixteen mebibytes in one read never stands in memory whole."""
    packed = gzip.compress(b"0" * 40_000_000)
    with pytest.raises(AnswerTooLarge):
        await ask(upstream, whole(packed, more="Content-Encoding: gzip\r\n"))


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        pytest.param(whole(b"x"), 1, id="kept"),
        pytest.param(CHUNKED + chunk(b"x") + chunk(b""), 1, id="kept after chunks"),
        pytest.param(whole(b"x", more="Connection: close\r\n"), 3, id="the vendor says close"),
        pytest.param(whole(b"x") + b"more", 3, id="words after the end"),
        pytest.param(whole(b"x") + whole(b"y"), 3, id="a second answer"),
    ],
)
async def test_which_connections_live_on(upstream: Upstream, answer: bytes, connections: int) -> None:
    async with vendor(says(answer)) as (made, to):
        for _ in range(3):
            got = await upstream.send(to, path="/x", body=b"{}", stream=False, request_id="r")
            assert await got.read(10) == b"x"
        assert made.connections == connections


async def test_a_connection_that_the_vendor_ended_meanwhile_is_not_used(upstream: Upstream) -> None:
    async with vendor(says(whole(b"x"), then=lose)) as (made, to):
        for _ in range(3):
            got = await upstream.send(to, path="/x", body=b"{}", stream=False, request_id="r")
            assert await got.read(10) == b"x"
            await asyncio.sleep(0.02)
        assert made.connections == 3


async def test_an_answer_given_back_unread_takes_its_connection_with_it(upstream: Upstream) -> None:
    async with vendor(says(CHUNKED, chunk(b"x"), then=hang)) as (made, to):
        (await upstream.send(to, path="/x", body=b"{}", stream=False, request_id="r")).release()
        await asyncio.wait_for(made.ended.wait(), 5)


async def test_an_answer_before_the_whole_request(upstream: Upstream) -> None:
    """A vendor may refuse a large body early; the connection is then out of step."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"too large", "413 Payload Too Large"))
        await asyncio.sleep(60)

    async with vendor(early, listens=False) as (_, to):
        sending = upstream.send(to, path="/x", body=b"x" * 30_000_000, stream=False, request_id="r")
        got = await asyncio.wait_for(sending, 5)
        assert (got.status, await got.read(100)) == (413, b"too large")


async def test_a_vendor_that_takes_no_body_is_given_up(upstream: Upstream) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with vendor(deaf, listens=False) as (_, to):
        to = replace(to, first_byte_timeout_s=0.3)
        sending = upstream.send(to, path="/x", body=b"x" * 30_000_000, stream=False, request_id="r")
        with pytest.raises(FirstByteTimeout):
            await asyncio.wait_for(sending, 5)


async def test_a_slow_reader_slows_the_vendor_and_is_no_silence(upstream: Upstream) -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED)
        for _ in range(400):
            writer.write(chunk(b"x" * 100_000))
            await writer.drain()
            sent += 1
        writer.write(chunk(b""))

    async with vendor(pour) as (_, to):
        got = await upstream.send(
            replace(to, idle_timeout_s=0.3), path="/x", body=b"{}", stream=True, request_id="r"
        )
        await asyncio.sleep(1.0)
        assert sent < 400
        assert len(await got.read(40_000_000)) == 40_000_000


async def test_silence_is_counted_anew_for_each_call_on_one_connection(upstream: Upstream) -> None:
    turns = iter([0.0, 0.25, 0.25, 9.0])

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"one"))
        await asyncio.sleep(next(turns))
        writer.write(chunk(b"two") + chunk(b""))

    async with vendor(script) as (made, to):
        to = replace(to, idle_timeout_s=0.4, first_byte_timeout_s=0.4)
        for _ in range(3):
            got = await upstream.send(to, path="/x", body=b"{}", stream=True, request_id="r")
            assert await got.read(10) == b"onetwo"
        got = await upstream.send(to, path="/x", body=b"{}", stream=True, request_id="r")
        with pytest.raises(IdleTimeout):
            await asyncio.wait_for(got.read(10), 3)
        assert made.connections == 1


async def test_a_key_that_would_break_out_of_its_header_is_not_sent(upstream: Upstream) -> None:
    async with vendor(says(whole(b"x"))) as (made, to):
        with pytest.raises(ConnectRefused):
            await upstream.send(
                replace(to, api_key="a\r\nX: y"), path="/x", body=b"{}", stream=False, request_id="r"
            )
        assert made.asked == []


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(certificate, key) of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a vendor")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_over_tls(certificate: tuple[Path, Path], trusted: bool, run: Callable[..., None]) -> None:
    """On the loop of the tests, and on the one that serves."""
    run(_call_over_tls(*certificate, trusted=trusted))


async def _call_over_tls(cert: Path, key: Path, *, trusted: bool) -> None:
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(cert, key)
    trust = ssl.create_default_context(cafile=cert if trusted else None)
    connector = VendorConnector(allow_private=True, tls=trust)
    try:
        async with vendor(says(CHUNKED + chunk(b"secret") + chunk(b"")), tls=serving) as (made, to):
            if not trusted:
                with pytest.raises(ConnectRefused):
                    await connector.connect(URL(to.base_url), timeout_s=5)
                assert made.asked == []
                return
            connection = await connector.connect(URL(to.base_url), timeout_s=5)
            for _ in range(2):
                head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
                await connection.begin(head, b"{}", first_byte_timeout_s=5, idle_timeout_s=5)
                assert (connection.status, await piece_of(connection)) == (200, b"secret")
                assert await piece_of(connection) == b""
                assert connection.rest()
            assert (len(made.asked), made.connections) == (2, 1)
    finally:
        await connector.close()
