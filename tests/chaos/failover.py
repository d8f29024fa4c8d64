"""Failing over to a replica: a second Valkey is promoted, everybody follows it, and after a while goes back.

The replica lives for one blow. Either all is in step and the old primary, alive, becomes a replica itself, or
the replica lags when the primary is killed: what it had not received is lost to the house. `up` starts the
killed one anew, with its own memory; whoever reaches it in that moment meets an old primary that still
writes. Then it is made a replica of the promoted one, loses what only it knew, and at the end is promoted in
its turn: a second failover, back to where the house was declared.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

from launch.embedded_valkey import ValkeyServer
from tests.chaos.answers import now_ms
from tests.chaos.history import Fault
from tests.chaos.house import ChaosHouse, InLoop, kill_and_wait
from tests.chaos.schedule import Blow
from tests.chaos.wires import SocketWire
from tests.fakes.wire import Wire

IN_STEP_WAIT_S: Final = 15.0
POLL_S: Final = 0.02
BACK: Final = "fail back to the old primary"


class Failover:
    """One blow at a time. Raises redis.RedisError or OSError where it did not come about."""

    def __init__(self, house: ChaosHouse, wire: SocketWire, loop: InLoop, dice: random.Random) -> None:
        self._house = house
        self._wire = wire
        self._loop = loop
        self._dice = dice
        self._link_to = wire.behind
        self._link = Wire(lambda: asyncio.open_unix_connection(str(self._link_to)))

    def strike(self, blow: Blow, pid: int, *, insert: Callable[[], object]) -> list[Fault]:
        """`insert` puts the wire in the place of the primary's socket and everybody on it."""
        insert()
        self._link_to = self._wire.behind
        with self._replica() as replica, self._linked():
            self._replicate(replica.socket_path)
            try:
                at_ms = now_ms()
                note = self._lose(pid, replica) if "lags" in blow.kind else self._demote(replica)
                over = Fault(blow.kind, blow.target, at_ms, now_ms(), note)
                if "lags" in blow.kind:
                    self._take_back_its_place()
                self._link_to = replica.socket_path
                self._replicate(self._wire.behind)
                time.sleep(blow.lasts_s)
            finally:
                at_ms = now_ms()
                self._go_back()
        return [over, Fault(BACK, blow.target, at_ms, now_ms())]

    # -- over

    def _demote(self, replica: ValkeyServer) -> str:
        """Both live. Connections to the old one stay, and are told that it takes no writes, or are cut."""
        self._link_to = replica.socket_path
        _promote(replica.socket_path)
        self._loop.do(self._wire.follow, replica.socket_path)
        self._point_at_link(self._wire.behind)
        if self._dice.random() < 0.5:
            return "connections stay"
        self._loop.do(self._wire.cut)
        return "connections cut"

    def _lose(self, pid: int, replica: ValkeyServer) -> str:
        """The replica hears nothing for a while, then the primary is killed."""
        lag_s = self._dice.uniform(0.2, 1.5)
        self._loop.do(self._link.stall)
        time.sleep(lag_s)
        with self._house.supervisor_halted():
            kill_and_wait(pid)
            self._loop.do(self._link.refuse, True)
            _promote(replica.socket_path)
            self._loop.do(self._wire.follow, replica.socket_path)
            self._loop.do(self._wire.cut)
        self._loop.do(self._link.resume)
        self._loop.do(self._link.refuse, False)
        return f"lags {lag_s:.1f} s"

    def _take_back_its_place(self) -> None:
        """The killed one has started anew under its own name: the wire goes before it again, at once."""
        deadline_s = time.monotonic() + IN_STEP_WAIT_S
        while self._wire.is_ours():
            if time.monotonic() > deadline_s:
                raise TimeoutError("the old primary did not start anew")
            time.sleep(POLL_S)
        self._insert_again(deadline_s)
        _until(lambda: _drop_clients(self._wire.behind), said="the old primary lets go of its clients")

    def _insert_again(self, deadline_s: float) -> None:
        while not self._wire.is_ours():
            try:
                self._loop.wait(self._wire.insert())
            except FileNotFoundError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(POLL_S)

    # -- back

    def _go_back(self) -> None:
        """Also where something went wrong: the house's own server is the primary, and is reached."""
        self._loop.do(self._wire.follow, None)
        if self._wire.is_ours():
            _until(lambda: _promote(self._wire.behind), said="the old primary is one again")
        self._loop.do(self._wire.cut)

    # -- what it takes

    @contextmanager
    def _replica(self) -> Iterator[ValkeyServer]:
        root = self._house.root / f"replica-{time.monotonic_ns()}"
        server = ValkeyServer(data_dir=root / "v", socket_dir=root / "r", log_path=root / "valkey.log")
        server.start()
        try:
            yield server
        finally:
            server.kill()

    @contextmanager
    def _linked(self) -> Iterator[None]:
        """The wire between the two, over loopback: a replica reaches its primary by host and port."""
        self._loop.wait(self._link.listen(port=0))
        self._loop.do(self._link.refuse, False)
        try:
            yield
        finally:
            self._loop.wait(self._link.close())

    def _replicate(self, follower: Path) -> None:
        """Until it has all of what the link leads to."""
        with _at(self._link_to) as primary:
            primary.config_set("repl-diskless-sync-delay", 0)
        _until(lambda: self._point_at_link(follower), said="it becomes a replica")
        _until(lambda: _is_in_step(follower), said="the replica is in step")

    def _point_at_link(self, follower: Path) -> bool:
        with _at(follower) as connection:
            connection.replicaof("127.0.0.1", str(self._link.port))
        return True


def _promote(path: Path) -> bool:
    with _at(path) as connection:
        connection.replicaof("NO", "ONE")
    return True


def _is_in_step(path: Path) -> bool:
    with _at(path) as connection:
        return bool(connection.info("replication").get("master_link_status") == "up")


def _drop_clients(path: Path) -> bool:
    with _at(path) as connection:
        connection.client_kill_filter(_type="normal", skipme=True)
    return True


def _at(path: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(path), socket_timeout=5)


def _until(what: Callable[[], bool], *, said: str) -> None:
    """A server that still loads, or is not there yet, is asked again."""
    deadline_s = time.monotonic() + IN_STEP_WAIT_S
    while True:
        try:
            if what():
                return
        except (redis.RedisError, OSError) as error:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{said}: {error}") from error
        if time.monotonic() > deadline_s:
            raise TimeoutError(said)
        time.sleep(POLL_S)
