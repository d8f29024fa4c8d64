"""One connection, many callers: a reply reaches its own caller or nobody, and nothing is ever sent twice."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import pytest
import redis

from launch.embedded_valkey import ValkeyServer
from metering.directory import KeyLimits
from metering.purse import Loan, PurseUnavailable, Reserved, ReserveRequest, Settled
from metering.purse_redis import RedisPurse, connect_purse, load_scripts
from metering.redis_line import PENDING_MAX, RedisLine
from tests.fakes.purse_talk import FAR_MS, LANE, hold
from tests.fakes.tcp_proxy import TcpProxy

QUICK_S = 0.3


@pytest.fixture
async def line(restless_url: str) -> AsyncIterator[RedisLine]:
    line = RedisLine(restless_url, scripts=load_scripts(), command_timeout_s=QUICK_S)
    await line.start()
    yield line
    await line.close()


@pytest.fixture
async def proxy(restless_url: str, restless_valkey: ValkeyServer) -> AsyncIterator[TcpProxy]:
    del restless_url  # emptied
    async with TcpProxy(restless_valkey.socket_path) as proxy:
        yield proxy


@pytest.fixture
async def far_line(proxy: TcpProxy) -> AsyncIterator[RedisLine]:
    line = RedisLine(proxy.url, scripts=load_scripts(), command_timeout_s=QUICK_S)
    await line.start()
    yield line
    await line.close()


async def until(condition: object, *, within_s: float = 3.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.01)


# -- whose reply is it


async def test_a_cancelled_caller_takes_its_reply_with_it(line: RedisLine) -> None:
    """Cancelled before the write, after it, and in a crowd: everybody else gets his own reply."""
    before = line.call("ECHO", "cancelled at once")
    after = line.call("ECHO", "whole")
    before.cancel()
    assert await after == b"whole"

    async def echo(number: int) -> bytes:
        return bytes(await line.command("ECHO", f"{number}"))

    crowd = [asyncio.create_task(echo(number)) for number in range(300)]
    await asyncio.sleep(0)
    for number, task in enumerate(crowd):
        if number % 3 == 0:
            task.cancel()
    await asyncio.sleep(0)
    for number, task in enumerate(crowd):
        if number % 3 == 1 and not task.done():
            task.cancel()
    for number, task in enumerate(crowd):
        if number % 3 == 2:
            assert await task == f"{number}".encode()
    assert await line.command("ECHO", "last") == b"last"


async def test_a_caller_that_stops_waiting_shifts_nothing(far_line: RedisLine, proxy: TcpProxy) -> None:
    """The reply comes long after its caller has gone, with others behind it."""
    proxy.stall()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUICK_S / 4):
            await far_line.command("ECHO", "too late")
    waiting = [far_line.call("ECHO", f"{number}") for number in range(3)]
    proxy.resume()
    assert [await reply for reply in waiting] == [b"0", b"1", b"2"]


async def test_a_fault_reaches_its_own_caller(line: RedisLine) -> None:
    faulty = asyncio.create_task(line.command("INCR", "no", "such", "form"))
    good = asyncio.create_task(line.command("ECHO", "good"))
    with pytest.raises(PurseUnavailable, match="wrong number of arguments"):
        await faulty
    assert await good == b"good"
    with pytest.raises(PurseUnavailable, match="wrong number"):
        await line.commands(("ECHO", "1"), ("INCR",), ("ECHO", "3"))
    assert await line.commands(("ECHO", "1"), ("ECHO", "2")) == [b"1", b"2"]


async def test_a_big_pipeline_comes_back_in_order(line: RedisLine) -> None:
    blob = b"x" * 1_000
    calls = [line.call("ECHO", b"%d:%s" % (number, blob)) for number in range(10_000)]
    for number, call in enumerate(calls):
        assert await call == b"%d:%s" % (number, blob)


async def test_a_large_value_comes_back_whole(line: RedisLine) -> None:
    blob = os.urandom(4 * 1024 * 1024)
    assert await line.command("ECHO", blob) == blob


async def test_what_waits_is_bounded(far_line: RedisLine, proxy: TcpProxy) -> None:
    proxy.stall()
    calls = [far_line.call("PING") for _ in range(PENDING_MAX + 1)]
    with pytest.raises(PurseUnavailable, match="too many"):
        await calls[-1]
    proxy.cut()
    for call in calls[:-1]:
        with pytest.raises(PurseUnavailable):
            await call


# -- a wire that breaks


async def test_a_lost_reply_is_not_asked_for_again(far_line: RedisLine, proxy: TcpProxy) -> None:
    """Executed, and the answer lost: the caller is told "may or may not", and it was executed once."""
    await far_line.command("SET", "counter", "0")
    proxy.swallowing = True
    sent = far_line.call("INCR", "counter")
    await until(lambda: b"\r\nINCR\r\n" in proxy.requests)
    await asyncio.sleep(0.05)
    proxy.cut()
    with pytest.raises(PurseUnavailable, match="lost"):
        await sent
    proxy.swallowing = False
    await until(lambda: far_line.connected)
    assert await far_line.command("GET", "counter") == b"1"
    assert proxy.requests.count(b"\r\nINCR\r\n") == 1


async def test_a_settlement_whose_reply_was_lost_is_charged_once(proxy: TcpProxy) -> None:
    """Whoever asked decides by the operation's id: the same question again gets the first answer."""
    line = RedisLine(proxy.url, scripts=load_scripts(), command_timeout_s=QUICK_S)
    await line.start()
    purse = RedisPurse(line)
    ticket = await purse.vacate(lane=LANE, nonce="t", used_ticket=None, stale_n=0)
    await purse.open(lane=LANE, n=1, ticket=ticket or "")
    await purse.lend(lane=LANE, n=1, loan=Loan("v", 1, 100, FAR_MS, "active", 75, 25, 0, 0))
    wish = ReserveRequest("a", LANE, 1, "g", ("v",), 40, 40, "k", 0, KeyLimits(), b"{}")

    async def lose_the_reply(asking: Awaitable[object]) -> None:
        proxy.swallowing = True
        with pytest.raises(PurseUnavailable, match="lost"):
            await asking
        proxy.swallowing = False
        await until(lambda: line.connected)

    await lose_the_reply(purse.reserve(wish))
    assert isinstance(await purse.reserve(wish), Reserved)
    await lose_the_reply(purse.settle(hold(1, "a"), charge_micro=30, tokens=0, event=b"{}"))
    again = await purse.settle(hold(1, "a"), charge_micro=30, tokens=0, event=b"{}")
    assert isinstance(again, Settled)
    assert (again.spent_micro, again.held_micro) == (30, 0)
    entries = await purse.read_log(lane=LANE, count=10)
    assert [(entry.kind, entry.entry_id == again.event_id) for entry in entries[1:]] == [("settled", True)]
    await purse.close()


async def test_everything_under_way_fails_when_the_connection_does(
    far_line: RedisLine, proxy: TcpProxy
) -> None:
    proxy.stall()
    calls = [far_line.call("PING") for _ in range(20)]
    await asyncio.sleep(0.02)
    proxy.cut()
    for call in calls:
        with pytest.raises(PurseUnavailable):
            await call


async def test_while_it_is_away_callers_are_told_at_once(far_line: RedisLine, proxy: TcpProxy) -> None:
    proxy.refusing = True
    proxy.cut()
    await until(lambda: not far_line.connected)
    started = time.monotonic()
    with pytest.raises(PurseUnavailable):
        await far_line.command("PING")
    with pytest.raises(PurseUnavailable):
        await far_line.script("vacate", ["{3}:epoch"], ["t", "", 0])
    assert time.monotonic() - started < 0.05
    proxy.refusing = False
    await until(lambda: far_line.connected)
    assert await far_line.command("PING") == b"PONG"


async def test_a_wire_that_is_silent_counts_as_broken(far_line: RedisLine, proxy: TcpProxy) -> None:
    proxy.stall()
    started = time.monotonic()
    with pytest.raises(PurseUnavailable, match="lost"):
        await far_line.command("PING")
    assert QUICK_S <= time.monotonic() - started < 5 * QUICK_S
    proxy.resume()
    await until(lambda: far_line.connected)


async def test_a_quiet_connection_is_not_a_silent_one(far_line: RedisLine, proxy: TcpProxy) -> None:
    """Nobody waits, so nothing is late."""
    await asyncio.sleep(3 * QUICK_S)
    assert await far_line.command("PING") == b"PONG"
    assert proxy.accepted == 1


async def test_a_server_that_stopped_counts_as_gone(
    restless_url: str, restless_valkey: ValkeyServer, line: RedisLine
) -> None:
    del restless_url
    pid = restless_valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(PurseUnavailable, match="lost"):
            await line.command("PING")
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: line.connected)
    assert await line.command("PING") == b"PONG"


# -- scripts


async def test_forgotten_scripts_are_loaded_again(line: RedisLine) -> None:
    await line.command("SCRIPT", "FLUSH")
    replies = await asyncio.gather(
        *(line.script("vacate", ["{3}:epoch"], [f"t{number}", "", 0]) for number in range(20))
    )
    assert {bytes(reply[1]) for reply in replies} == {bytes(replies[0][1])}


async def test_a_script_that_fails_says_so(line: RedisLine) -> None:
    with pytest.raises(PurseUnavailable, match="not an amount"):
        await line.script("recall", ["{3}:epoch", "{3}:1:v:v"], [1, 2, "-5"])


# -- a server that is no primary


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two servers, and what stands behind the one address that the line knows."""

    first: ValkeyServer
    second: ValkeyServer
    proxy: TcpProxy

    def make_replica(self, server: ValkeyServer, *, of: TcpProxy) -> None:
        with redis.Redis.from_url(server.url) as connection:
            connection.replicaof("127.0.0.1", str(of.port))

    def promote(self, server: ValkeyServer) -> None:
        with redis.Redis.from_url(server.url) as connection:
            connection.replicaof("NO", "ONE")


@pytest.fixture
async def pair(valkey_server: ValkeyServer, second_valkey: ValkeyServer) -> AsyncIterator[_Pair]:
    async with TcpProxy(valkey_server.socket_path) as proxy:
        yield _Pair(valkey_server, second_valkey, proxy)


async def test_a_greeting_that_breaks_off_leaves_no_answer_unlooked_at() -> None:
    """Each would come out as an error of its own in the log, twelve for every attempt to connect."""
    said: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        line = RedisLine(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", scripts=load_scripts())
        with pytest.raises(PurseUnavailable):
            await line.start()
        del line
        await asyncio.sleep(0)  # the transport lets go of it
    gc.collect()
    assert said == []


async def test_a_demoted_server_is_left_for_the_new_primary(pair: _Pair) -> None:
    """It keeps its connections and answers READONLY; the address is asked anew until a primary is there."""
    purse = await connect_purse(pair.proxy.url)
    async with TcpProxy(pair.second.socket_path) as behind:
        pair.make_replica(pair.first, of=behind)
        with pytest.raises(PurseUnavailable, match="READONLY"):
            await purse.renew_lease("g")
        await until(lambda: not purse.line.connected)
        accepted = pair.proxy.accepted
        await until(lambda: pair.proxy.accepted > accepted + 1)
        with pytest.raises(PurseUnavailable):
            await purse.renew_lease("g")  # a replica is no purse, however often it is asked
        pair.proxy.socket_path = pair.second.socket_path
        tries = [await _took_lease(purse, pause_s=0.05) for _ in range(40)]
        assert tries[-1], "the new primary serves"
    with redis.Redis.from_url(pair.second.url) as connection:
        assert connection.exists("gw:g")
    await purse.close()


async def _took_lease(purse: RedisPurse, *, pause_s: float) -> bool:
    await asyncio.sleep(pause_s)
    try:
        await purse.renew_lease("g")
    except PurseUnavailable:
        return False
    return True


async def test_a_server_that_still_loads_is_waited_for() -> None:
    answers = [b"-LOADING Valkey is loading the dataset in memory\r\n", b"+PONG\r\n"]
    arrived: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(writer)
        await reader.readuntil(b"replication\r\n")
        writer.write(b"+role:master\r\n")
        await reader.readuntil(b"PING\r\n")
        writer.write(answers.pop(0))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    line = RedisLine(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", scripts={})
    await line.start()
    with pytest.raises(PurseUnavailable, match="LOADING"):
        await line.command("PING")
    await until(lambda: len(arrived) == 2 and line.connected)
    assert await line.command("PING") == b"PONG"
    await line.close()
    server.close()
    for writer in arrived:
        writer.transport.abort()


# -- the first connection


async def test_nobody_there(tmp_path: object) -> None:
    with pytest.raises(PurseUnavailable, match="cannot connect"):
        await connect_purse(f"unix://{tmp_path}/nobody.sock")


async def test_a_refused_first_connection_leaves_nothing_behind(proxy: TcpProxy) -> None:
    """No task goes on connecting for a line that its owner has given up."""
    proxy.swallowing = True
    tasks = asyncio.all_tasks()
    line = RedisLine(proxy.url, scripts=load_scripts())
    starting = asyncio.create_task(line.start())
    await until(lambda: b"LOAD" in proxy.requests)
    proxy.cut()
    with pytest.raises(PurseUnavailable, match="lost"):
        await starting
    await asyncio.sleep(0.05)
    names = {task.get_name() for task in asyncio.all_tasks() - tasks}
    assert "redis-reconnect" not in names


async def test_a_wrong_password_is_one_sentence(proxy: TcpProxy) -> None:
    line = RedisLine(proxy.url.replace("redis://", "redis://nobody:wrong@"), scripts={})
    with pytest.raises(PurseUnavailable, match="does not let us in"):
        await line.start()
    assert not line.connected


async def test_after_close_nothing_connects_again(proxy: TcpProxy) -> None:
    line = RedisLine(proxy.url, scripts={})
    await line.start()
    await line.close()
    await asyncio.sleep(0.1)
    assert proxy.accepted == 1
    with pytest.raises(PurseUnavailable):
        await line.command("PING")


async def test_nothing_comes_between_the_greetings(proxy: TcpProxy) -> None:
    """A caller during a reconnect must not be served before AUTH and SELECT are, nor find scripts missing."""
    line = RedisLine(proxy.url + "/0", scripts=load_scripts(), command_timeout_s=QUICK_S)
    await line.start()
    proxy.refusing = True
    proxy.cut()
    await until(lambda: not line.connected)
    proxy.requests.clear()
    proxy.refusing = False
    while True:
        try:
            await line.command("ECHO", "first")
            break
        except PurseUnavailable:
            await asyncio.sleep(0)
    sent = bytes(proxy.requests)
    assert sent.index(b"ECHO") > sent.rindex(b"LOAD")
    await line.close()


async def test_a_connection_lost_at_the_end_of_its_greeting_is_mended() -> None:
    """The server answers and closes in one breath: noticed, though the line was just about to be ready."""
    arrived: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(writer)
        await reader.readuntil(b"return 1\r\n")
        writer.write(b"+OK\r\n+role:master\r\n$40\r\n" + b"a" * 40 + b"\r\n")
        if len(arrived) in (2, 3):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = RedisLine(f"redis://some:one@127.0.0.1:{port}", scripts={"one": b"return 1"})
    await line.start()
    arrived[0].transport.abort()
    await until(lambda: len(arrived) == 4 and line.connected)
    await line.close()
    server.close()
    for writer in arrived:
        writer.transport.abort()
