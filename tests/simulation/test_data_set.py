"""The simulated Redis against a real one: the same commands, the same scripts, the same answers.

Both run the production scripts with one change made to both: the time is read from a key, so that they agree
about it. What else cannot be equal is paired at first sight: ids of stream entries.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
import redis

from launch.embedded_valkey import ValkeyServer
from metering.purse_redis import load_scripts
from tests.simulation.data_set import CommandFailed, DataSet, Stream, Zset
from tests.simulation.scripts import compiled

STEPS: Final = 400
SEEDS: Final = range(8)
LANE: Final = "{3}"
START_MS: Final = 1_790_000_000_000
OPS: Final = [f"op{number}" for number in range(6)]


class TwoServers:
    def __init__(self, real: redis.Redis) -> None:
        self._real = real
        real.response_callbacks.clear()  # the answers as they are
        self._pairs: dict[bytes, bytes] = {}
        self.now_ms = START_MS
        self.ask("FLUSHALL")
        info: bytes = self._say("INFO", "replication")
        replid = next(row for row in info.decode().splitlines() if row.startswith("master_replid:"))
        self.model = DataSet(replid.partition(":")[2], lambda: START_MS)  # nothing expires while it is asked
        self._sources = {
            name: source.replace(b"redis.call('TIME')", b"redis.call('HMGET', 'clock', 's', 'us')")
            for name, source in load_scripts().items()
        }
        self.shas = {name: self._say("SCRIPT", "LOAD", source) for name, source in self._sources.items()}

    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        self.both("HSET", "clock", "s", self.now_ms // 1000, "us", self.now_ms % 1000 * 1000)

    def both(self, *command: Any) -> Any:
        wire = [part if isinstance(part, bytes) else str(part).encode() for part in command]
        ours = _outcome(lambda: self.model.do(wire))
        self.same(ours, _outcome(lambda: self._say(*self.translated(wire))), command)
        return ours

    def script(self, name: str, keys: list[str], *args: Any) -> Any:
        wire = [part if isinstance(part, bytes) else str(part).encode() for part in args]
        names = [key.encode() for key in keys]
        ours = _outcome(lambda: compiled(self._sources[name])(self.model, names, wire))
        theirs = _outcome(lambda: self._say("EVALSHA", self.shas[name], len(names), *names, *wire))
        self.same(ours, theirs, (name, keys, args))
        return ours

    def same(self, ours: Any, theirs: Any, asked: Any) -> None:
        if isinstance(ours, list) and isinstance(theirs, list):
            assert len(ours) == len(theirs), (asked, ours, theirs)
            for one, other in zip(ours, theirs, strict=True):
                self.same(one, other, asked)
        elif isinstance(ours, bytes) and isinstance(theirs, bytes) and _is_entry_id(ours):
            assert self._pairs.setdefault(ours, theirs) == theirs, (asked, ours, theirs)
        elif isinstance(ours, str) and isinstance(theirs, bytes):
            assert ours.encode() == theirs, (asked, ours, theirs)
        else:
            assert ours == theirs, (asked, ours, theirs)

    def translated(self, wire: list[bytes]) -> list[bytes]:
        exclusive = {b"(" + ours: b"(" + theirs for ours, theirs in self._pairs.items()}
        return [self._pairs.get(part) or exclusive.get(part, part) for part in wire]

    def ask(self, *command: Any) -> Any:
        return self._say(*command)

    def compare_everything(self) -> None:
        assert sorted(self.model.do([b"KEYS", b"*"])) == sorted(self._say("KEYS", "*"))
        for key in sorted(self.model.values):
            value = self.model.live(key)
            self.both("EXISTS", key)
            assert (self.model.do([b"PTTL", key]) == -1) == (self._say("PTTL", key) == -1), key
            if isinstance(value, Stream):
                self.both("XRANGE", key, "-", "+", "COUNT", 9999)
            elif isinstance(value, Zset):
                self.both("ZRANGE", key, 0, -1, "WITHSCORES")
            elif isinstance(value, list):
                self.both("LLEN", key)
            elif isinstance(value, dict):
                real_type = self._say("TYPE", key)
                if real_type == b"set":
                    assert sorted(value) == sorted(self._say("SMEMBERS", key))
                else:
                    flat = self._say("HGETALL", key)
                    real = dict(zip(flat[::2], flat[1::2], strict=True))
                    assert set(real) == set(value), key
                    for field, text in value.items():
                        self.same(text, real[field], (key, field))

    def _say(self, *command: Any) -> Any:
        return self._real.execute_command(*command)  # type: ignore[no-untyped-call]


def _outcome(ask: Any) -> Any:
    try:
        return ask()
    except (CommandFailed, redis.ResponseError) as error:
        return type("Refused", (str,), {})("refused: " + ("amount" if "amount" in str(error) else "ERR")) + ""


def _is_entry_id(text: bytes) -> bool:
    ms, dash, sequence = text.partition(b"-")
    return bool(dash) and len(ms) == 13 and ms.isdigit() and sequence.isdigit()


@pytest.fixture
def two(shared_valkey: ValkeyServer, valkey_url: str) -> Iterator[TwoServers]:
    del valkey_url
    with redis.Redis(unix_socket_path=str(shared_valkey.socket_path), protocol=2) as real:
        yield TwoServers(real)


class _Talk:
    """Chance picks what is said next, of what gateways, treasuries and workers say."""

    def __init__(self, two: TwoServers, chance: random.Random) -> None:
        self.two = two
        self.chance = chance
        self.n = 0
        self.version = 1

    def step(self) -> None:
        verbs = [self.reserve] * 6 + [self.extend] * 4 + [self.settle] * 4 + [self.lend] * 3
        verbs += [self.epoch, self.recall, self.sweep, self.sweep, self.note, self.ack, self.pop, self.read]
        verbs += [self.delete, self.look, self.age, self.lease]
        self.chance.choice(verbs)()

    def amount(self) -> Any:
        return self.chance.choice((0, 1, 7, 50, 200, "-3", "1.5", 2**53, ""))

    def usual(self) -> int:
        return self.chance.choice((1, 7, 50, 200))

    def some_n(self) -> int:
        return self.chance.choice((self.n, self.n, self.n, self.n + 1, 1))

    def key(self, n: int, kind: str, name: str) -> str:
        return f"{LANE}:{n}:{kind}:{name}"

    def epoch(self) -> None:
        ticket = self.two.script(
            "vacate", [f"{LANE}:epoch"], f"nonce{self.n}", "", self.chance.choice(("", self.n))
        )
        if ticket[0] == b"TICKET":
            self.n += 1
            self.version = 1
            at = self.chance.choice((ticket[1], ticket[1], b"other@aa"))
            self.two.script("open", [f"{LANE}:epoch", f"{LANE}:log"], self.n, at)
            self.two.script("open", [f"{LANE}:epoch", f"{LANE}:log"], self.n, at)

    def lend(self) -> None:
        n, version = self.some_n(), self.chance.choice((1, self.version, self.version + 1))
        self.version = max(self.version, version)
        voucher = self.key(n, "v", self.chance.choice("xy"))
        limit = self.chance.choice((300, 1000, self.amount()))
        ends = self.chance.choice((START_MS * 2, START_MS + 5000))
        self.two.script("lend", [f"{LANE}:epoch", voucher], n, version, limit, ends, "active", 5, 6, 0, 0)

    def recall(self) -> None:
        n = self.some_n()
        self.version += 1
        voucher = self.key(n, "v", self.chance.choice("xy"))
        self.two.script("recall", [f"{LANE}:epoch", voucher], n, self.version, self.amount())

    def reserve(self) -> None:
        chance, n, op = self.chance, self.some_n(), self.chance.choice(OPS)
        key = self.key(n, "k", "backend")
        vouchers = chance.choice((["x"], ["x", "y"]))
        gateway = chance.choice(("g1", "g2"))
        names = [f"{LANE}:epoch", self.key(n, "h", op), self.key(n, "g", gateway)]
        names += [key, key + ":requests", key + ":tokens", key + ":window"]
        names += [self.key(n, "v", voucher) for voucher in vouchers]
        limits = [chance.choice(("", limit)) for limit in (4, 90, 400, 3)]
        want = self.usual() if chance.random() < 0.9 else self.amount()
        least = chance.choice((1, want))
        day = chance.choice(("", 0, 30))
        self.two.script(
            "reserve", names, n, op, want, least, chance.choice((0, 1)), chance.choice((1, 40)), *limits,
            day, b"{}", gateway, "backend", *vouchers,
        )  # fmt: skip

    def extend(self) -> None:
        chance, n = self.chance, self.some_n()
        names = [f"{LANE}:epoch", self.key(n, "h", chance.choice(OPS)), self.key(n, "v", "x")]
        names.append(self.key(n, "k", "backend"))
        self.two.script(
            "extend", names, n, self.usual(), self.usual(), self.amount(), 3, chance.choice((0, 1))
        )

    def ending(self, n: int, op: str) -> list[str]:
        key = self.key(n, "k", "backend")
        names = [f"{LANE}:epoch", self.key(n, "h", op), f"{LANE}:log", self.key(n, "v", "x"), key]
        return [*names, key + ":tokens", self.key(n, "g", "g1")]

    def settle(self) -> None:
        n, op = self.some_n(), self.chance.choice(OPS)
        charge = self.usual() if self.chance.random() < 0.9 else self.amount()
        self.two.script("settle", self.ending(n, op), n, op, charge, 9, b'{"e":1}')

    def sweep(self) -> None:
        n, op = self.some_n(), self.chance.choice(OPS)
        self.two.script("sweep", self.ending(n, op), n, op)

    def note(self) -> None:
        self.two.script("note", [f"{LANE}:log"], "op", self.chance.choice(("left", "gone")), self.n, b"{}")

    def ack(self) -> None:
        self.two.script("ack", [f"{LANE}:ack:g1"], *self.chance.sample(OPS, 2))

    def lease(self) -> None:
        self.two.script("lease", ["gw:g1"], 10_000)
        self.two.both("EXISTS", "gw:g1")

    def pop(self) -> None:
        self.two.both("LPOP", f"{LANE}:ack:g1", self.chance.choice((1, 1000)))

    def read(self) -> None:
        self.two.both("XLEN", f"{LANE}:log")
        self.two.both("XRANGE", f"{LANE}:log", "-", "+", "COUNT", self.chance.choice((1, 50)))

    def delete(self) -> None:
        entries = self.two.both("XRANGE", f"{LANE}:log", "-", "+", "COUNT", 50)
        if entries:
            one = self.chance.choice(entries)[0]
            self.two.both("XRANGE", f"{LANE}:log", b"(" + one, "+", "COUNT", 50)
            self.two.both("XDEL", f"{LANE}:log", one)

    def look(self) -> None:
        self.two.both("HMGET", f"{LANE}:epoch", "n", "fence", "ticket")
        self.two.both("HMGET", self.key(self.n, "h", self.chance.choice(OPS)), "s", "v", "k", "g")

    def age(self) -> None:
        self.two.pass_time(self.chance.choice((1, 900, 20_000, 70_000)))


@pytest.mark.parametrize("seed", SEEDS)
def test_both_servers_answer_alike(two: TwoServers, seed: int) -> None:
    talk = _Talk(two, random.Random(seed))
    two.pass_time(0)
    talk.epoch()
    for _ in range(STEPS):
        talk.step()
    two.compare_everything()


def test_the_last_commands_can_be_taken_back() -> None:
    data = DataSet("a", lambda: START_MS)
    for number in range(5):
        data.do([b"HSET", b"h", b"n", b"%d" % number])
        data.do([b"RPUSH", b"l", b"%d" % number])
        data.end_of_command()
    older = data.snapshot("b", without_last=3)
    assert (older.do([b"HGET", b"h", b"n"]), older.do([b"LLEN", b"l"])) == (b"1", 2)
    assert (data.do([b"HGET", b"h", b"n"]), data.do([b"LLEN", b"l"])) == (b"4", 5)
    assert data.snapshot("c", without_last=5).do([b"KEYS", b"*"]) == []


def test_what_expires_is_gone_by_the_servers_own_clock() -> None:
    now_ms = [START_MS]
    data = DataSet("a", lambda: now_ms[0])
    data.do([b"SET", b"gw:g1", b"1", b"PX", b"1000"])
    now_ms[0] += 999
    assert data.do([b"EXISTS", b"gw:g1"]) == 1
    now_ms[0] += 1
    assert data.do([b"EXISTS", b"gw:g1"]) == 0
