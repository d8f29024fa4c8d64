"""Two workers at the same thing, and one that dies in the middle of it: done once, and done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from billing.database import Connection, Pool, connect
from billing.gateways import mark_gateway_ended, register_gateway
from billing.posting import Poster
from billing.revival import revive_lanes
from billing.sweeper import Sweeper
from metering.purse import PurseUnavailable
from metering.purse_memory import MemoryPurse
from tests.fakes.books_world import LANE, VOUCHER, WON, World


@pytest.fixture
async def conns(books_url: str) -> AsyncIterator[tuple[Connection, Connection]]:
    async with await connect(books_url) as one, await connect(books_url) as other:
        yield one, other


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=1000)
    return world


async def test_both_sweep_the_same_hold(world: World, conns: tuple[Connection, Connection]) -> None:
    await register_gateway(conns[0], "g1")
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    op = await world.reserve(n, 100 * WON)
    world.purse.data.lane(LANE).holds[n, op].floor = 30 * WON
    await mark_gateway_ended(conns[0], "g1")
    await conns[0].execute("update gateway set ended_at = ended_at - interval '5 seconds'")
    sweepers = [Sweeper(world.purse, started_s=0.0) for _ in conns]
    swept = await asyncio.gather(
        *(
            sweeper.sweep_once(conn, lanes=[LANE], now_s=1)
            for sweeper, conn in zip(sweepers, conns, strict=True)
        )
    )
    assert sum(swept) == 1
    posters = [Poster(conn, world.purse, lanes=[LANE]) for conn in conns]
    for poster in posters:
        await poster.take_lanes()
    assert [poster.lanes for poster in posters] == [{LANE}, set()], "a lane is posted by one at a time"
    while sum([await poster.post_once() for poster in posters]):
        pass
    assert (await world.funds())[1] == 30 * WON
    cursor = await conns[0].execute("select count(*) from usage where op = %s", [op])
    assert await cursor.fetchone() == (1,)
    await world.sound()


async def test_both_find_the_epoch_lost(world: World, pool: Pool) -> None:
    first = await world.treasury.current_epoch(LANE)
    world.purse.restart()
    await asyncio.gather(*(revive_lanes(pool, world.purse) for _ in range(2)))
    assert await world.purse.epoch_here(LANE) == first + 1
    assert await revive_lanes(pool, world.purse) == 0


class DeafToOpen(MemoryPurse):
    """The word `open` never arrives: the worker, or the line, died right before it."""

    async def open(self, *, lane: int, n: int, ticket: str) -> bool:
        raise PurseUnavailable("gone")


async def test_one_dies_between_the_books_and_the_purse(world: World, pool: Pool) -> None:
    """The epoch exists in the books and not yet in the purse: the next one opens that very epoch."""
    first = await world.treasury.current_epoch(LANE)
    world.purse.restart()
    dying = DeafToOpen(now_ms=world.clock, data=world.purse.data)
    with pytest.raises(PurseUnavailable):
        await revive_lanes(pool, dying)
    assert await world.purse.epoch_here(LANE) is None
    assert await revive_lanes(pool, world.purse) == 1
    assert await world.purse.epoch_here(LANE) == first + 1
    async with pool.connection() as conn:
        cursor = await conn.execute("select n, state from lane_epoch where lane = %s order by n", [LANE])
        assert await cursor.fetchall() == [(first, "closing"), (first + 1, "open")]
