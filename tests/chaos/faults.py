"""Blows, one function each. All of them block: they are called in threads of their own.

A blow waits until what it strikes is up and has been seen to serve, strikes, and says what it did. Blows at
the same role follow one another; blows at different ones overlap as they like.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg
import redis

from launch.embedded import ServerRefused
from tests.chaos.answers import now_ms
from tests.chaos.failover import Failover
from tests.chaos.history import Fault
from tests.chaos.house import (
    ChaosHouse,
    InLoop,
    age_s,
    has_answered,
    has_posted_since,
    kill_and_wait,
    posted_so_far,
    send,
    tree,
)
from tests.chaos.schedule import Blow, Missed
from tests.chaos.valkey_files import ValkeyFiles
from tests.chaos.wires import SocketWire
from tests.fakes.wire import Wire

TARGET_WAIT_S: Final = 30.0
ALIVE_MIN_S: Final = 1.5  # a process younger than this is not struck again: it shall have served
CUT_EVERY_S: Final = 0.3


class Faults:
    """`served(role, since_ms)`: has it been seen to serve since then?"""

    def __init__(
        self,
        house: ChaosHouse,
        *,
        served: Callable[[str, int], bool],
        vendor_wire: Wire,
        loop: InLoop,
        seed: int,
    ) -> None:
        self._house = house
        self._served = served
        self._loop = loop
        self._dice = random.Random(f"{seed}/faults")
        self._struck_ms: dict[str, int] = {}
        self._posted: dict[int, int] = {}  # by a worker's pid: how far the books were when it was first seen
        roles = ("gateway", "valkey", "postgres", "worker", "vendor", "disk")
        self._locks = {role: threading.RLock() for role in roles}
        at_valkey = SocketWire(house.run_dir / "valkey.sock")
        self._failover = Failover(house, at_valkey, loop, self._dice)
        self._wires: dict[str, Wire] = {
            "valkey": at_valkey,
            "postgres": SocketWire(house.run_dir / ".s.PGSQL.5432"),
            "vendor": vendor_wire,
        }
        self._files = ValkeyFiles(house, self._dice, up=lambda: self._wait_for("valkey"))
        self._verbs = {
            "kill": self._kill,
            "stop": self._stop,
            "cut": self._cut,
            "stall": self._stall,
            "swallow": self._swallow,
            "disk": self._disk_full,
            "flush": self._flush,
            "truncate": self._files.truncate,
            "stale": self._files.make_stale,
        }

    def strike(self, blow: Blow) -> list[Fault]:
        """Raises Missed. More than one fault where a blow has a way back that hurts as well."""
        verb, *_ = blow.kind.split()
        with self._locks[blow.target.split("-")[0]]:
            pid = self._wait_for(blow.target)
            if verb == "fail":
                faults = self._fail_over(blow, pid)
            else:
                at_ms = now_ms()
                note = self._verbs[verb](blow, pid)
                until_ms = at_ms if verb in ("kill", "flush") else now_ms()
                faults = [Fault(blow.kind, blow.target, at_ms, until_ms, note)]
            self._struck_ms[blow.target] = now_ms()
        return faults

    async def close(self) -> None:
        for wire in self._wires.values():
            await wire.close()

    def _wait_for(self, target: str) -> int:
        """The pid of a role that is up and has had the time to serve."""
        if target in ("vendor", "disk"):
            return self._house.vendor_pid
        deadline_s = time.monotonic() + TARGET_WAIT_S
        while time.monotonic() < deadline_s:
            pid = self._house.pid_of(target)
            since_ms = self._struck_ms.get(target, 0)
            if pid is not None and age_s(pid) > ALIVE_MIN_S and self._has_worked(target, pid, since_ms):
                return pid
            time.sleep(0.1)
        raise Missed(f"{target} was not up within {TARGET_WAIT_S:.0f} s")

    def _has_worked(self, target: str, pid: int, since_ms: int) -> bool:
        if target.startswith("gateway"):
            return has_answered(self._house.data_dir / "logs" / f"{target}.log", pid)
        if target == "worker":
            return self._has_posted(pid)
        return self._served(target, since_ms)

    def _has_posted(self, pid: int) -> bool:
        """Looked at often: the table is read only when there may be something new."""
        url = self._house.database_url
        before, now = self._posted.setdefault(pid, -1), posted_so_far(url)
        if before < 0 and now is not None:
            self._posted[pid] = now
        return now is not None and 0 <= before < now and has_posted_since(url, before)

    # -- processes

    def _kill(self, blow: Blow, pid: int) -> str:
        words = self._house.family().get(pid, "").split()
        kill_and_wait(pid)
        return words[words.index("--gateway-id") + 1] if "--gateway-id" in words else ""

    def _stop(self, blow: Blow, pid: int) -> str:
        stopped = tree(pid)
        send(stopped, signal.SIGSTOP)
        try:
            time.sleep(blow.lasts_s)
        finally:
            send(stopped, signal.SIGCONT)
        return f"{blow.lasts_s:.1f} s"

    # -- wires

    def _cut(self, blow: Blow, pid: int) -> str:
        """Every connection ends, again and again, and new ones are refused in between."""
        wire = self._inserted(blow.target)
        end_s, times = time.monotonic() + blow.lasts_s, 0
        while time.monotonic() < end_s:
            self._loop.do(wire.refuse, True)
            time.sleep(CUT_EVERY_S / 2)
            self._loop.do(wire.refuse, False)
            time.sleep(CUT_EVERY_S)
            times += 1
        return f"{times} times"

    def _stall(self, blow: Blow, pid: int) -> str:
        wire = self._inserted(blow.target)
        self._loop.do(wire.stall)
        time.sleep(blow.lasts_s)
        self._loop.do(wire.resume)
        return f"{blow.lasts_s:.1f} s"

    def _swallow(self, blow: Blow, pid: int) -> str:
        wire = self._inserted(blow.target)
        self._loop.do(wire.swallow, True)
        time.sleep(blow.lasts_s)
        self._loop.do(wire.swallow, False)
        return f"{blow.lasts_s:.1f} s"

    def _inserted(self, target: str) -> Wire:
        """The wire, with everybody's connections on it."""
        wire = self._wires[target]
        if isinstance(wire, SocketWire):
            try:
                self._loop.wait(wire.insert())
                self._drop_connections(target)
            except (OSError, redis.RedisError, psycopg.Error) as error:
                raise Missed(f"{target} went down before its wire was there: {error}") from error
            time.sleep(0.3)  # they come back, over the wire
        return wire

    def _drop_connections(self, target: str) -> None:
        if target == "valkey":
            with self._valkey() as purse:
                purse.client_kill_filter(_type="normal", skipme=True)
            return
        with psycopg.connect(self._house.database_url, connect_timeout=5) as books:
            books.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )

    def _fail_over(self, blow: Blow, pid: int) -> list[Fault]:
        try:
            return self._failover.strike(blow, pid, insert=lambda: self._inserted("valkey"))
        except (redis.RedisError, OSError, ServerRefused) as error:
            raise Missed(f"no failover: {error}") from error

    # -- disk and files

    def _disk_full(self, blow: Blow, pid: int) -> str:
        if self._house.disk is None:
            raise Missed("no disk of its own (only root may mount one)")
        if not self._house.disk.fill():
            raise Missed("the disk filled too fast to be filled")
        try:
            time.sleep(blow.lasts_s)
        finally:
            self._house.disk.free()
        return f"{blow.lasts_s:.1f} s"

    def _flush(self, blow: Blow, pid: int) -> str:
        self._files.take_snapshot(pid)
        try:
            with self._valkey() as connection:
                connection.flushall()
        except redis.RedisError as error:
            raise Missed(f"valkey went down before it was emptied: {error}") from error
        return ""

    def _valkey(self) -> redis.Redis:
        return redis.Redis.from_url(self._house.redis_url, socket_timeout=5)
