"""Talking to vendors, on real sockets: time limits, lost connections, private addresses, bounded answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from providers.catalogue import UpstreamTarget
from providers.errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectRefused,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    NotSent,
    UpstreamBroken,
)
from providers.upstream import Upstream, UpstreamAnswer
from tests.fakes.vendor_server import CHUNKED, chunk, hang, lose, piece_of, says, target, vendor, whole


async def send(upstream: Upstream, to: UpstreamTarget, body: bytes = b"{}") -> UpstreamAnswer:
    return await upstream.send(to, path="/chat/completions", body=body, stream=True, request_id="r-1")


async def test_what_the_vendor_gets_and_what_we_keep(upstream: Upstream) -> None:
    async with vendor(says(whole(b"hi", more="Retry-After: 3\r\nX-Request-Id: v1\r\n"))) as (made, to):
        answer = await send(upstream, to, b'{"a":1}')
        assert (answer.status, await answer.read(10)) == (200, b"hi")
        assert answer.headers == {"retry-after": "3", "x-request-id": "v1"}
        head, _, body = made.asked[0].partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"post /v1/chat/completions http/1.1"
        assert b"authorization: bearer secret-key" in lines
        assert b"x-request-id: r-1" in lines
        assert b"accept-encoding: identity" in lines
        assert b"accept: text/event-stream" in lines
        assert body == b'{"a":1}'


async def test_other_methods_and_paths_of_many_ids(upstream: Upstream) -> None:
    async with vendor(says(whole(b"{}"))) as (made, to):
        for method, path in (("GET", "/responses/r1?a=%5B"), ("DELETE", "/responses/r1"), ("POST", "/x")):
            sent = upstream.send(to, path=path, body=b"", stream=False, request_id="r", method=method)
            assert await (await sent).read(10) == b"{}"
            head = made.asked[-1]
            assert head.startswith(f"{method} /v1{path} HTTP/1.1\r\n".encode())
            assert b"\r\nContent-Length: 0\r\n" in head
            assert b"uthorization: Bearer secret-key\r\n" in head
        assert made.connections == 1


@pytest.mark.parametrize("name", ["azure", "azure-openai", "azure-ai-foundry"])
async def test_azure_takes_its_key_in_a_header_of_its_own(upstream: Upstream, name: str) -> None:
    async with vendor(says(whole(b""))) as (made, to):
        answer = await send(upstream, replace(to, vendor=name))
        assert await answer.read(10) == b""
        assert b"\r\napi-key: secret-key\r\n" in made.asked[0]
        assert b"uthorization" not in made.asked[0]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/chat/completions", b"/v1/deployments/d/chat/completions?api-version=2024-10-21"),
        ("/models/m:stream?alt=sse", b"/v1/deployments/d/models/m:stream?alt=sse&api-version=2024-10-21"),
    ],
)
async def test_a_query_of_the_base_url_stands_behind_the_path(
    upstream: Upstream, path: str, asked: bytes
) -> None:
    async with vendor(says(whole(b""))) as (made, to):
        base = f"{to.base_url}/deployments/d?api-version=2024-10-21"
        target = replace(to, base_url=base)
        answer = await upstream.send(target, path=path, body=b"{}", stream=False, request_id="r-1")
        await answer.read(10)
        assert made.asked[0].split(b"\r\n")[0] == b"POST %b HTTP/1.1" % asked


async def test_connections_are_used_again(upstream: Upstream) -> None:
    async with vendor(says(whole(b"hi"))) as (made, to):
        for _ in range(3):
            await (await send(upstream, to)).read(10)
        assert (len(made.asked), made.connections) == (3, 1)


async def test_cookies_are_not_kept(upstream: Upstream) -> None:
    async with vendor(says(whole(b"", more="Set-Cookie: a=b\r\n"))) as (made, to):
        for _ in range(2):
            await (await send(upstream, to)).read(10)
        assert b"ookie" not in made.asked[1]


async def test_a_target_that_changed_is_read_anew(upstream: Upstream) -> None:
    async with vendor(says(whole(b""))) as (made, to):
        await (await send(upstream, to)).read(10)
        await (await send(upstream, replace(to, api_key="another-key"))).read(10)
        assert b"another-key" in made.asked[1]


async def test_a_large_body_arrives_whole(upstream: Upstream) -> None:
    async with vendor(says(whole(b"ok"))) as (made, to):
        body = b"x" * 3_000_000
        await (await send(upstream, to, body)).read(10)
        assert made.asked[0].endswith(body)


async def test_a_stream_comes_as_it_is_sent(upstream: Upstream) -> None:
    script = says(CHUNKED, chunk(b"one"), chunk(b"two"), chunk(b""), pause_s=0.02)
    async with vendor(script) as (_, to):
        answer = await send(upstream, to)
        assert answer.headers["content-type"] == "text/event-stream"
        assert [await piece_of(answer) for _ in range(3)] == [b"one", b"two", b""]
        answer.release()


async def test_close_ends_the_connection(upstream: Upstream) -> None:
    async with vendor(says(CHUNKED, chunk(b"one"), then=hang)) as (made, to):
        answer = await send(upstream, to)
        assert await piece_of(answer) == b"one"
        answer.close()
        await asyncio.wait_for(made.ended.wait(), 5)


async def test_whose_time_is_over_leaves_no_connection(upstream: Upstream) -> None:
    """A vendor that goes on word by word would keep it for ever."""
    async with vendor(says(CHUNKED, chunk(b"a"), then=hang)) as (_, to):
        answer = await send(upstream, to)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await answer.read(10)
        with pytest.raises(UpstreamBroken, match="given up"):
            await answer.read(10)


async def test_close_wakes_whoever_reads(upstream: Upstream) -> None:
    async with vendor(says(CHUNKED, chunk(b"one"), then=hang)) as (_, to):
        answer = await send(upstream, to)
        assert await piece_of(answer) == b"one"
        asyncio.get_running_loop().call_later(0.05, answer.close)
        with pytest.raises(UpstreamBroken):
            await piece_of(answer)


async def test_statuses_are_not_judged(upstream: Upstream) -> None:
    async with vendor(says(whole(b"no", "503 Busy"))) as (_, to):
        answer = await send(upstream, to)
        assert (answer.status, await answer.read(10)) == (503, b"no")


async def test_redirects_are_not_followed(upstream: Upstream) -> None:
    async with vendor(says(whole(b"", "302 Found", "Location: http://10.0.0.1/\r\n"))) as (_, to):
        with pytest.raises(UpstreamBroken):
            await send(upstream, to)


async def test_nobody_listens(upstream: Upstream) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectRefused) as refused:
            await send(upstream, target(f"http://127.0.0.1:{taken.getsockname()[1]}/v1"))
    assert isinstance(refused.value, NotSent)
    assert "127.0.0.1" not in str(refused.value)


async def test_an_unknown_name(upstream: Upstream) -> None:
    with pytest.raises(ConnectRefused):
        await send(upstream, target("http://no-such-name.invalid/v1"))


async def test_no_connection_in_time(upstream: Upstream) -> None:
    """A listener whose queue is full takes no more connections."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        to = replace(target(f"http://127.0.0.1:{full.getsockname()[1]}/v1"), connect_timeout_s=0.2)
        with pytest.raises(ConnectTimeout):
            await send(upstream, to)


async def test_no_answer_in_time(upstream: Upstream) -> None:
    async with vendor(hang) as (_, to):
        with pytest.raises(FirstByteTimeout):
            await send(upstream, replace(to, first_byte_timeout_s=0.1))


async def test_a_silence_in_the_answer(upstream: Upstream) -> None:
    async with vendor(says(CHUNKED, chunk(b"one"), then=hang)) as (_, to):
        answer = await send(upstream, replace(to, idle_timeout_s=0.1))
        assert await piece_of(answer) == b"one"
        with pytest.raises(IdleTimeout):
            await piece_of(answer)


async def test_the_first_piece_may_take_as_long_as_any_other(upstream: Upstream) -> None:
    """The limit until the head ends with the head: a model may think before it speaks."""
    script = says(CHUNKED, pause_s=0.4, then=says(chunk(b"one"), chunk(b"")))
    async with vendor(script) as (_, to):
        answer = await send(upstream, replace(to, first_byte_timeout_s=0.2, idle_timeout_s=5.0))
        assert await answer.read(100) == b"one"


async def test_lost_before_the_head(upstream: Upstream) -> None:
    async with vendor(lose) as (_, to):
        with pytest.raises(UpstreamBroken):
            await send(upstream, to)


async def test_lost_in_the_answer(upstream: Upstream) -> None:
    async with vendor(says(CHUNKED, chunk(b"one"), then=lose)) as (_, to):
        answer = await send(upstream, to)
        assert await piece_of(answer) == b"one"
        with pytest.raises(UpstreamBroken):
            await piece_of(answer)


async def test_no_http(upstream: Upstream) -> None:
    async with vendor(says(b"SSH-2.0-OpenSSH\r\n\r\n")) as (_, to):
        with pytest.raises(UpstreamBroken):
            await send(upstream, to)


@pytest.mark.parametrize("answer", [whole(b"x" * 50), CHUNKED + chunk(b"x" * 50) + chunk(b"")])
async def test_an_answer_that_is_too_large(upstream: Upstream, answer: bytes) -> None:
    async with vendor(says(answer)) as (_, to):
        with pytest.raises(AnswerTooLarge):
            await (await send(upstream, to)).read(49)
        assert len(await (await send(upstream, to)).read(50)) == 50


async def test_a_bomb_is_bounded_by_what_comes_out(upstream: Upstream) -> None:
    import gzip

    packed = gzip.compress(b"0" * 5_000_000)
    async with vendor(says(whole(packed, more="Content-Encoding: gzip\r\n"))) as (_, to):
        with pytest.raises(AnswerTooLarge):
            await (await send(upstream, to)).read(100_000)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1"])
async def test_private_addresses_are_refused_at_connect(host: str) -> None:
    guarded = Upstream(allow_private=False)
    await guarded.start()
    try:
        async with vendor(says(whole(b"secret"))) as (made, to):
            port = to.base_url.split(":")[2]
            with pytest.raises(AddressRefused):
                await send(guarded, target(f"http://{host}:{port}"))
            assert made.connections == 0
    finally:
        await guarded.close()
