"""The real scripts, run by a real Lua 5.1 on the simulated data set, as Redis would run them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from lupa.lua51 import LuaError, LuaRuntime

from tests.simulation.data_set import CommandFailed, DataSet

# Redis hands a script no globals but its own, and forbids to make any.
_WORLD: Final = b"""
local ask = ...
redis = {
  call = function(...)
    local reply, err = ask(...)
    if err then error({err = err}, 0) end
    return reply
  end,
  error_reply = function(text) return {err = text} end,
}
setmetatable(_G, {
  __newindex = function(_, name) error('a script made the global ' .. tostring(name), 2) end,
  __index = function(_, name) error('a script read the global ' .. tostring(name), 2) end,
})
"""
_WRAP: Final = b"return function(KEYS, ARGV) %s\nend"

Script = Callable[[DataSet, list[bytes], list[bytes]], Any]


class _Lua:
    def __init__(self) -> None:
        self._runtime = LuaRuntime(encoding=None, unpack_returned_tuples=True, register_eval=False)
        self._data: DataSet | None = None
        self._runtime.execute(b"package, io, os, require, python = nil")
        self._runtime.execute(_WORLD, self._ask)

    def compile(self, source: bytes) -> Script:
        first, _, body = source.partition(b"\n")
        assert first.startswith(b"#!lua"), "a script begins with its flags"
        function = self._runtime.execute(_WRAP % body)
        table_from, pcall = self._runtime.table_from, self._runtime.globals()[b"pcall"]

        def run(data: DataSet, keys: list[bytes], args: list[bytes]) -> Any:
            self._data = data
            try:
                done, reply = pcall(function, table_from(keys), table_from(args))
            except LuaError as error:
                raise CommandFailed(f"ERR {error}") from error
            if done is not True:
                raise CommandFailed(_error_text(reply))
            return self._reply(reply)

        return run

    def _ask(self, *argv: Any) -> Any:
        assert self._data is not None, "only while a script runs"
        try:
            reply = self._data.do(argv)
        except CommandFailed as error:
            return None, str(error).encode()
        if isinstance(reply, list):
            return self._runtime.table_from([False if item is None else item for item in reply])
        if isinstance(reply, str):
            return self._runtime.table_from({b"ok": reply.encode()})
        return False if reply is None else reply

    def _reply(self, value: Any) -> Any:
        """A script's result as a reply; a table ends at its first nil."""
        if value is None or value is False:
            return None
        if value is True:
            return 1
        if isinstance(value, bytes):
            return value
        if isinstance(value, int | float):
            return int(value)
        if (err := value[b"err"]) is not None:
            raise CommandFailed(err.decode())
        if (word := value[b"ok"]) is not None:
            return word.decode()
        items: list[Any] = []
        while (item := value[len(items) + 1]) is not None:
            items.append(self._reply(item))
        return items


def _error_text(reply: Any) -> str:
    if isinstance(reply, bytes):
        return f"ERR {reply.decode()}"
    text: bytes = reply[b"err"]
    return text.decode()


@lru_cache(maxsize=1)
def _lua() -> _Lua:
    return _Lua()


@lru_cache(maxsize=256)
def compiled(source: bytes) -> Script:
    return _lua().compile(source)


@lru_cache(maxsize=256)
def digest(source: bytes) -> bytes:
    return hashlib.sha1(source).hexdigest().encode()
