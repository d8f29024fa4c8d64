"""Redis forgets, in every way it can, in the middle of streams: found out, closed from the books, serving.

One house on Valkey servers of the test's own. Each fault strikes while streams run and calls begin. Then:
every stream goes on to its end; what a client saw completed is charged once, at the vendor's count; the old
epoch is closed and its rest is back; and calls are served again with nobody lending a hand. How long that
took is printed, one line per fault; docs/operating/recovery.md has the figures of one machine.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from launch.embedded_valkey import AOF_DIR, ValkeyServer
from metering.keys import lane_of
from tests.fakes.house import House
from tests.fakes.short_dir import short_dir
from tests.fakes.tcp_proxy import TcpProxy
from tests.journeys.books import assert_sound, charge_micro, rows, wait_for, wait_posted, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro
from tests.journeys.declarations import key_text, simple

COMPANY = "gaonde"
STREAMS, TOKENS, TOKEN_MS = 12, 300, 8
SERVE_AGAIN_S = 30.0
CUT_BYTES = 100


@dataclass(slots=True)
class Redis:
    """What stands behind the address the house knows: one server, later its replica."""

    root: Path
    proxy: TcpProxy
    server: ValkeyServer
    older: Path
    others: list[ValkeyServer] = field(default_factory=list)

    def remember(self) -> None:
        """A snapshot to come back with later; taken while nothing is written."""
        self.server.stop()
        shutil.copytree(self.server.data_dir / AOF_DIR, self.older, dirs_exist_ok=True, copy_function=_copy)
        self.server.start()

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def flush(self) -> None:
        with redis.Redis.from_url(self.server.url) as connection:
            connection.flushall()

    def restore_older(self) -> None:
        self.server.kill()
        kept = self.server.data_dir / AOF_DIR
        for path in kept.iterdir():
            path.unlink()
        for path in self.older.iterdir():
            _copy(str(path), str(kept / path.name))
        self.server.start()

    def cut_file(self, *, loads_truncated: bool = False) -> None:
        """The tail never reached the disk. Refused, it is put aside and the server starts empty."""
        self.server.kill()
        newest = max(
            (self.server.data_dir / AOF_DIR).glob("*.incr.aof"), key=lambda path: path.stat().st_mtime
        )
        with newest.open("r+b") as file:
            file.truncate(max(0, newest.stat().st_size - CUT_BYTES))
        self.server.settings["aof-load-truncated"] = "yes" if loads_truncated else "no"
        self.server.start()

    def replicate(self) -> ValkeyServer:
        """A replica that has all of it."""
        replica = _server(self.root / f"replica-{len(self.others)}")
        replica.start()
        self.others.append(replica)
        return replica

    def promote(self, replica: ValkeyServer) -> None:
        with redis.Redis.from_url(replica.url) as connection:
            connection.replicaof("NO", "ONE")

    def stop(self) -> None:
        for server in (self.server, *self.others):
            server.stop()


def _copy(source: str, target: str) -> str:
    """With its owner: the servers may run as a user of their own."""
    shutil.copy2(source, target)
    found = Path(source).stat()
    shutil.chown(target, found.st_uid, found.st_gid)
    return target


def _server(root: Path) -> ValkeyServer:
    return ValkeyServer(data_dir=root / "valkey", socket_dir=root / "run", log_path=root / "valkey.log")


@pytest.fixture
async def world() -> AsyncIterator[tuple[House, Redis]]:
    root = short_dir()
    server = _server(root)
    server.start()
    try:
        async with TcpProxy(server.socket_path) as proxy:
            with House(workers=2, environment={"REDIS_URL": proxy.url}) as house:
                vendor = house.vendor("--token-ms", str(TOKEN_MS), "--latency-ms", "20")
                await asyncio.to_thread(house.up, simple(vendor.base_url, COMPANY))
                behind = Redis(root, proxy, server, root / "older")
                try:
                    yield house, behind
                    assert await asyncio.to_thread(house.down) == 0
                finally:
                    behind.stop()
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.campaign
async def test_every_way_of_forgetting(world: tuple[House, Redis]) -> None:
    house, behind = world
    told: list[str] = []
    async with calling(house.url, key_text(COMPANY)) as caller:
        faults = {
            "restarted": behind.restart,
            "flushed": behind.flush,
            "restored from an older snapshot": behind.restore_older,
            "file cut by 100 bytes, put aside": behind.cut_file,
            "file cut by 100 bytes, loaded": lambda: behind.cut_file(loads_truncated=True),
        }
        await _serve_again(caller, time.monotonic())
        behind.remember()
        await _serve_again(caller, time.monotonic())
        for name, strike in faults.items():
            told.append(await _row(house, caller, name, strike))
        async with TcpProxy(behind.server.socket_path) as inside:
            replica = await _replica(behind, inside)
            told.append(
                await _row(
                    house, caller, "failed over, the old primary dead", lambda: _fail_over(behind, replica)
                )
            )
        async with TcpProxy(behind.server.socket_path) as inside:
            replica = await _replica(behind, inside)
            old = behind.server

            def demote() -> None:
                """Both live; the old one refuses to write, and its connections stay open."""
                behind.promote(replica)
                behind.server, behind.proxy.socket_path = replica, replica.socket_path
                inside.socket_path = replica.socket_path
                with redis.Redis.from_url(old.url) as connection:
                    connection.replicaof("127.0.0.1", str(inside.port))

            told.append(await _row(house, caller, "failed over, the old primary demoted", demote))
    print(
        "\n"
        + "\n".join(
            ["| fault | serves again after, s | refused | all back after, s |", "|---|---:|---:|---:|", *told]
        )
    )


def _fail_over(behind: Redis, replica: ValkeyServer) -> None:
    behind.server.kill()
    behind.promote(replica)
    behind.others.append(behind.server)
    behind.server, behind.proxy.socket_path = replica, replica.socket_path
    behind.proxy.cut()


async def _replica(behind: Redis, inside: TcpProxy) -> ValkeyServer:
    replica = behind.replicate()
    with redis.Redis.from_url(replica.url) as connection:
        connection.replicaof("127.0.0.1", str(inside.port))

        async def has_all() -> bool:
            return bool(connection.info("replication")["master_link_status"] == "up")

        await wait_for(has_all, timeout_s=20, said="the replica is in step")
    return replica


async def _row(house: House, caller: Caller, name: str, strike: object) -> str:
    """One fault in the middle of streams, and what must be true after it. -> its line of the table."""
    assert callable(strike)
    lane = lane_of(COMPANY)
    ((before_n,),) = await rows(house, "select max(n) from lane_epoch where lane = %s", lane)
    answers = [Answer() for _ in range(STREAMS)]
    ask = f"[[tokens={TOKENS}]]"
    running = asyncio.gather(*(caller.chat(ask, stream=True, into=answer) for answer in answers))

    async def all_run() -> bool:
        return all(answer.body.count(b"\n\n") > 20 for answer in answers)

    await wait_for(all_run, timeout_s=20, said="streams run", poll_s=0.02)
    struck_s = time.monotonic()
    strike()
    again_s, refused = await _serve_again(caller, struck_s)
    await running
    assert [answer.is_done for answer in answers] == [True] * STREAMS, name
    await wait_posted(house, [answer.usage_id for answer in answers], timeout_s=30)
    await wait_settled(caller)
    await assert_sound(house)
    back_s = time.monotonic() - struck_s
    ((state,),) = await rows(house, "select state from lane_epoch where (lane, n) = (%s, %s)", lane, before_n)
    assert state == "closed", name
    billed = {call["request_id"]: call["usage"] for call in house.vendors[0].log()}
    for answer in answers:
        charge = charge_micro(billed[answer.headers["X-Request-Id"]])
        record = await caller.usage_of(answer.usage_id)
        assert (micro(record["charge_krw"]), record["estimated"]) == (charge, False), name
    booked = "select count(*), sum(d_charge_micro)::bigint from usage where op = any(%s)"
    ((count, total),) = await rows(house, booked, [answer.usage_id for answer in answers])
    assert (count, total) == (STREAMS, sum(micro(answer.comment["charge_krw"]) for answer in answers)), name
    return f"| {name} | {again_s:.2f} | {refused} | {back_s:.1f} |"


async def _serve_again(caller: Caller, struck_s: float) -> tuple[float, int]:
    """Seconds until a call is served three times in a row, and how many were refused before."""
    refused = in_a_row = 0
    first_s = 0.0
    while in_a_row < 3:
        answer = await caller.chat("are you there? [[tokens=2]] [[token_ms=1]]")
        if answer.status == 200:
            first_s = first_s if in_a_row else time.monotonic()
            in_a_row += 1
        else:
            assert answer.status == 503, (answer.status, bytes(answer.body))
            refused, in_a_row = refused + 1, 0
            await asyncio.sleep(0.02)
        assert time.monotonic() - struck_s < SERVE_AGAIN_S, f"no service for {SERVE_AGAIN_S} s"
    return first_s - struck_s, refused
