"""PostgreSQL under virtual time: the real server, the real statements, waited for while the clock stands.

The driver's one waiting place is replaced: it blocks instead of yielding, so a SQL transaction is one step of
the simulation and the order of all steps is the seed's. Before a statement or a transaction, and after a
commit, time passes and faults happen. SQL sees the simulation's clock, because `clock_timestamp` is found in
a schema before PostgreSQL's own. Locks that are held over several steps are asked for again and again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import psycopg
from psycopg import waiting
from psycopg._preparing import Prepare, PrepareManager
from psycopg_pool import PoolTimeout

from billing.database import LOCK_TIMEOUT_MS, POOL_WAIT_S, Connection, Pool
from tests.simulation.chance import Chance
from tests.simulation.loop import Process, SimulatedLoop, current_process

PREPARED_MAX: Final = 500  # a session serves every role in turn, and all their statements
_LOCK_STEP_S: Final = 0.02
_AWAY: Final = "the server closed the connection"


class _BlockingConnection(psycopg.AsyncConnection[Any]):
    """Never yields to the loop, so that the loop needs no sockets."""

    locks = False  # it may hold some

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return waiting.wait(gen, self.pgconn.socket, interval=interval)


class _Prepared(PrepareManager):
    """What was prepared stays after a rollback too, since no run makes or drops a table.

    All but what was prepared in a pipeline, whose failures are told too late.
    """

    def __init__(self, real: _BlockingConnection) -> None:
        super().__init__()
        self._real = real
        self._unsure: set[Any] = set()

    def maybe_add_to_cache(self, query: Any, prep: Prepare, name: bytes) -> Any:
        if prep is Prepare.SHOULD and self._real._pipeline is not None:
            self._unsure.add(self.key(query))
        return super().maybe_add_to_cache(query, prep, name)

    def clear(self) -> bool:
        for key in self._unsure:
            self._names.pop(key, None)
        self._unsure.clear()
        return False


class Server:
    """The PostgreSQL of one campaign process: its sessions are used by one run after the other."""

    def __init__(self, url: str, clock: Path) -> None:
        self._url = url
        self._clock = os.open(clock, os.O_WRONLY)
        self._said_s = 0.0
        self._free: list[_BlockingConnection] = []
        self._all: list[_BlockingConnection] = []
        self._emptier: _BlockingConnection | None = None  # its role would cost others what they prepared
        self._tables: list[str] = []
        self._runs = 0

    def take(self) -> _BlockingConnection:
        return self._free.pop() if self._free else self._open()

    def give_back(self, real: _BlockingConnection) -> None:
        """As a new session would find it."""
        if real.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            _at_once(real.rollback())
        if real.locks:
            _at_once(real.execute("select pg_advisory_unlock_all()"))
            real.locks = False
        self._free.append(real)

    def tell_time(self, now_s: float) -> None:
        if now_s != self._said_s:
            self._said_s = now_s
            os.pwrite(self._clock, b"%017.6f" % now_s, 0)

    def empty(self) -> None:
        if self._emptier is None:
            real = self._emptier = self._open()
            _at_once(real.execute("set session_replication_role = replica"))
            cursor = _at_once(
                real.execute(
                    "select quote_ident(tablename) from pg_tables where schemaname = 'public'"
                    " and tablename not in ('house', 'alembic_version') order by 1"
                )
            )
            self._tables = [row[0] for row in _at_once(cursor.fetchall())]
        real = self._emptier
        self._runs += 1
        if self._runs % 100 == 0:
            _at_once(real.execute(f"truncate {', '.join(self._tables)} restart identity"))
        else:
            _at_once(real.execute(";".join(f"delete from {table}" for table in self._tables)))

    def close(self) -> None:
        os.close(self._clock)
        for real in self._all:
            real.pgconn.finish()

    def _open(self) -> _BlockingConnection:
        """In a thread with a loop of its own: only connecting needs one."""
        opened: list[_BlockingConnection] = []

        def work() -> None:
            opened.append(asyncio.run(_BlockingConnection.connect(self._url, autocommit=True)))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        real = opened[0]
        real._prepared = _Prepared(real)
        real.prepare_threshold = 1
        real.prepared_max = PREPARED_MAX
        self._all.append(real)
        return real


def _at_once(coroutine: Any) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a blocking connection never yields")


class Books:
    """PostgreSQL as the processes of one run see it."""

    def __init__(
        self, server: Server, chance: Chance, loop: SimulatedLoop, now_s: Callable[[], float]
    ) -> None:
        self.server = server
        self.up = True
        self.now_s = now_s  # the server's wall clock, seconds since 1970
        self.chance = chance
        self.loop = loop
        self.lines: list[BooksLine] = []
        self.locked: dict[tuple[Any, ...], BooksLine] = {}  # locks of sessions that are waited for

    async def connect(self, _: str = "") -> Connection:
        await asyncio.sleep(self.chance.hop_s())
        if not self.up:
            raise psycopg.OperationalError("connection refused")
        return cast(Connection, BooksLine(self, current_process()))

    def stop(self) -> None:
        """It is not reachable, and what was connected is not any more."""
        self.up = False
        for line in list(self.lines):
            line.break_off()


class BooksPool:
    """What a psycopg_pool is to the stores: a connection for a while."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        patience_s = POOL_WAIT_S
        while not self._books.up:
            if patience_s <= 0:
                raise PoolTimeout("couldn't get a connection")
            await asyncio.sleep(0.25)
            patience_s -= 0.25
        line = BooksLine(self._books, current_process())
        try:
            yield cast(Connection, line)
        finally:
            await line.close()


def pool_of(books: Books) -> Pool:
    return cast(Pool, BooksPool(books))


class BooksLine:
    """A connection: the driver's own, with time and faults around its statements."""

    def __init__(self, books: Books, process: Process) -> None:
        self._books = books
        self._process = process
        self._real: _BlockingConnection | None = books.server.take()
        self._in_transaction = False
        books.lines.append(self)
        process.on_death.append(self.break_off)

    async def __aenter__(self) -> BooksLine:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def info(self) -> Any:
        return self._session().info

    def pipeline(self) -> AbstractAsyncContextManager[Any]:
        return self._session().pipeline()

    def cursor(self) -> Any:
        return self._session().cursor()

    async def close(self) -> None:
        self.break_off()

    def break_off(self) -> None:
        real, self._real = self._real, None
        if real is not None:
            self._books.lines.remove(self)
            self._process.on_death.remove(self.break_off)
            for lock in [lock for lock, line in self._books.locked.items() if line is self]:
                del self._books.locked[lock]
            self._books.server.give_back(real)

    async def execute(self, query: Any, params: Any = None) -> Any:
        if self._in_transaction:
            return await self._run(query, params)
        point = _who_asks()
        fault = await self._before(point)
        if isinstance(query, str) and "pg_advisory_lock(" in query:
            answer = await self._lock(query, params)
        else:
            answer = await self._run(query, params)
        await self._after(point, fault)
        return answer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        point = _who_asks()
        fault = await self._before(point)
        self._in_transaction = True
        try:
            async with self._session().transaction():
                yield
        finally:
            self._in_transaction = False
        await self._after(point, fault)

    # -- inside

    def _session(self) -> _BlockingConnection:
        if self._real is None:
            raise psycopg.OperationalError(_AWAY)
        return self._real

    async def _before(self, point: str) -> str | None:
        chance = self._books.chance
        self._session()
        await asyncio.sleep(chance.hop_s())
        chance.passed(point)
        fault = chance.books_fault(point)
        if fault == "slow":
            await asyncio.sleep(chance.slow_s())
        if fault == "lost":
            self.break_off()
        self._session()
        return fault

    async def _after(self, point: str, fault: str | None) -> None:
        """What was committed stays committed, whoever hears of it."""
        self._books.chance.say(f"{self._process.name} {point}")
        await asyncio.sleep(self._books.chance.hop_s())
        if fault == "reply lost":
            self.break_off()
        self._session()

    async def _run(self, query: Any, params: Any) -> Any:
        real = self._session()
        self._books.server.tell_time(self._books.now_s())
        if "advisory" in query and "xact" not in query:
            real.locks = "unlock" not in query
            if not real.locks:
                self._books.locked.pop(tuple(params), None)
        return await real.execute(query, params)

    async def _lock(self, query: str, params: Any) -> Any:
        """A lock of the session is waited for in the simulation's time; whose it is costs no round trip."""
        attempt = query.replace("pg_advisory_lock(", "pg_try_advisory_lock(")
        for _ in range(int(LOCK_TIMEOUT_MS / 1000 / _LOCK_STEP_S)):
            if tuple(params) not in self._books.locked:
                cursor = await self._run(attempt, params)
                row = await cursor.fetchone()
                if row[0]:
                    self._books.locked[tuple(params)] = self
                    return cursor
            await asyncio.sleep(_LOCK_STEP_S)
            self._session()
        raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")


def _who_asks() -> str:
    """The store's function on whose behalf a statement is sent, as `module.function`."""
    frame = sys._getframe(2)
    while True:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(("tests.simulation.books", "contextlib")):
            return f"{name.rpartition('.')[2]}.{frame.f_code.co_name}"
        assert frame.f_back is not None, "somebody asked"
        frame = frame.f_back
