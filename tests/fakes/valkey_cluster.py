"""A real cluster of Valkey processes on loopback: slots can be moved, nodes killed, replicas promoted."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from launch.embedded_valkey import ValkeyServer
from metering import keys

PRIMARIES: Final = 3
NODE_TIMEOUT_MS: Final = 1000  # after this long a node counts as failed; the default is 15 s
WAIT_S: Final = 20.0


class Node:
    """One process with a TCP port (nodes know each other by it) and the socket of every embedded server."""

    def __init__(self, root: Path, number: int, settings: Mapping[str, str]) -> None:
        self.port, bus = _free_ports()
        self.server = ValkeyServer(
            data_dir=root / f"valkey-{number}",
            socket_dir=root / f"run-{number}",
            log_path=root / f"valkey-{number}.log",
            settings={
                "port": str(self.port),
                "bind": "127.0.0.1",
                "cluster-port": str(bus),
                "cluster-enabled": "yes",
                "cluster-node-timeout": str(NODE_TIMEOUT_MS),
                "cluster-require-full-coverage": "no",
                **settings,
            },
        )
        self.server.start()
        self.id: str = self.ask("CLUSTER", "MYID").decode()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def ask(self, *command: str | bytes | int) -> Any:
        with redis.Redis.from_url(self.server.url) as connection:
            connection.response_callbacks.clear()
            return connection.execute_command(*command)

    def has_state(self, line: bytes) -> bool:
        return line in self.ask("CLUSTER", "INFO")


class ValkeyCluster:
    """Three primaries that share the slots evenly. `close` ends every process."""

    def __init__(self, root: Path, **settings: str) -> None:
        self._root = root
        self._settings = settings
        self.nodes: list[Node] = []
        for _ in range(PRIMARIES):
            self.add_node()
        share = REDIS_CLUSTER_HASH_SLOTS // PRIMARIES + 1
        for number, node in enumerate(self.nodes):
            first, last = number * share, min((number + 1) * share, REDIS_CLUSTER_HASH_SLOTS) - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self._meet(node)
        for node in self.nodes:
            wait_until(lambda node=node: node.has_state(b"cluster_state:ok"))  # type: ignore[misc]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def close(self) -> None:
        for node in self.nodes:
            node.server.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def add_node(self) -> Node:
        node = Node(self._root, len(self.nodes), self._settings)
        self.nodes.append(node)
        return node

    def add_replica(self, primary: Node) -> Node:
        """Of this primary, in step with it."""
        replica = self.add_node()
        self._meet(replica)
        wait_until(lambda: primary.id.encode() in replica.ask("CLUSTER", "NODES"))
        replica.ask("CLUSTER", "REPLICATE", primary.id)
        wait_until(lambda: b"master_link_status:up" in replica.ask("INFO", "replication"))
        for node in self.nodes:
            wait_until(lambda node=node: replica.id.encode() in node.ask("CLUSTER", "NODES"))  # type: ignore[misc]
        return replica

    def owner(self, lane: int) -> Node:
        """By the word of a node that lives."""
        slot = slot_of(lane)
        told = next(node for node in self.nodes if node.server.pid is not None).ask("CLUSTER", "SLOTS")
        port = next(primary[1] for first, last, primary, *_ in told if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def lanes_of(self, node: Node) -> list[int]:
        return [lane for lane in range(keys.LANES) if self.owner(lane) is node]

    def begin_migration(self, lane: int, target: Node) -> Node:
        """From now on the slot's keys are on either side. -> the source."""
        source, slot = self.owner(lane), slot_of(lane)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        return source

    def move_keys(self, lane: int, source: Node, target: Node, *, pause_s: float = 0.0) -> None:
        """A few at a time, as the tools do it."""
        while names := source.ask("CLUSTER", "GETKEYSINSLOT", slot_of(lane), 5):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)
            time.sleep(pause_s)

    def end_migration(self, lane: int, target: Node) -> None:
        alive = [node for node in self.nodes if node.server.pid is not None]
        for node in sorted(alive, key=lambda node: node is not target):
            node.ask("CLUSTER", "SETSLOT", slot_of(lane), "NODE", target.id)

    def migrate(self, lane: int, target: Node, *, pause_s: float = 0.0) -> None:
        source = self.begin_migration(lane, target)
        self.move_keys(lane, source, target, pause_s=pause_s)
        self.end_migration(lane, target)

    def _meet(self, node: Node) -> None:
        self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.server.settings["cluster-port"])


def slot_of(lane: int) -> int:
    return key_slot(keys.epoch(lane).encode())


def wait_until(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
