"""A Redis server of the simulation: a data set, scripts by their digest, connections that can break anywhere.

The other end of each connection is the production line (metering/redis_line.py) over a transport of ours: it
speaks RESP, and does not know. What is written arrives later; between any two commands the connection may
break, the reply may be lost, the same bytes may come a second time, and what a broken connection had
still on its way may arrive long afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final

import hiredis

from metering.purse_redis import SCRIPTS
from tests.simulation.chance import Chance
from tests.simulation.data_set import CommandFailed, DataSet
from tests.simulation.loop import Process, SimulatedLoop, current_process
from tests.simulation.scripts import Script, compiled, digest

PLAIN_POINTS: Final = {
    b"LPOP": "acks",
    b"XRANGE": "read log",
    b"XDEL": "delete log",
    b"XTRIM": "delete log",
    b"XLEN": "log lengths",
    b"XADD": "note",
    b"SMEMBERS": "open ops",
    b"EXISTS": "lease?",
    b"INFO": "data set?",
    b"SCRIPT": "load scripts",
}
KEY_POINTS: Final = ((b":epoch", "epoch?"), (b":h:", "hold?"), (b":v:", "balance"))

# What may arrive a second time. Not `vacate`: its nonce is made for one question, and never sent again.
TREASURY_VERBS: Final = frozenset({"open", "lend", "recall"})
_NEXT_S: Final = 1e-6  # what was written first arrives first: timers of the same instant have no order

Seen = Callable[["RedisServer", str, list[bytes], Any], None]


class RedisServer:
    """`data` is what it serves. `up` False: connections are refused."""

    def __init__(self, name: str, data: DataSet, loop: SimulatedLoop, seen: Seen) -> None:
        self.name = name
        self.data = data
        self.up = True
        self.loop = loop
        self.connections: list[Connection] = []
        self._scripts: dict[bytes, tuple[str, Script]] = {}
        self._names: dict[bytes, str] = {}
        self._seen = seen
        self.said: list[list[bytes]] = []  # the treasury's messages
        self.vacated = 0  # how often an epoch was asked for

    def name_scripts(self, sources: dict[str, bytes]) -> None:
        """So that an await can be called by its script."""
        assert set(sources) == set(SCRIPTS), "all of them"
        self._names.update({source: name for name, source in sources.items()})

    def forget_scripts(self) -> None:
        self._scripts.clear()

    def cut_all(self) -> None:
        for connection in list(self.connections):
            connection.cut()

    def point(self, command: list[bytes]) -> str:
        verb = command[0]
        if verb == b"EVALSHA":
            return self._scripts[command[1]][0] if command[1] in self._scripts else "a forgotten script"
        if verb == b"HMGET":
            return next(point for part, point in KEY_POINTS if part in command[1])
        return PLAIN_POINTS[verb]

    def execute(self, command: list[bytes]) -> Any:
        """The reply; an error reply is a CommandFailed."""
        try:
            if command[0] == b"EVALSHA":
                if command[1] not in self._scripts:
                    return CommandFailed("NOSCRIPT No matching script.")
                name, script = self._scripts[command[1]]
                count = int(command[2])
                keys, args = command[3 : 3 + count], command[3 + count :]
                self.vacated += name == "vacate"
                if name in TREASURY_VERBS:
                    self.said = [*self.said[-40:], command]
                reply = script(self.data, keys, args)
                self.data.end_of_command()
                self._seen(self, name, command[3:], reply)
                return reply
            if command[0] == b"SCRIPT":
                name = self._names[command[2]]
                self._scripts[digest(command[2])] = (name, compiled(command[2]))
                return digest(command[2])
            reply = self.data.do(command)
            self.data.end_of_command()
            if command[0] == b"XDEL":
                self._seen(self, "XDEL", command[1:], reply)
            return reply
        except CommandFailed as error:
            self.data.end_of_command()
            return error


class Connection:
    """One connection, seen by the client as its transport."""

    def __init__(self, server: RedisServer, protocol: Any, chance: Chance) -> None:
        self._server = server
        self._protocol = protocol
        self._chance = chance
        self._loop = server.loop
        self._process: Process = current_process()
        self._context: Context = copy_context()
        self._reader = hiredis.Reader()
        self._arrives_s = 0.0
        self._replies_s = 0.0
        self._broken = False
        self._told = False
        server.connections.append(self)
        self._process.on_death.append(self._client_died)

    # -- what the client's line calls

    def write(self, data: bytes) -> None:
        if self._broken:
            return
        self._reader.feed(data)
        commands: list[list[bytes]] = []
        while (command := self._reader.gets()) is not False:
            commands.append(command)
        self._arrives_s = max(self._arrives_s + _NEXT_S, self._loop.time() + self._chance.hop_s())
        self._loop.call_at(self._arrives_s, self._arrive, commands, context=Context())

    def abort(self) -> None:
        self.cut()

    close = abort

    @property
    def process_name(self) -> str:
        return self._process.name

    def is_closing(self) -> bool:
        return self._broken

    # -- what happens to it

    def cut(self) -> None:
        """Both ends learn of it; what is on its way is lost, or arrives some time."""
        self._broken = True
        if self in self._server.connections:
            self._server.connections.remove(self)
        if not self._told:
            self._told = True
            self._loop.call_soon(self._protocol.connection_lost, None, context=self._context)

    def _client_died(self) -> None:
        self._broken = True
        if self in self._server.connections:
            self._server.connections.remove(self)

    def _arrive(self, commands: list[list[bytes]]) -> None:
        server, chance = self._server, self._chance
        if not server.up:
            return
        if self._broken and not chance.likely("late", 0.5):
            return
        replies: list[bytes] = []
        for command in commands:
            point = server.point(command)
            chance.passed(point)
            fault = None if self._broken else chance.line_fault(point)
            if fault == "lost":
                self.cut()
                if not chance.likely("late", 0.3):
                    return
                self._arrive_later(commands[len(replies) :], chance.late_s())
                return
            reply = server.execute(command)
            if fault == "duplicate" and point != "vacate":
                # A refused reserve would hold money if it came again much later, and nobody would know.
                self._arrive_later([command], 0.0 if point == "reserve" else chance.late_s())
            replies.append(_pack(reply))
            if fault == "reply lost":
                replies.pop()
                self._answer(replies, 0.0)
                self._loop.call_at(self._replies_s, self.cut, context=Context())
                return
            if fault == "slow":
                self._replies_s = max(self._replies_s, self._loop.time()) + chance.slow_s()
        self._answer(replies, chance.hop_s())

    def _arrive_later(self, commands: list[list[bytes]], seconds: float) -> None:
        """Without a connection that could carry an answer."""

        def arrive() -> None:
            if self._server.up:
                for command in commands:
                    self._server.execute(command)

        self._loop.call_later(seconds, arrive, context=Context())

    def _answer(self, replies: list[bytes], seconds: float) -> None:
        self._replies_s = max(self._replies_s + _NEXT_S, self._loop.time() + seconds)
        if replies:
            self._loop.call_at(self._replies_s, self._deliver, b"".join(replies), context=self._context)

    def _deliver(self, data: bytes) -> None:
        if not self._broken:
            self._protocol.data_received(data)


def _pack(reply: Any) -> bytes:
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, bytes):
        return b"$%d\r\n%s\r\n" % (len(reply), reply)
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, str):
        return b"+%s\r\n" % reply.encode()
    if isinstance(reply, CommandFailed):
        return b"-%s\r\n" % str(reply).encode()
    return b"*%d\r\n%s" % (len(reply), b"".join([_pack(item) for item in reply]))


async def connect(server: RedisServer | None, protocol: Any, chance: Chance) -> Any:
    await asyncio.sleep(chance.hop_s())
    if server is None or not server.up:
        raise ConnectionRefusedError("nobody listens")
    return Connection(server, protocol, chance)
