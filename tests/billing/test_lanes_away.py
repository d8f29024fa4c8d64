"""Whoever goes through all lanes gives up a lane that is away, not the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.database import Pool
from billing.gateways import mark_gateway_ended, register_gateway
from billing.revival import revive_lanes
from billing.sweeper import LEASE_LOST_S, Sweeper
from metering.journal import Journal
from metering.purse import PurseUnavailable
from metering.unposted import VERIFY_AFTER_S, Unposted
from tests.fakes.books_world import LANE, VOUCHER, WON, World
from tests.fakes.meter_world import event
from tests.fakes.nodes_away import NodesAway

AWAY = LANE - 1  # asked before the one that answers
assert AWAY >= 0


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    world.use(NodesAway(now_ms=world.clock))
    await world.fund(government_won=1000)
    return world


def away_from(world: World, *lanes: int, leases: bool = False) -> None:
    assert isinstance(world.purse, NodesAway)
    world.purse.away, world.purse.leases_away = frozenset(lanes), leases


async def _dead_gateway(world: World) -> tuple[int, str]:
    """g1 died in a call; both lanes have an epoch."""
    await world.treasury.current_epoch(AWAY)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    op = await world.reserve(n, WON)
    async with world.pool.connection() as conn:
        await register_gateway(conn, "g1")
        await mark_gateway_ended(conn, "g1")
        await conn.execute("update gateway set ended_at = ended_at - interval '301 seconds'")
    return n, op


async def test_holds_of_the_dead_end_in_the_lanes_that_answer(world: World) -> None:
    n, op = await _dead_gateway(world)
    sweeper = Sweeper(world.purse, started_s=0.0)
    away_from(world, AWAY)
    async with world.pool.connection() as conn:
        assert await sweeper.sweep_once(conn, lanes=[AWAY, LANE], now_s=1.0) == 1
        assert await world.purse.open_ops(lane=LANE, n=n, gateway_id="g1") == []
        kinds = [entry.kind for entry in await world.purse.read_log(lane=LANE, count=9)]
        assert kinds == ["opened", "swept", "gone"]
        away_from(world)
        await sweeper.sweep_once(conn, lanes=[AWAY, LANE], now_s=2.0)
    kinds = [entry.kind for entry in await world.purse.read_log(lane=AWAY, count=9)]
    assert kinds == ["opened", "gone"], "said when it is back"
    assert op


async def test_nobody_is_dead_whose_lease_cannot_be_asked_for(world: World) -> None:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    op = await world.reserve(n, WON)
    sweeper = Sweeper(world.purse, started_s=0.0)
    async with world.pool.connection() as conn:
        await register_gateway(conn, "g1")
        away_from(world, leases=True)
        for now_s in (1.0, 2 * LEASE_LOST_S, 4 * LEASE_LOST_S):
            assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=now_s) == 0
        away_from(world)
        assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=5 * LEASE_LOST_S) == 0
        assert await world.purse.open_ops(lane=LANE, n=n, gateway_id="g1") == [op]
        assert await sweeper.sweep_once(conn, lanes=[LANE], now_s=6 * LEASE_LOST_S) == 1


async def test_a_forgotten_epoch_is_replaced_beside_a_lane_that_is_away(world: World) -> None:
    first = [await world.treasury.current_epoch(lane) for lane in (AWAY, LANE)]
    world.purse.flush()
    away_from(world, AWAY)
    assert await revive_lanes(world.pool, world.purse) == 1
    assert await world.purse.epoch_here(LANE) == first[1] + 1
    away_from(world, AWAY, LANE)
    with pytest.raises(PurseUnavailable):
        await revive_lanes(world.pool, world.purse)
    away_from(world)
    assert await revive_lanes(world.pool, world.purse) == 1


async def test_acknowledgements_arrive_beside_a_lane_that_is_away(tmp_path: Path) -> None:
    purse = NodesAway(now_ms=lambda: 0)
    journal = Journal(tmp_path, "g1")
    unposted = Unposted(purse=purse, journal=journal)
    for op, lane in (("a", AWAY), ("b", LANE)):
        unposted.add(event(op, lane=lane), hold=None, tokens=1, now_s=0.0)
        await purse.push_acks(lane=lane, acks={"g1": [op]})
    purse.away = frozenset({AWAY})
    with pytest.raises(PurseUnavailable):
        await unposted.fetch_acks()
    assert len(unposted) == 1
    for waiting in unposted._waiting.values():
        waiting.entry_id = "1-1"  # in the stream, as far as we know
    await unposted.send_again(2 * VERIFY_AFTER_S)
    assert [waiting.entry_id for waiting in unposted._waiting.values()] == ["1-1"]
    purse.away = frozenset()
    await unposted.fetch_acks()
    assert len(unposted) == 0
    journal.close()
