"""The books, the treasury, the poster and the sweeper against a purse that forgets, on real PostgreSQL.

Each seed is one history: calls of three gateways, crashes of gateways and of the worker, a stalled process,
restarts, flushes and stale restores of Redis, an old primary that comes back, messages that are lost, grants
that change. After half a minute of quiet every promise is checked: each completed call is charged once and
whole, nothing stays frozen, nothing was overspent, and the trial balance is sound.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import pytest

from billing.closing import close_epochs
from billing.database import Connection, Pool, connect
from billing.funds import BelowSpent, FundsChange
from billing.gateways import register_gateway
from billing.loans import push_loans
from billing.posting import Poster
from billing.reclaim import prepare_change
from billing.sweeper import Sweeper
from metering.data_set import DataSet
from metering.purse import PurseUnavailable
from tests.fakes.books_world import COMPANY, ENDS_MS, LANE, VOUCHER, WON, World
from tests.fakes.faulty_purse import FaultyPurse, WorkerKilled
from tests.fakes.simulated_gateway import SimulatedGateway

SEEDS = int(os.getenv("SIMULATION_SEEDS", "6"))
STEPS = 200
GRANT_WON = 150_000


@dataclass(slots=True)
class _History:
    world: World
    conn: Connection
    chance: random.Random
    poster: Poster
    sweeper: Sweeper
    purse: FaultyPurse
    now_s: float = 0.0
    overruns: bool = False
    dearest_won: int = 9_000
    gateways: list[SimulatedGateway] = field(default_factory=list)
    truth: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)  # began, and their gateway died
    snapshots: list[DataSet] = field(default_factory=list)
    others: list[DataSet] = field(default_factory=list)  # primaries that were replaced and live on
    started: int = 0
    stalls: int = 0

    async def new_gateway(self) -> SimulatedGateway:
        self.started += 1
        gateway = SimulatedGateway(f"g{self.started}", self.world)
        await register_gateway(self.conn, gateway.gateway_id)
        await self.purse.renew_lease(gateway.gateway_id)
        self.gateways.append(gateway)
        return gateway

    async def begin(self) -> None:
        gateway = self.chance.choice(self.gateways)
        op = f"op{len(self.truth) + len(self.lost) + self.chance.randrange(10**9)}"
        await gateway.begin(op, self.chance.randrange(1, self.dearest_won) * WON)

    async def end(self) -> None:
        busy = [gateway for gateway in self.gateways if gateway.calls]
        if not busy:
            return
        gateway = self.chance.choice(busy)
        op = self.chance.choice(list(gateway.calls))
        granted = gateway.calls[op].granted_micro
        bound = granted * (13 if self.overruns else 10) // 10
        charge = self.chance.choice([0, granted, self.chance.randrange(bound + 1)])
        self.truth[op] = charge
        await gateway.end(op, charge)

    async def checkpoint(self) -> None:
        for gateway in self.gateways:
            for op, call in gateway.calls.items():
                await gateway.checkpoint(op, self.chance.randrange(call.granted_micro + 1))

    async def crash_gateway(self) -> None:
        gateway = self.chance.choice(self.gateways)
        self.gateways.remove(gateway)
        self.lost |= set(gateway.calls)
        await self.conn.execute(
            "update gateway set ended_at = clock_timestamp() - interval '301 seconds' where id = %s",
            [gateway.gateway_id],
        )
        heir = await self.new_gateway()
        heir.unposted.update(gateway.unposted)  # its journal, adopted

    async def stall(self) -> None:
        """A process stopped for half a minute: its holds are swept, then it goes on as if nothing were."""
        stalled = self.chance.choice(self.gateways)
        for _ in range(25):
            await self.keep()
            for gateway in self.gateways:
                if gateway is not stalled:
                    await self.purse.renew_lease(gateway.gateway_id)
        self.stalls += 1

    async def regrant(self) -> None:
        """The operator changes the grant; what is spent or lent may refuse it."""
        won = self.chance.choice([GRANT_WON, GRANT_WON * 9 // 10, GRANT_WON * 11 // 10])
        government, own = won * 3 // 4, won // 4
        change = FundsChange(VOUCHER, COMPANY, "p", government * WON, own * WON, 750_000, ENDS_MS, "active")
        try:
            await prepare_change(self.purse, self.conn, change)
            await self.world.fund(government_won=government, self_won=own, share_ppm=750_000)
        except (BelowSpent, PurseUnavailable):
            return

    async def tick(self) -> None:
        for gateway in self.gateways:
            await self.purse.renew_lease(gateway.gateway_id)
            await gateway.tick(send_again=self.chance.random() < 0.3)

    async def post(self) -> None:
        self.purse.dies = self.chance.random() < 0.1
        try:
            await self.poster.post_once(batch_max=self.chance.choice([50, 2000]))
        except WorkerKilled:
            pass
        self.purse.dies = False

    async def keep(self) -> None:
        self.now_s += 1
        self.world.clock.now_ms += 1000
        await self.sweeper.sweep_once(self.conn, lanes=[LANE], now_s=self.now_s)
        await close_epochs(self.conn, lanes=[LANE])
        try:
            await push_loans(self.purse, self.conn, lanes=[LANE])
        except PurseUnavailable:
            return

    async def snapshot(self) -> None:
        self.snapshots.append(self.purse.data.snapshot())

    async def fault(self) -> None:
        kind = self.chance.choice(["restart", "flush", "restore", "fail_over", "fail_back"])
        if kind == "flush":
            self.purse.flush()
        elif kind == "restart":
            self._new_identity()
        elif kind == "fail_back":
            # An old primary still writes: its own data as it was, its own replication id, its own epoch.
            if self.others:
                former = self.others.pop(self.chance.randrange(len(self.others)))
                self.others.append(self.purse.data)
                self.purse.data = former
        elif self.snapshots:
            if kind == "fail_over":
                self.others.append(self.purse.data)
            self.purse.data = self.chance.choice(self.snapshots).snapshot()
            self._new_identity()

    def _new_identity(self) -> None:
        """What a restart or a promotion does."""
        self.purse.data.replid = f"a{self.chance.randrange(10**12)}"

    async def run(self) -> None:
        deeds = [
            *[self.begin] * 30,
            *[self.end] * 25,
            *[self.checkpoint] * 3,
            *[self.tick] * 10,
            *[self.post] * 15,
            *[self.keep] * 8,
            *[self.snapshot] * 4,
            *[self.fault] * 3,
            *[self.crash_gateway] * 2,
            *[self.stall] * 2,
            *[self.regrant] * 2,
        ]
        for _ in range(STEPS):
            await self.chance.choice(deeds)()

    async def quiet(self) -> None:
        self.purse.loss = 0.0
        while any(gateway.calls for gateway in self.gateways):
            await self.end()
        for _ in range(30):
            for gateway in self.gateways:
                await self.purse.renew_lease(gateway.gateway_id)
                await gateway.tick(send_again=True)
            while await self.poster.post_once():
                pass
            await self.keep()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_history_of_faults_ends_with_sound_books(pool: Pool, books_url: str, seed: int) -> None:
    chance = random.Random(seed)
    world = World(pool)
    purse = FaultyPurse(now_ms=world.clock)
    purse.chance, purse.loss = chance, chance.choice([0.0, 0.1])
    world.use(purse)
    await world.fund(government_won=GRANT_WON * 3 // 4, self_won=GRANT_WON // 4, share_ppm=750_000)
    async with await connect(books_url) as conn:
        poster = Poster(conn, purse)
        await poster.take_lanes()
        history = _History(
            world, conn, chance, poster, Sweeper(purse, started_s=0.0), purse, overruns=seed % 3 == 2
        )
        history.dearest_won = chance.choice([3_000, 9_000, 30_000])
        for _ in range(3):
            await history.new_gateway()
        await history.run()
        await history.quiet()
        await world.sound()
        await _check(history)


async def _check(history: _History) -> None:
    conn = history.conn
    cursor = await conn.execute("select op, charge_micro, uncollected_micro from usage_now")
    booked = {op: (charge, uncollected) for op, charge, uncollected in await cursor.fetchall()}
    assert {op: booked[op][0] for op in history.truth} == history.truth
    assert set(booked) <= set(history.truth) | history.lost
    cursor = await conn.execute("select count(*) from parked")
    assert await cursor.fetchone() == (0,)
    cursor = await conn.execute("select count(*) from lane_epoch where state = 'closing'")
    assert await cursor.fetchone() == (0,), "nothing stays frozen"
    assert all(not gateway.unposted for gateway in history.gateways)
    await _check_purse(history)
    if not (history.overruns or history.lost or history.stalls):
        assert sum(uncollected for _, uncollected in booked.values()) == 0


async def _check_purse(history: _History) -> None:
    """What the purse may still spend is what the books have left in its loan."""
    n = await history.purse.epoch_here(LANE)
    balance = await history.purse.balance(lane=LANE, n=n or 0, voucher_id=VOUCHER)
    if n is None or balance is None:
        return
    cursor = await history.conn.execute(
        "select lent_micro - posted_micro - returned_micro from loan join lane_epoch using (lane, n)"
        " where lane = %s and n = %s and state = 'open'",
        [LANE, n],
    )
    room = await cursor.fetchone()
    if room is not None:
        assert balance.held_micro == 0
        assert balance.limit_micro - balance.spent_micro == room[0]
        _, charged, _ = await history.world.funds()
        assert (balance.before_micro + balance.spent_micro, balance.frozen_micro) == (charged, 0)
