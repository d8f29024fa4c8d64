"""One connection to Redis per process, on which the commands of one event-loop turn leave in one write.

The general client's path per command costs more than Redis itself (docs/benchmarks.md), and it retries by
default, which would charge twice. Here nothing is ever sent twice: a connection that breaks fails all
that was under way with `PurseUnavailable`, meaning "may or may not have happened", and whoever asked decides
by the operation's id. A caller that is cancelled leaves its place in the queue, so its reply never reaches
the next caller.

The line wants a primary. A server that was demoted, or still loads its file, keeps its connections and
refuses what is asked: that ends the connection, and the address is asked until a primary stands behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import hiredis

from metering.purse import PurseUnavailable
from metering.redis_address import options_of

COMMAND_TIMEOUT_S: Final = 2.0
CONNECT_TIMEOUT_S: Final = 2.0
PENDING_MAX: Final = 50_000
RECONNECT_MIN_S: Final = 0.05
RECONNECT_MAX_S: Final = 1.0
WATCH_S: Final = 0.5
NO_PRIMARY: Final = ("READONLY", "LOADING", "MASTERDOWN")

Reply = Any


class ScriptMissing(Exception):
    """NOSCRIPT: the server forgot its scripts, and nothing was executed."""


class RedisLine:
    """`call` returns a future of the reply; `hiredis.ReplyError` replies are raised from it."""

    def __init__(
        self, url: str, *, scripts: Mapping[str, bytes], command_timeout_s: float = COMMAND_TIMEOUT_S
    ) -> None:
        self._options = options_of(url)
        self._command_timeout_s = command_timeout_s
        self._watch_s = min(WATCH_S, command_timeout_s / 4)
        self._started = False
        self._scripts = scripts
        self.shas: dict[str, bytes] = {}
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._protocol: _Protocol | None = None
        self._out: list[bytes] = []
        self._flushing = False
        self._closing = False
        self._reconnecting: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    @property
    def lines(self) -> list[RedisLine]:
        """One per server."""
        return [self]

    @property
    def idle(self) -> bool:
        """Nobody waits for a reply."""
        return self._protocol is None or not self._protocol.pending

    async def start(self) -> None:
        """Connect once, now; raises PurseUnavailable. Later breaks are mended in the background."""
        await self._connect()
        self._started = True
        self._watch = self._loop.call_later(self._watch_s, self._check_age)

    def keep_trying(self) -> None:
        """Instead of `start`, where nobody answered: connect in the background, however long it takes."""
        self._started = True
        self._watch = self._loop.call_later(self._watch_s, self._check_age)
        self._reconnecting = self._loop.create_task(self._reconnect(), name="redis-reconnect")

    async def close(self) -> None:
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def call(self, *command: str | bytes | int) -> asyncio.Future[Reply]:
        future: asyncio.Future[Reply] = self._loop.create_future()
        protocol = self._protocol
        if self._transport is None or protocol is None:
            future.set_exception(PurseUnavailable("not connected to Redis"))
            return future
        if len(protocol.pending) >= PENDING_MAX:
            future.set_exception(PurseUnavailable("too many commands wait for Redis"))
            return future
        self._out.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        protocol.pending.append(future)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return future

    async def script(self, name: str, keys: list[str], args: list[str | bytes | int]) -> Reply:
        """Run a script by its digest; loads the scripts again where the server forgot them."""
        try:
            return await self.call(b"EVALSHA", self.shas[name], len(keys), *keys, *args)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise PurseUnavailable(str(error)) from error
        except KeyError:
            raise PurseUnavailable("not connected to Redis") from None
        try:
            await self._loaded(self._ask_for_scripts())
            return await self.call(b"EVALSHA", self.shas[name], len(keys), *keys, *args)
        except hiredis.ReplyError as error:
            raise PurseUnavailable(str(error)) from error

    async def commands(self, *commands: tuple[str | bytes | int, ...]) -> list[Reply]:
        """All in one write, all replies awaited before the first fault is raised."""
        calls = [self.call(*command) for command in commands]
        try:
            return _first_fault(await asyncio.gather(*calls, return_exceptions=True))
        except hiredis.ReplyError as error:
            raise PurseUnavailable(str(error)) from error

    async def command(self, *command: str | bytes | int) -> Reply:
        try:
            return await self.call(*command)
        except hiredis.ReplyError as error:
            raise PurseUnavailable(str(error)) from error

    async def spread(self, *commands: tuple[str | bytes | int, ...]) -> list[Reply]:
        """Of several lanes: on one server they are where all are."""
        return await self.commands(*commands)

    async def everywhere(self, *command: str | bytes | int) -> list[Reply]:
        """Of every server; here there is one."""
        return await self.commands(command)

    # -- inside

    def _flush(self) -> None:
        self._flushing = False
        out, self._out = self._out, []
        if self._transport is not None and out:
            protocol = self._protocol
            assert protocol is not None
            protocol.sent_at_s = protocol.sent_at_s or self._loop.time()
            self._transport.write(b"".join(out))

    async def _connect(self) -> None:
        options = self._options
        protocol = _Protocol(self._lost, self._demoted)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                if "path" in options:
                    transport, _ = await self._loop.create_unix_connection(lambda: protocol, options["path"])
                else:
                    tls = "connection_class" in options
                    transport, _ = await self._loop.create_connection(
                        lambda: protocol,
                        options.get("host", "localhost"),
                        options.get("port", 6379),
                        ssl=True if tls else None,
                    )
        except (OSError, TimeoutError) as error:
            raise PurseUnavailable(f"cannot connect to Redis: {error}") from error
        # No assertion of its class: uvloop's transports are no subclasses of asyncio's.
        self._transport, self._protocol, self._out = transport, protocol, []
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._greet()
        except (hiredis.ReplyError, TimeoutError, PurseUnavailable) as error:
            self._transport = None
            transport.abort()
            raise PurseUnavailable(f"Redis does not let us in: {error}") from error
        if not self.connected:  # lost between its last answer and this line; nobody else would notice
            raise PurseUnavailable("the connection to Redis was lost at once")

    async def _greet(self) -> None:
        # Queued without a wait between them: nobody else's command may come before the last of these.
        calls = []
        if password := self._options.get("password"):
            calls.append(self.call("AUTH", self._options.get("username") or "default", password))
        if database := self._options.get("db"):
            calls.append(self.call("SELECT", int(database)))
        calls.append(self.call("INFO", "replication"))
        loading = self._ask_for_scripts()
        replies = _first_fault(await asyncio.gather(*calls, *loading, return_exceptions=True))
        if b"role:slave" in replies[len(calls) - 1]:  # it would keep the connection and refuse every write
            raise PurseUnavailable("it is a replica")
        self._know_scripts(replies[len(calls) :])

    def _ask_for_scripts(self) -> list[asyncio.Future[Reply]]:
        return [self.call("SCRIPT", "LOAD", source) for source in self._scripts.values()]

    async def _loaded(self, calls: list[asyncio.Future[Reply]]) -> None:
        self._know_scripts(_first_fault(await asyncio.gather(*calls, return_exceptions=True)))

    def _know_scripts(self, digests: list[Reply]) -> None:
        self.shas = dict(zip(self._scripts, digests, strict=True))

    def _lost(self, protocol: _Protocol) -> None:
        if protocol is not self._protocol:
            return
        self._transport = self._protocol = None
        self._out = []
        if self._started and not self._closing and (self._reconnecting is None or self._reconnecting.done()):
            self._reconnecting = self._loop.create_task(self._reconnect(), name="redis-reconnect")

    def _demoted(self, protocol: _Protocol) -> None:
        """It is up and refuses to write: somebody else is the primary now, or nobody yet."""
        if protocol is self._protocol and self._transport is not None:
            self._transport.abort()

    async def _reconnect(self) -> None:
        wait_s = RECONNECT_MIN_S
        while not self._closing:
            try:
                await self._connect()
                return
            except PurseUnavailable:
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RECONNECT_MAX_S)

    def _check_age(self) -> None:
        """A server that stopped answering without closing (SIGSTOP, a cut wire) is as good as gone."""
        protocol = self._protocol
        stuck = protocol is not None and protocol.silent_s() > self._command_timeout_s
        if stuck and self._transport is not None:
            self._transport.abort()
        self._watch = self._loop.call_later(self._watch_s, self._check_age)


def _first_fault(replies: list[Reply]) -> list[Reply]:
    """The replies, unless one is an exception. All were awaited, so that none is left unlooked at."""
    for reply in replies:
        if isinstance(reply, BaseException):
            raise reply
    return replies


class _Protocol(asyncio.Protocol):
    def __init__(self, on_lost: Any, on_demoted: Any) -> None:
        self.pending: deque[asyncio.Future[Reply]] = deque()
        self.sent_at_s: float | None = None  # when the oldest unanswered write left, or a reply last came
        self._reader = hiredis.Reader()
        self._on_lost = on_lost
        self._on_demoted = on_demoted
        self._loop = asyncio.get_running_loop()

    def silent_s(self) -> float:
        """For how long somebody has waited for a reply without one coming."""
        if not self.pending or self.sent_at_s is None:
            return 0.0
        return self._loop.time() - self.sent_at_s

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        pending = self.pending
        while (reply := reader.gets()) is not False:
            future = pending.popleft()
            if future.done():
                continue
            if isinstance(reply, hiredis.ReplyError):
                future.set_exception(reply)
                if str(reply).startswith(NO_PRIMARY):
                    self._on_demoted(self)
            else:
                future.set_result(reply)
        self.sent_at_s = self._loop.time() if pending else None

    def connection_lost(self, exc: Exception | None) -> None:
        pending, self.pending = self.pending, deque()
        self._on_lost(self)
        for future in pending:
            if not future.done():
                future.set_exception(PurseUnavailable("the connection to Redis was lost"))
