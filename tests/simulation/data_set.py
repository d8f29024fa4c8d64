"""What a Redis server keeps, in plain dicts: the commands that our scripts and our purse use, and no others.

A copy is a snapshot, an older copy is a lagging replica, and a new name for the same data is a restart. Each
command that changes something leaves what was there before, so that the last few can be taken back: that is
an append-only file cut at the boundary of a command. `tests/simulation/test_data_set.py` drives the same
commands and scripts against this and a real server and compares the answers.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

UNDO_MAX: Final = 400


class CommandFailed(Exception):
    """An error reply: its text begins with a word in capitals."""


@dataclass(slots=True)
class Stream:
    entries: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)  # in the order of their ids
    last: tuple[int, int] = (0, 0)

    def __copy__(self) -> Stream:
        return Stream(dict(self.entries), self.last)


class Zset(dict[bytes, float]):
    """member -> score"""

    def in_order(self) -> list[tuple[bytes, float]]:
        return sorted(self.items(), key=lambda item: (item[1], item[0]))


Before = dict[bytes, tuple[Any, int | None]]


class DataSet:
    """`now_ms` is the server's own clock."""

    def __init__(self, replid: str, now_ms: Callable[[], int]) -> None:
        self.replid = replid
        self.run_id = f"{replid}0"  # of the server's process: it outlives a demotion and a promotion
        self.now_ms = now_ms
        self.values: dict[bytes, Any] = {}
        self.expires: dict[bytes, int] = {}
        self._undo: deque[Before] = deque(maxlen=UNDO_MAX)
        self._before: Before = {}

    def snapshot(self, replid: str, *, without_last: int = 0) -> DataSet:
        """A copy under another name; the last few commands that changed something may be missing in it."""
        other = DataSet(replid, self.now_ms)
        other.values = {key: copy.copy(value) for key, value in self.values.items()}
        other.expires = dict(self.expires)
        for before in list(self._undo)[len(self._undo) - min(without_last, len(self._undo)) :][::-1]:
            for key, (value, expires) in before.items():
                other._put_back(key, copy.copy(value), expires)
        return other

    def do(self, argv: Sequence[Any]) -> Any:
        """One command. Integers, bytes, lists and None; CommandFailed is an error reply."""
        name = argv[0].upper().decode() if isinstance(argv[0], bytes) else argv[0].upper()
        verb = getattr(self, "_" + name.lower(), None)
        if verb is None:
            raise CommandFailed(f"ERR unknown command '{name}'")
        return verb(*[arg if isinstance(arg, bytes) else _as_text(arg) for arg in argv[1:]])

    def end_of_command(self) -> None:
        """What was changed since the last call is one command in the append-only file."""
        if self._before:
            self._undo.append(self._before)
            self._before = {}

    def live(self, key: bytes) -> Any:
        """The value, None where there is none or it has expired."""
        expires = self.expires.get(key)
        if expires is not None and expires <= self.now_ms():
            self._touch(key)
            del self.values[key], self.expires[key]
        return self.values.get(key)

    # -- inside

    def _put_back(self, key: bytes, value: Any, expires: int | None) -> None:
        for store, old in ((self.values, value), (self.expires, expires)):
            if old is None:
                store.pop(key, None)
            else:
                store[key] = old

    def _touch(self, key: bytes) -> None:
        if key not in self._before:
            self._before[key] = (copy.copy(self.values.get(key)), self.expires.get(key))

    def _change(self, key: bytes, make: Callable[[], Any]) -> Any:
        """The value, about to be changed; made where it is missing."""
        value = self.live(key)
        self._touch(key)
        if value is None:
            value = self.values[key] = make()
        elif type(value) is not make and not isinstance(value, Stream):
            raise CommandFailed("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    def _drop_if_empty(self, key: bytes) -> None:
        if not self.values.get(key, True):
            del self.values[key]
            self.expires.pop(key, None)

    # -- keys and the server

    def _exists(self, *keys: bytes) -> int:
        return sum(self.live(key) is not None for key in keys)

    def _del(self, *keys: bytes) -> int:
        gone = 0
        for key in keys:
            if self.live(key) is not None:
                self._touch(key)
                del self.values[key]
                self.expires.pop(key, None)
                gone += 1
        return gone

    def _keys(self, _: bytes) -> list[bytes]:
        return [key for key in list(self.values) if self.live(key) is not None]

    def _pexpire(self, key: bytes, ms: bytes) -> int:
        if self.live(key) is None:
            return 0
        self._touch(key)
        self.expires[key] = self.now_ms() + _int(ms)
        return 1

    def _pttl(self, key: bytes) -> int:
        if self.live(key) is None:
            return -2
        return self.expires[key] - self.now_ms() if key in self.expires else -1

    def _set(self, key: bytes, value: bytes, px: bytes, ms: bytes) -> str:
        assert px.upper() == b"PX", "the only option in use"
        self.live(key)
        self._touch(key)
        self.values[key] = value
        self.expires[key] = self.now_ms() + _int(ms)
        return "OK"

    def _get(self, key: bytes) -> bytes | None:
        value: bytes | None = self.live(key)
        return value

    def _flushall(self) -> str:
        self.values.clear()
        self.expires.clear()
        self._undo.clear()
        return "OK"

    def _time(self) -> list[bytes]:
        now = self.now_ms()
        return [b"%d" % (now // 1000), b"%d" % (now % 1000 * 1000)]

    def _info(self, _: bytes = b"") -> bytes:
        text = f"role:master\r\nmaster_replid:{self.replid}\r\nrun_id:{self.run_id}\r\n"
        return text.encode()

    # -- hashes

    def _hset(self, key: bytes, *pairs: bytes) -> int:
        fields = self._change(key, dict)
        size = len(fields)
        fields.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(fields) - size

    def _hget(self, key: bytes, name: bytes) -> bytes | None:
        fields: dict[bytes, bytes] = self.live(key) or {}
        return fields.get(name)

    def _hmget(self, key: bytes, *names: bytes) -> list[bytes | None]:
        fields: dict[bytes, bytes] = self.live(key) or {}
        return [fields.get(name) for name in names]

    def _hgetall(self, key: bytes) -> list[bytes]:
        return [part for pair in (self.live(key) or {}).items() for part in pair]

    def _hdel(self, key: bytes, *names: bytes) -> int:
        fields = self._change(key, dict)
        gone = sum(fields.pop(name, None) is not None for name in names)
        self._drop_if_empty(key)
        return gone

    def _hincrby(self, key: bytes, name: bytes, by: bytes) -> int:
        amount = _int(by)
        fields = self._change(key, dict)
        now = _int(fields.get(name, b"0")) + amount
        fields[name] = b"%d" % now
        return now

    # -- sets and sorted sets

    def _sadd(self, key: bytes, *members: bytes) -> int:
        found = self._change(key, dict)
        size = len(found)
        found.update(dict.fromkeys(members, b""))
        return len(found) - size

    def _srem(self, key: bytes, *members: bytes) -> int:
        return self._hdel(key, *members)

    def _smembers(self, key: bytes) -> list[bytes]:
        return list(self.live(key) or ())

    def _zadd(self, key: bytes, score: bytes, member: bytes) -> int:
        found = self._change(key, Zset)
        size = len(found)
        found[member] = float(score)
        return len(found) - size

    def _zrem(self, key: bytes, *members: bytes) -> int:
        found = self._change(key, Zset)
        gone = sum(found.pop(member, None) is not None for member in members)
        self._drop_if_empty(key)
        return gone

    def _zcard(self, key: bytes) -> int:
        return len(self.live(key) or ())

    def _zrange(self, key: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
        found: Zset = self.live(key) or Zset()
        begin, end = _int(first), _int(last)
        members = found.in_order()[begin : None if end == -1 else end + 1]
        if not options:
            return [member for member, _ in members]
        return [part for member, score in members for part in (member, b"%d" % score)]

    def _zrangebyscore(self, key: bytes, low: bytes, high: bytes) -> list[bytes]:
        found: Zset = self.live(key) or Zset()
        return [member for member, score in found.in_order() if float(low) <= score <= float(high)]

    def _zremrangebyscore(self, key: bytes, low: bytes, high: bytes) -> int:
        gone = self._zrangebyscore(key, low, high)
        return self._zrem(key, *gone) if gone else 0

    # -- lists

    def _rpush(self, key: bytes, *values: bytes) -> int:
        found = self._change(key, list)
        found.extend(values)
        return len(found)

    def _llen(self, key: bytes) -> int:
        return len(self.live(key) or ())

    def _lpop(self, key: bytes, count: bytes) -> list[bytes] | None:
        if self.live(key) is None:
            return None
        found: list[bytes] = self._change(key, list)
        popped = found[: _int(count)]
        del found[: _int(count)]
        self._drop_if_empty(key)
        return popped

    # -- streams

    def _xadd(self, key: bytes, star: bytes, *fields: bytes) -> bytes:
        assert star == b"*", "ids are the server's"
        stream: Stream = self._change(key, Stream)
        now = (self.now_ms(), 0)
        stream.last = now if now > stream.last else (stream.last[0], stream.last[1] + 1)
        stream.entries[stream.last] = list(fields)
        return _entry_id(stream.last)

    def _xlen(self, key: bytes) -> int:
        stream: Stream | None = self.live(key)
        return len(stream.entries) if stream is not None else 0

    def _xrange(self, key: bytes, start: bytes, _: bytes, __: bytes, count: bytes) -> list[Any]:
        stream: Stream = self.live(key) or Stream()
        after = (-1, 0) if start == b"-" else _entry_at(start.removeprefix(b"("))
        some = [(at, fields) for at, fields in stream.entries.items() if at > after][: _int(count)]
        return [[_entry_id(at), list(fields)] for at, fields in some]

    def _xdel(self, key: bytes, *ids: bytes) -> int:
        stream: Stream = self._change(key, Stream)
        return sum(stream.entries.pop(_entry_at(entry_id), None) is not None for entry_id in ids)

    def _xtrim(self, key: bytes, minid: bytes, first: bytes) -> int:
        assert minid == b"MINID", "only a mutant trims"
        stream: Stream = self._change(key, Stream)
        below = [at for at in stream.entries if at < _entry_at(first)]
        for at in below:
            del stream.entries[at]
        return len(below)


def _as_text(arg: Any) -> bytes:
    """As a script's number goes into a command."""
    if isinstance(arg, str):
        return arg.encode()
    return b"%d" % arg if isinstance(arg, int) or arg.is_integer() else b"%.17g" % arg


def _int(text: bytes) -> int:
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or (digits[:1] == b"0" and text != b"0"):
        raise CommandFailed("ERR value is not an integer or out of range")
    return int(text)


def _entry_id(at: tuple[int, int]) -> bytes:
    return b"%d-%d" % at


def _entry_at(entry_id: bytes) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition(b"-")
    return int(ms), int(sequence)
