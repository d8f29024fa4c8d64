"""The holds of the dead end at their last checkpoint; the living are left alone."""

from __future__ import annotations

import pytest

from billing.closing import close_epochs
from billing.database import Connection, Pool
from billing.gateways import mark_gateway_ended, register_gateway
from billing.posting import Poster
from billing.sweeper import Sweeper
from metering.purse import Gone, PurseUnavailable, SettleOutcome
from metering.purse_memory import MemoryPurse
from tests.fakes.books_world import LANE, VOUCHER, WON, World


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=1000)
    return world


@pytest.fixture
async def poster(conn: Connection, world: World) -> Poster:
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    return poster


@pytest.fixture
def sweeper(world: World) -> Sweeper:
    return Sweeper(world.purse, started_s=0.0)


async def _running(world: World, conn: Connection, *, floor_won: int) -> tuple[int, str]:
    """A gateway in the middle of a call of which `floor_won` is checkpointed."""
    await register_gateway(conn, "g1")
    await world.purse.renew_lease("g1")
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    op = await world.reserve(n, 100 * WON)
    world.purse.data.lane(LANE).holds[n, op].floor = floor_won * WON
    return n, op


async def _ended(conn: Connection, gateway_id: str) -> None:
    await mark_gateway_ended(conn, gateway_id)
    await conn.execute("update gateway set ended_at = ended_at - interval '301 seconds'")


async def test_a_lost_lease_is_swept_after_ten_seconds_on_the_same_data_set(
    world: World, conn: Connection, poster: Poster, sweeper: Sweeper
) -> None:
    n, _ = await _running(world, conn, floor_won=30)
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=0) == 0
    world.clock.now_ms += 10_001
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=10) == 0, "first seen missing now"
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=19.9) == 0
    world.purse.data.replid = "c1"
    world.purse.data.lane(LANE).epoch.fence = "c1"
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=21) == 0, "another data set: observed anew"
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=31) == 1
    while await poster.post_once():
        pass
    assert (await world.funds())[1] == 30 * WON
    cursor = await conn.execute("select count(*) from gone_gateway")
    assert await cursor.fetchone() == (0,), "it may wake up"
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert (balance.spent_micro, balance.held_micro) == (30 * WON, 0)
    await world.sound()


async def test_a_lease_renewed_in_between_is_a_living_gateway(
    world: World, conn: Connection, sweeper: Sweeper
) -> None:
    await _running(world, conn, floor_won=30)
    world.clock.now_ms += 10_001
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=10)
    await world.purse.renew_lease("g1")
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=15)
    world.clock.now_ms += 10_001
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=21) == 0


async def test_a_gateway_whose_end_was_seen_is_swept_at_once_and_buried(
    world: World, conn: Connection, poster: Poster, sweeper: Sweeper
) -> None:
    _, op = await _running(world, conn, floor_won=0)
    await _ended(conn, "g1")
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=0) == 1
    while await poster.post_once():
        pass
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=1)
    cursor = await conn.execute("select buried_at is not null from gateway")
    assert await cursor.fetchone() == (True,)
    cursor = await conn.execute("select status, end_reason, estimated from usage where op = %s", [op])
    assert await cursor.fetchone() == ("released", "gateway_lost", True)
    await world.sound()


async def test_a_hold_that_a_buried_gateway_s_late_word_made_is_swept(
    world: World, conn: Connection, poster: Poster, sweeper: Sweeper
) -> None:
    n, _ = await _running(world, conn, floor_won=0)
    await _ended(conn, "g1")
    for now_s in (0, 1):
        await sweeper.sweep_once(conn, lanes=[LANE], now_s=now_s)
        while await poster.post_once():
            pass
    op = await world.reserve(n, 100 * WON)  # it was on the way all the time
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=2) == 1
    while await poster.post_once():
        pass
    cursor = await conn.execute("select status, charge_micro from usage where op = %s", [op])
    assert await cursor.fetchone() == ("released", 0)
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert (balance.held_micro, await _said_gone(world)) == (0, [])
    await world.sound()
    await conn.execute("update gateway set buried_at = buried_at - interval '61 seconds'")
    await world.reserve(n, 100 * WON)
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=3) == 0, "not for ever"


async def test_a_gateway_is_not_gone_before_somebody_has_its_journal(
    world: World, conn: Connection, poster: Poster, sweeper: Sweeper
) -> None:
    """Its epochs would give their money back, and what only its journal knows could not be collected."""
    await _running(world, conn, floor_won=30)
    await mark_gateway_ended(conn, "g1")
    await conn.execute("update gateway set ended_at = ended_at - interval '5 seconds'")
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=0) == 1, "its holds end at once"
    assert await _said_gone(world) == []
    await register_gateway(conn, "heir")
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=1)
    assert await _said_gone(world) == ["gone:g1"]


async def _said_gone(world: World) -> list[str]:
    entries = await world.purse.read_log(lane=LANE, count=99)
    return [entry.op for entry in entries if entry.kind == "gone"]


class _BreaksOnce(MemoryPurse):
    """The connection is lost amid a sweep."""

    broken = False

    async def sweep(self, *, lane: int, n: int, op: str, gateway_id: str) -> SettleOutcome | Gone:
        if not self.broken:
            self.broken = True
            raise PurseUnavailable
        return await super().sweep(lane=lane, n=n, op=op, gateway_id=gateway_id)


async def test_a_gateway_is_not_called_gone_where_a_hold_of_it_may_be_left(
    world: World, conn: Connection
) -> None:
    purse = _BreaksOnce(now_ms=world.clock)
    world.use(purse)
    sweeper = Sweeper(purse, started_s=0.0)
    await _running(world, conn, floor_won=40)
    await _ended(conn, "g1")
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=1) == 0
    assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=2) == 1
    kinds = [entry.kind for entry in await purse.read_log(lane=LANE, count=99)]
    assert kinds == ["opened", "swept", "gone"], "said before, it would be buried with its hold"


async def test_redis_restarts_while_a_gateway_dies(
    world: World, conn: Connection, poster: Poster, sweeper: Sweeper
) -> None:
    """The dead one's hold is found in the old epoch's keys, then the rest of the epoch comes back."""
    n, _ = await _running(world, conn, floor_won=30)
    await conn.execute("update gateway set registered_at = registered_at - interval '1 hour'")
    world.purse.restart()
    assert await world.treasury.renew_epoch(LANE, n) == 2
    await _ended(conn, "g1")
    for step in range(3):
        await sweeper.sweep_once(conn, lanes=[LANE], now_s=step)
        while await poster.post_once():
            pass
        await close_epochs(conn, lanes=[LANE])
    assert await world.funds() == (970 * WON, 30 * WON, 1000 * WON)
    await world.sound()


async def test_a_silent_gateway_is_gone_only_if_its_lease_is_gone_too(
    world: World, conn: Connection, sweeper: Sweeper
) -> None:
    await _running(world, conn, floor_won=30)
    await conn.execute("update gateway set seen_at = seen_at - interval '16 minutes'")

    def gone_noted() -> bool:
        return any(entry.kind == "gone" for entry in world.purse.data.lane(LANE).log)

    await sweeper.sweep_once(conn, lanes=[LANE], now_s=100)
    assert not gone_noted(), "its lease says that it lives"
    world.clock.now_ms += 10_001
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=101)
    await sweeper.sweep_once(conn, lanes=[LANE], now_s=111)
    assert gone_noted()
