"""How a connection ends on the public port: what is refused unread, and that an answer reaches its reader."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator

import orjson
import pytest

from gateway.asgi.protocol import LINGER_BYTES_MAX
from tests.fakes.raw_port import PIECE, Port, fillers, head, post

CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
OLD = b"GET /hasty HTTP/1.0\r\n\r\n"


def chunked(*codings: str) -> bytes:
    return head(*[f"Transfer-Encoding: {coding}" for coding in codings], method="POST") + CHUNKS


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        pytest.param(head(host=False), 400, "invalid_request", id="no host"),
        pytest.param(head("Host: h"), 400, "invalid_request", id="the same host twice"),
        pytest.param(head("host: other"), 400, "invalid_request", id="two hosts"),
        pytest.param(b"no request\r\n\r\n", 400, "invalid_request", id="no request"),
        pytest.param(chunked("gzip"), 400, "invalid_request", id="a body without an end"),
        pytest.param(chunked("chunked", "chunked"), 400, "invalid_request", id="chunked twice"),
        pytest.param(chunked("chunked, chunked"), 400, "invalid_request", id="chunked in chunked"),
        pytest.param(chunked("gzip, chunked"), 501, "invalid_request", id="gzip in chunked"),
        pytest.param(chunked("gzip,chunked"), 501, "invalid_request", id="the same without a space"),
        pytest.param(head(target="/" + "t" * 10_000), 414, "request_too_large", id="a long target"),
        pytest.param(head(*fillers(200)), 431, "request_too_large", id="many headers"),
        pytest.param(head("x: " + "v" * 100_000), 431, "request_too_large", id="a long header"),
    ],
)
async def test_what_is_refused_unread_is_refused_like_the_rest(
    port: Port, sent: bytes, status: int, code: str
) -> None:
    top, _, body = (await port.hear(sent)).partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert first.split(" ")[1] == str(status)
    assert headers["x-should-retry"] == "false"
    assert headers["x-request-id"].startswith("req_")
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    error = orjson.loads(body)["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert port.application.ended == []


async def test_it_is_refused_in_the_language_that_came_with_it(port: Port) -> None:
    answer = await port.hear(head("Accept-Language: ko", host=False))
    assert "Host 헤더를 정확히 하나 보내 주세요." in answer.decode()
    assert b"Send exactly one Host header." in await port.hear(head(host=False))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(OLD, id="an old client need not say whom it asks"),
        pytest.param(head().replace(b"Host: h", b"Host:"), id="a host may be empty"),
        pytest.param(chunked("Chunked"), id="codings have no case"),
    ],
)
async def test_what_is_not_refused(port: Port, sent: bytes) -> None:
    assert (await port.hear(sent)).startswith(b"HTTP/1.1 200 ")


def pieces() -> Iterator[bytes]:
    for _ in range(512):
        yield PIECE


@pytest.mark.parametrize("in_chunks", [False, True], ids=["with its length", "in chunks"])
async def test_who_sends_too_much_hears_so(port: Port, in_chunks: bool) -> None:
    """Most clients send all of a body before they read: they must not find a reset instead of the answer."""

    def ask() -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=10)
        try:
            body = pieces() if in_chunks else PIECE * 512
            connection.request("POST", "/echo", body=body, encode_chunked=in_chunks)
            answer = connection.getresponse()
            return answer.status, answer.headers["connection"]
        finally:
            connection.close()

    for _ in range(3):  # a reset is a race: it does not always win
        assert await asyncio.to_thread(ask) == (413, "close")
    assert port.application.ended == ["too large"] * 3


async def test_who_does_not_stop_is_cut(port: Port) -> None:
    async with asyncio.timeout(20), port.connect() as (_, writer):
        writer.write(head("Content-Length: 99999999999", method="POST", closes=False))
        with pytest.raises(ConnectionError):
            await _pour(writer, 2 * LINGER_BYTES_MAX)
    assert port.application.ended == ["too large"]


async def test_who_says_nothing_more_is_not_waited_for(port: Port) -> None:
    async with asyncio.timeout(5), port.connect() as (reader, writer):
        writer.write(head("Content-Length: 2000", method="POST", closes=False))
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 413 "), "the end is said at once"
        assert len(port.connections) == 1
        await _until_parted(port)


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(head(target="/late", closes=False), 1, id="one"),
        pytest.param(post("abc", closes=False), 1, id="one with a body"),
        pytest.param(head(target="/late", closes=False) + post("abc", closes=False), 2, id="two"),
        pytest.param(head(target="/late", closes=False) + b"GET / HT", 1, id="one and a bit"),
        pytest.param(head(target="/speaks", closes=False), 1, id="one answer in pieces"),
    ],
)
async def test_who_says_no_more_is_answered(port: Port, sent: bytes, answers: int) -> None:
    answer = await port.hear(sent, shuts=True)
    assert answer.count(b"HTTP/1.1 200 ") == answers
    assert answer.endswith((b"gone", b"abc []", b"three\r\n0\r\n\r\n")), "the whole of it"
    await _until_parted(port)


async def test_who_says_no_more_counts_as_gone(port: Port) -> None:
    """Whether it still listens cannot be known; most who do this do not."""
    assert (await port.hear(head(target="/late"))).endswith(b"there")
    assert (await port.hear(head(target="/late"), shuts=True)).endswith(b"gone")
    assert await port.hear(head(target="/waits"), pause_s=0.05, shuts=True) == b"", "a stream ends with it"
    assert port.application.ended == ["left"]


async def test_who_says_no_more_in_the_middle_of_a_request_is_gone(port: Port) -> None:
    sent = head("Content-Length: 10", method="POST", closes=False) + b"abc"
    assert await port.hear(sent, shuts=True) == b""
    assert port.application.ended == ["left"]


async def _until_parted(port: Port) -> None:
    async with asyncio.timeout(5):
        while port.connections:  # noqa: ASYNC110 - nothing tells of it but the set
            await asyncio.sleep(0.01)


async def _pour(writer: asyncio.StreamWriter, size_bytes: int) -> None:
    for _ in range(size_bytes // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()
