"""The purse twice: its specification in memory and the scripts on a real server, asked the same things.

`both` asks both, says where their answers differ, and returns the answer. What cannot be equal is paired or
given a tolerance: ids of stream entries and tickets are paired at first sight, times may differ by
SLACK_MS.
Time passes by making what is stored older, since nobody can move the server's clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from metering import keys
from metering.data_set import DataSet
from metering.granting import DAY_MS, day_in_korea
from metering.purse import Late, Limited, LogEntry, Purse, PurseUnavailable, Reserved, Settled
from metering.purse_memory import MemoryPurse
from metering.purse_redis import RedisPurse, connect_purse
from tests.fakes.values import replace

Answer = TypeVar("Answer")

SLACK_MS: Final = 5_000  # a window is a minute, and what a test makes older gets older by more than one


@dataclass(frozen=True, slots=True)
class Refused:
    """PurseUnavailable, as an answer to compare."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    memory: DataSet
    dumps: dict[bytes, bytes]
    pairs: dict[str, str]


class TwoPurses:
    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._now_ms = 0
        self._pairs: dict[str, str] = {}
        self.redis: RedisPurse = runner.run(connect_purse(url))
        self.memory = MemoryPurse(now_ms=lambda: self._now_ms)

    def close(self) -> None:
        self._runner.run(self.redis.close())

    def begin(self) -> None:
        """Two empty purses, well before the next midnight in Korea."""
        self._now_ms = 0
        self._pairs = {}
        self.memory = MemoryPurse(now_ms=lambda: self._now_ms)
        self.everywhere("FLUSHALL")
        while day_in_korea(self.now_ms()) != day_in_korea(self.now_ms() + 2 * SLACK_MS):
            time.sleep(1)

    def both(self, ask: Callable[[Purse], Awaitable[Answer]]) -> Answer | Refused:
        self._now_ms = self.now_ms()
        said = self._runner.run(_answer(ask(self.memory)))
        meant = self._runner.run(_answer(ask(self.redis)))
        self.compare(said, meant)
        return said

    def compare(self, memory: object, redis: object) -> None:
        """AssertionError unless both are the same answer."""
        match memory, redis:
            case (Settled() as a, Settled() as b):
                self.pair(a.event_id, b.event_id)
                assert a == replace(b, event_id=a.event_id)
            case (Late() as a, Late() as b):
                self.pair(a.event_id, b.event_id)
            case (Reserved() as a, Reserved() as b):
                assert abs(a.held_at_ms - b.held_at_ms) < SLACK_MS
                assert a == replace(b, held_at_ms=a.held_at_ms)
            case (Limited() as a, Limited() as b):
                assert abs(a.retry_ms - b.retry_ms) < SLACK_MS
                assert a == replace(b, retry_ms=a.retry_ms)
            case (LogEntry() as a, LogEntry() as b):
                self.pair(a.entry_id, b.entry_id)
                ours, theirs = dict(a.fields), dict(b.fields)
                assert abs(int(ours.pop("t", b"0")) - int(theirs.pop("t", b"0"))) < SLACK_MS
                assert (a.kind, a.op, a.n, ours) == (b.kind, b.op, b.n, theirs)
            case (list() as a, list() as b):
                assert len(a) == len(b), (a, b)
                for one, other in zip(a, b, strict=True):
                    self.compare(one, other)
            case _:
                assert memory == redis

    def pair(self, memory: str, redis: str) -> None:
        # One way only: the server numbers each lane's log for itself, the memory purse numbers all of them.
        assert self._pairs.setdefault(memory, redis) == redis, "another id than the first time"

    def theirs(self, memory: str) -> str:
        """The server's id or ticket for one of the memory purse."""
        return self._pairs.get(memory, memory)

    # -- what happens to a data set

    def restart(self) -> None:
        self.memory.restart()
        self.everywhere("DEBUG", "CHANGE-REPL-ID")

    def flush(self) -> None:
        self.memory.flush()
        self.everywhere("FLUSHALL")

    def snapshot(self) -> Snapshot:
        names: list[bytes] = [name for some in self.everywhere("KEYS", "*") for name in some]
        dumps: list[bytes] = self._runner.run(self.redis.line.spread(*(("DUMP", name) for name in names)))
        return Snapshot(self.memory.data.snapshot(), dict(zip(names, dumps, strict=True)), dict(self._pairs))

    def restore(self, older: Snapshot) -> None:
        """An older state comes back under a new replication id."""
        self.memory.restore(older.memory)
        self._pairs = dict(older.pairs)
        self.everywhere("FLUSHALL")
        for name, dump in older.dumps.items():
            self.command("RESTORE", name, 0, dump)
        self.everywhere("DEBUG", "CHANGE-REPL-ID")

    def grow_older(self, *, days: int = 0, ms: int = 0) -> None:
        """What is stored becomes older: windows by `ms` and `days`, day counters and vouchers by `days`."""
        by_ms = ms + days * DAY_MS
        for number, lane in self.memory.data.lanes.items():
            for (n, key_id), key in lane.keys.items():
                name = keys.api_key(number, n, key_id)
                key.requests = {op: at - by_ms for op, at in key.requests.items()}
                key.tokens = {op: (at - by_ms, tokens) for op, (at, tokens) in key.tokens.items()}
                if key.day is not None:
                    key.day -= days
                self._older(name, "day", days)
                for window in (name + ":requests", name + ":window"):
                    for op in self.command("ZRANGE", window, 0, -1):  # type: ignore[attr-defined]
                        self.command("ZINCRBY", window, -by_ms, op)
            for (n, op), hold in lane.holds.items():
                hold.day -= days
                self._older(keys.hold(number, n, op), "d", days)
            for (n, voucher_id), voucher in lane.vouchers.items():
                voucher.loan = replace(voucher.loan, ends_ms=voucher.loan.ends_ms - days * DAY_MS)
                self._older(keys.voucher(number, n, voucher_id), "ends_ms", days * DAY_MS)

    def _older(self, name: str, field: str, by: int) -> None:
        if self.command("HEXISTS", name, field):
            self.command("HINCRBY", name, field, -by)

    # -- the server, beside the port

    def command(self, *command: str | bytes | int) -> object:
        return self._runner.run(self.redis.line.command(*command))

    def everywhere(self, *command: str) -> list[Any]:
        """What has no key, of every node."""
        return self._runner.run(self.redis.line.everywhere(*command))

    def now_ms(self) -> int:
        seconds, micros = self.everywhere("TIME")[0]
        return int(seconds) * 1000 + int(micros) // 1000

    def hash(self, name: str, *fields: str) -> list[str | None]:
        values: list[bytes | None] = self.command("HMGET", name, *fields)  # type: ignore[assignment]
        return [None if value is None else value.decode() for value in values]


async def _answer(asked: Awaitable[Answer]) -> Answer | Refused:
    try:
        return await asked
    except PurseUnavailable:
        return Refused()
