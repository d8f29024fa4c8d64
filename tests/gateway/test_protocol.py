"""The public port against clients that send too much, too slowly or ambiguously: a real server."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.asgi.head import HEAD_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX
from tests.fakes.raw_port import PIECE, Port, fillers, head, post


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head(), b"200"),
        (head(target="/" + "t" * (TARGET_BYTES_MAX - 1)), b"200"),
        (head(target="/" + "t" * TARGET_BYTES_MAX), b"414"),
        (head(*fillers(HEADERS_MAX - 2)), b"200"),
        (head(*fillers(HEADERS_MAX - 1)), b"431"),
        (head("x-long: " + "v" * (HEAD_BYTES_MAX - 100)), b"200"),
        (head("x-long: " + "v" * HEAD_BYTES_MAX), b"431"),
        (head(*[f"x-{i}: " + "v" * 8000 for i in range(9)]), b"431"),
        (head("n" * HEAD_BYTES_MAX + ": v"), b"431"),
    ],
    ids=[
        "plain",
        "longest_target",
        "long_target",
        "most_headers",
        "many_headers",
        "longest",
        "long",
        "sum",
        "long_name",
    ],
)
async def test_bounds_of_a_head(port: Port, sent: bytes, status: bytes) -> None:
    answer = await port.hear(sent)
    assert answer.split(b" ")[1] == status
    assert len(port.application.ended) == (1 if status == b"200" else 0)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /" + b"t" * 100,
        b"GET / HTTP/1.1\r\nx-endless: ",
        b"GET / HTTP/1.1\r\n" + b"n" * 100,
        b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-trailer: ",
        b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;extension=",
    ],
    ids=["target", "value", "name", "trailer", "extension"],
)
async def test_what_never_ends_is_not_kept(port: Port, beginning: bytes) -> None:
    """A line without an end is refused at the bound, not when the memory is full."""
    async with asyncio.timeout(5), port.connect() as (reader, writer):
        writer.write(beginning)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * len(PIECE) and not reader.at_eof():
                writer.write(PIECE)
                sent += len(PIECE)
                await writer.drain()
                await asyncio.sleep(0)
                if reader._buffer:  # type: ignore[attr-defined]  # what was answered so far
                    break
        assert sent < 64 * len(PIECE), "the server took all of it"
        assert not any(ended.startswith("GET") for ended in port.application.ended)


@pytest.mark.parametrize(
    "sent",
    [
        head("Content-Length: 3", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
        head("Transfer-Encoding: chunked", "Content-Length: 3", method="POST") + b"0\r\n\r\n",
        head("Content-Length: 3", "Content-Length: 4", method="POST") + b"abcd",
        head("Content-Length: 3", "Content-Length: 3", method="POST") + b"abc",
        head("Content-Length: +3", method="POST") + b"abc",
        head("Content-Length: 3, 3", method="POST") + b"abc",
        head("Content-Length: 99999999999999999999999", method="POST"),
        head("Transfer-Encoding: chunked, identity", method="POST") + b"0\r\n\r\n",
        head("Transfer-Encoding : chunked", method="POST") + b"0\r\n\r\n",
        b"GET /echo HTTP/1.1\nHost: h\nConnection: close\n\n",
        b"GET /echo HTTP/1.1\r\nHost: h\nx-smuggled: 1\r\nConnection: close\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: h\r\nx-folded: 1\r\n 2\r\nConnection: close\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: h\r\nx-nul: \x00\r\nConnection: close\r\n\r\n",
        head("Transfer-Encoding: chunked", method="POST") + b"-3\r\nabc\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked", method="POST") + b"3\nabc\n0\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=[
        "length_and_chunked",
        "chunked_and_length",
        "two_lengths",
        "one_length_twice",
        "signed",
        "list",
        "huge",
        "chunked_inside",
        "space_before_colon",
        "bare_lf",
        "one_bare_lf",
        "folded",
        "nul",
        "negative_chunk",
        "lf_chunk",
        "tls",
    ],
)
async def test_a_request_of_two_meanings_is_refused(port: Port, sent: bytes) -> None:
    answer = await port.hear(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer
    assert not [ended for ended in port.application.ended if ended != "left"]


async def test_a_slow_head_is_cut(port: Port) -> None:
    assert await port.hear(b"GET /echo HTTP/1.1\r\n", b"Host: h\r\n", pause_s=0.2) == b""
    assert await port.hear() == b"", "so is a client that says nothing"
    assert port.application.ended == []


async def test_empty_lines_keep_no_connection(port: Port) -> None:
    answer = await port.hear(head(closes=False), b"\r\n", pause_s=0.05)
    assert answer.count(b"HTTP/1.1 200 ") == 1


async def test_a_slow_second_head_is_cut_too(port: Port) -> None:
    answer = await port.hear(head(closes=False), b"GET /ec")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("body", [b"", b"abc"])
async def test_a_body_that_does_not_come_is_cut(port: Port, body: bytes) -> None:
    answer = await port.hear(head("Content-Length: 10", method="POST", closes=False), body, pause_s=0.05)
    assert answer == b""
    assert port.application.ended == ["left"]


async def test_a_slow_but_steady_call_is_answered(port: Port) -> None:
    """Limits are of a head and of a body, not of a connection."""
    request = post("abc", closes=False)
    async with asyncio.timeout(5), port.connect() as (reader, writer):
        for _ in range(3):
            for piece in (request[:10], request[10:-1], request[-1:]):
                writer.write(piece)
                await asyncio.sleep(0.06)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(len(b"/echo abc []"))
            await asyncio.sleep(0.2)
    assert len(port.application.ended) == 3


async def test_pipelined_requests_are_answered_in_their_order(port: Port) -> None:
    answer = await port.hear(
        post("one", closes=False) + post("two", closes=False) + post("three", "x-a: 1", "x-a: 2")
    )
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert port.application.ended == ["POST /echo one", "POST /echo two", "POST /echo three"]
    assert answer.endswith(b"/echo three [b'x-a']"), "a name that came with two values is told"


async def test_a_large_body_before_a_next_head_is_no_large_head(port: Port) -> None:
    """What is counted is a line, not a read."""
    chunks = [post("a" * 900, closes=False) for _ in range(200)]
    answer = await port.hear(b"".join(chunks) + head())
    assert answer.count(b"HTTP/1.1 200 ") == 201


async def test_a_body_over_the_bound(port: Port) -> None:
    assert (await port.hear(post("a" * 1001))).startswith(b"HTTP/1.1 413 ")
    chunked = head("Transfer-Encoding: chunked", method="POST")
    assert (await port.hear(chunked + b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n")).startswith(
        b"HTTP/1.1 413 "
    )
    assert (await port.hear(chunked + b"3\r\nabc\r\n0\r\n\r\n")).endswith(b"/echo abc []")
    assert port.application.ended == ["too large", "too large", "POST /echo abc"]


WORDS = b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"\x00\x01 no request\r\n\r\n", id="no request"),
        pytest.param(
            head("Content-Length: 3", "Transfer-Encoding: chunked", method="POST"), id="two lengths"
        ),
        pytest.param(b"GET /" + b"t" * 2 * HEAD_BYTES_MAX, id="a target without end"),
        pytest.param(b"GET /echo HTTP/1.1\r\nHost: ", id="a head that stops"),
        pytest.param(head("Content-Length: 9", method="POST") + b"abc", id="a body that stops"),
    ],
)
async def test_what_comes_behind_a_request_does_not_spoil_its_answer(port: Port, behind: bytes) -> None:
    answer = await port.hear(head(target="/speaks", closes=False) + behind)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert WORDS in answer
    assert port.application.ended[0] == "spoke"
    assert not any(ended.startswith("GET") for ended in port.application.ended[1:])


async def test_a_request_that_would_be_another_protocol_is_answered_in_this_one(port: Port) -> None:
    """Clients offer HTTP/2 in clear text this way; what follows their request is not read as HTTP."""
    offer = ("Connection: upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    answer = await port.hear(head(*offer, closes=False), head(target="/smuggled"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer
    assert port.application.ended == ["GET /echo "]


async def test_a_body_waits_for_the_invitation_that_its_client_asked_for(port: Port) -> None:
    async with asyncio.timeout(5), port.connect() as (reader, writer):
        writer.write(head("Content-Length: 3", "Expect: 100-continue", method="POST"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read(-1)).endswith(b"/echo abc []")


async def test_an_answer_instead_of_the_invitation_ends_the_connection(port: Port) -> None:
    """Whether the body still comes is then anybody's guess, and a guess is where smuggling begins."""
    asks = head("Content-Length: 30", "Expect: 100-continue", method="POST", target="/hasty", closes=False)
    answer = await port.hear(asks)
    assert b"connection: close" in answer
    assert answer.endswith(b"/hasty")


async def test_an_answer_before_the_body_came_leaves_the_connection_in_step(port: Port) -> None:
    early = head("Content-Length: 5", method="POST", target="/hasty", closes=False)
    answer = await port.hear(early, b"GET /", head(), pause_s=0.05)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert port.application.ended == ["GET /echo "], "the five bytes were the first one's body"


@pytest.mark.parametrize("target", ["/speaks", "/hasty"])
async def test_an_old_client_is_answered_until_the_end_of_the_connection(port: Port, target: str) -> None:
    answer = await port.hear(f"GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
    assert answer.endswith((b"one two three", b"/hasty"))
    assert b"transfer-encoding" not in answer
    assert b"connection: close" in answer


async def test_a_head_alone_is_answered_with_one(port: Port) -> None:
    answer = await port.hear(head(method="HEAD", target="/hasty"))
    assert answer.endswith(b"content-length: 6\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/ec%68o", "/echo"),
        ("/echo?a=b", "/echo"),
        ("http://h/echo", "/echo"),
        ("/%ed%95%9c", "/한"),
        ("/a%2e%2e/b", "/a../b"),
        ("/echo#part", "/echo"),
        ("*", "*"),
    ],
)
async def test_targets(port: Port, target: str, path: str) -> None:
    await port.hear(head(target=target))
    assert port.application.ended == [f"GET {path} "]


@pytest.mark.parametrize("target", ["echo", "http://", "h:80", "/\x80"])
async def test_targets_that_are_none(port: Port, target: str) -> None:
    answer = await port.hear(head(target=target))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert port.application.ended == []


@pytest.mark.parametrize("target", ["/breaks", "/splits"])
async def test_a_fault_of_the_application_is_said(port: Port, target: str) -> None:
    answer = await port.hear(head(target=target))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-c: d" not in answer


async def test_a_client_that_goes_is_noticed(port: Port) -> None:
    async with port.connect() as (_, writer):
        writer.write(head(target="/waits"))
        await port.application.going.wait()
        await asyncio.sleep(0.02)
    await _until(port, "left")


async def test_a_client_that_reads_nothing_is_cut(port: Port) -> None:
    async with port.connect(receive_bytes=4096) as (_, writer):
        writer.write(head(target="/floods"))
        await _until(port, "left")


async def test_a_client_that_reads_slowly_is_served(port: Port) -> None:
    """Slow is not stalled: each time it reads, its patience begins anew."""
    heard = 0
    async with asyncio.timeout(20), port.connect() as (reader, writer):
        writer.write(head(target="/floods"))
        for part in range(1, 6):
            while heard < part * (5 << 20):
                heard += len(await reader.read(1 << 20))
            await asyncio.sleep(0.1)
        while piece := await reader.read(1 << 20):
            heard += len(piece)
    assert heard > 1000 * len(PIECE)
    assert port.application.ended == ["sent all"]


async def _until(port: Port, ended: str) -> None:
    async with asyncio.timeout(5):
        while port.application.ended != [ended]:  # noqa: ASYNC110 - nothing tells of it but the list
            await asyncio.sleep(0.01)
