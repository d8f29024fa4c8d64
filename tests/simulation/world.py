"""The world of one run: servers, processes, companies and what they may spend, all from one seed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from billing.database import Pool
from billing.funds import set_capacity
from billing.gateways import mark_gateway_ended
from billing.ledger.store import trial_balance
from metering.directory import KeyLimits, Voucher
from metering.keys import lane_of
from metering.purse_redis import RedisPurse
from metering.redis_line import RedisLine
from providers.catalogue import Product
from tests.simulation import redis_server
from tests.simulation.books import Books, Server, pool_of
from tests.simulation.chance import Chance
from tests.simulation.data_set import DataSet
from tests.simulation.disk import Disk
from tests.simulation.evidence import evidence
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.model import Broken, Line, Model
from tests.simulation.redis_server import RedisServer
from tests.simulation.traces import Trace

WON: Final = 1_000_000
BEGIN_MS: Final = 1_790_000_000_000
FAR_MS: Final = 4_000_000_000_000
COMPANIES: Final = ("gaonde", "haneul")
SCRIPTS_PATH: Final = "/redis"


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    vouchers: tuple[Voucher, ...]
    keys: tuple[tuple[str, KeyLimits], ...]

    @property
    def lane(self) -> int:
        return lane_of(self.name)


class LanedPurse(RedisPurse):
    """Asks only for the lanes in use: the others are empty in a run, and 64 answers are slow to make."""

    lanes: tuple[int, ...] = ()

    async def log_lengths(self) -> list[int]:
        lengths = [0] * 64
        asked = await self.line.commands(*(("XLEN", f"{{{lane}}}:log") for lane in self.lanes))
        for lane, length in zip(self.lanes, asked, strict=True):
            lengths[lane] = length
        return lengths


@dataclass
class World:
    loop: SimulatedLoop
    chance: Chance
    trace: Trace
    directory: Path
    sources: dict[str, bytes]
    books: Books = field(init=False)
    model: Model = field(default_factory=Model)
    primary: RedisServer = field(init=False)
    others: list[RedisServer] = field(default_factory=list)  # replaced, and perhaps still written to
    routes: dict[str, RedisServer] = field(default_factory=dict)  # process name -> where it connects to
    companies: list[Company] = field(default_factory=list)
    product: Product = field(init=False)
    hiding: Product = field(init=False)  # the same, but not all it bills is seen in a stream
    disk: Disk = field(default_factory=Disk)
    broken: list[Broken] = field(default_factory=list)
    redis_skew_ms: int = 0
    books_skew_s: float = 0.0
    names: int = 0

    def start(self, postgres: Server) -> None:
        self.books = Books(postgres, self.chance, self.loop, self.books_now_s)
        self.primary = self.new_server(DataSet(self.new_replid(), self.redis_now_ms))
        self.loop.connect_to = self._connect
        if self.directory.exists():
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True)

    # -- clocks and names

    def now_ms(self) -> int:
        return BEGIN_MS + int(self.loop.time() * 1000)

    def redis_now_ms(self) -> int:
        return self.now_ms() + self.redis_skew_ms

    def books_now_s(self) -> float:
        return self.now_ms() / 1000 + self.books_skew_s

    def new_name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def new_replid(self) -> str:
        self.names += 1
        return f"{self.names:08x}"

    # -- servers

    def new_server(self, data: DataSet) -> RedisServer:
        server = RedisServer(self.new_name("redis"), data, self.loop, self._seen)
        server.name_scripts(self.sources)
        return server

    async def _connect(self, _: str, protocol: Any) -> Any:
        from tests.simulation.loop import current_process

        name = current_process().name
        server = self.routes.get(name, self.primary)
        connection = await redis_server.connect(server, protocol, self.chance)
        if server is not self.routes.get(name, self.primary):
            connection.cut()  # what cuts off a server that was replaced cuts off who was on the way to it
        return connection

    async def purse(self) -> LanedPurse:
        """For the process that runs. Raises PurseUnavailable."""
        line = RedisLine(f"unix://{SCRIPTS_PATH}", scripts=self.sources)
        await line.start()
        purse = LanedPurse(line)
        purse.lanes = tuple(sorted({company.lane for company in self.companies}))
        return purse

    def pool(self) -> Pool:
        return pool_of(self.books)

    # -- laws that hold at every instant

    def broke(self, broken: Broken) -> None:
        self.chance.say(f"BROKEN {broken}")
        if not self.broken:
            for words in evidence(self):
                self.chance.say(words)
        self.broken.append(broken)

    def _seen(self, server: RedisServer, name: str, parts: list[bytes], reply: Any) -> None:
        """A script was executed: every voucher it was told of is within its limit."""
        word = reply[0] if isinstance(reply, list) and reply else reply
        self.chance.say(f"{server.name} {name} {_ids(name, parts)} {word!r}")
        if name == "sweep" and word == b"OK":
            op = parts[1].rpartition(b":h:")[2].decode()
            for call in self.model.of_op(op):
                if not call.lost:
                    call.swept = True
                    self.model.note(call)
        if name == "extend" and word == b"OK" and server is self.primary:
            op = parts[1].rpartition(b":h:")[2].decode()
            for call in self.model.of_op(op):
                if call.due_micro is not None:
                    continue
                call.told_micro = max(call.told_micro, int(parts[7]))
        if name == "lend" and word == b"OK" and server is self.primary:
            self._check_loan(parts[1], server.data.values[parts[1]])
        for key in parts:
            if b":v:" in key and (found := server.data.values.get(key)) is not None:
                limit, spent, held = (int(found[word]) for word in (b"limit", b"spent", b"held"))
                if spent + held > limit or held < 0:
                    self.broke(Broken("purse", f"{key!r} limit {limit} spent {spent} held {held} by {name}"))

    def _check_loan(self, key: bytes, voucher: dict[bytes, bytes]) -> None:
        """Told something of a loan, the purse may not allow more than the books have lent it."""
        lane, n, _, voucher_id = key.decode().split(":")
        allowed = self.rows(
            "select lent_micro - returned_micro - least(0, beyond_micro)"
            " from loan join lane_epoch using (lane, n)"
            " where (lane, n, voucher_id, state) = (%s, %s, %s, 'open')",
            int(lane[1:-1]),
            int(n),
            voucher_id,
        )
        limit = int(voucher[b"limit"])
        if allowed and limit > allowed[0][0]:
            self.broke(Broken("loan", f"{key!r} may spend {limit}, {allowed[0][0]} is lent to it"))

    async def watch(self, doing: Callable[[], Awaitable[Any]]) -> Any:
        """Run what may break a law; the run ends with the first."""
        try:
            return await doing()
        except Broken as broken:
            self.broke(broken)

    # -- the books, beside time and faults

    def at_once(self, ask: Callable[[Any], Any]) -> Any:
        """Ask the books without a process, a fault or a moment passing."""
        from tests.simulation.books import _at_once

        real = self.books.server.take()
        try:
            self.books.server.tell_time(self.books_now_s())
            return _at_once(ask(real))
        finally:
            self.books.server.give_back(real)

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        async def ask(conn: Any) -> Any:
            return await (await conn.execute(query, params)).fetchall()

        found: list[tuple[Any, ...]] = self.at_once(ask)
        return found

    def fund(self, voucher: Voucher, *, won: int) -> None:
        """The first grant; capacity is what the books make of it."""
        government = won * voucher.share_ppm // 1_000_000 * WON
        own = won * WON - government

        async def ask(conn: Any) -> None:
            async with conn.transaction():
                await set_capacity(
                    conn,
                    voucher_id=voucher.voucher_id,
                    company_id=voucher.company_id,
                    programme_id=voucher.programme_id,
                    government_micro=government,
                    self_micro=own,
                    share_ppm=voucher.share_ppm,
                    ends_ms=voucher.ends_ms,
                    state="active",
                )

        self.at_once(ask)
        self.model.lines[voucher.voucher_id] = Line(voucher.share_ppm, self.capacity(voucher.voucher_id))

    def capacity(self, voucher_id: str) -> int:
        [(micro,)] = self.rows("select capacity_micro from funds where voucher_id = %s", voucher_id)
        return int(micro)

    def mark_ended(self, gateway_id: str) -> None:
        self.at_once(lambda conn: mark_gateway_ended(conn, gateway_id))

    def trial_balance(self) -> tuple[str, ...]:
        balance = self.at_once(trial_balance)
        faults: tuple[str, ...] = balance.faults
        return faults


def _ids(name: str, parts: list[bytes]) -> str:
    """The op or voucher a script was about, for the trace; never a random one."""
    if name == "vacate":
        return parts[0].decode()
    return ",".join(part.decode() for part in parts[:2] if b":" in part)


def process(world: World, prefix: str) -> Process:
    return Process(world.new_name(prefix))


async def pause(world: World, low_s: float, high_s: float) -> None:
    await asyncio.sleep(world.chance.uniform(low_s, high_s))
