"""A house that is stopped in peace leaves no epoch open, so that nothing is shown as held when it is back."""

from __future__ import annotations

import pytest

from billing.closing import close_epochs, end_unused_epochs
from billing.database import Connection, Pool
from billing.gateways import leave_epochs, mark_gateway_ended, register_gateway
from billing.posting import Poster
from tests.fakes.books_world import LANE, VOUCHER, WON, World


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=1000)
    return world


async def _used(world: World, conn: Connection) -> int:
    """An epoch in which g1 made a call that is posted."""
    await register_gateway(conn, "g1")
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    await world.call(n, 30 * WON)
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    while await poster.post_once():
        pass
    return n


async def _leave(world: World, conn: Connection, gateway_id: str) -> bool:
    async def has_holds(lane: int, n: int) -> bool:
        return bool(await world.purse.open_ops(lane=lane, n=n, gateway_id=gateway_id))

    return await leave_epochs(conn, gateway_id, has_holds=has_holds)


async def test_who_leaves_in_peace_leaves_nothing_held(world: World, conn: Connection) -> None:
    n = await _used(world, conn)
    assert await _leave(world, conn, "g1")
    assert await end_unused_epochs(conn, lanes=[LANE]) == 1
    assert await close_epochs(conn, lanes=[LANE]) == 1
    assert await world.funds() == (970 * WON, 30 * WON, 1000 * WON)
    assert await end_unused_epochs(conn, lanes=[LANE]) == 0

    # Redis was not stopped, and still lives in the old epoch: whoever comes next gets one of its own.
    await register_gateway(conn, "g2")
    later = await world.treasury.current_epoch(LANE)
    assert later > n
    await world.treasury.lend(lane=LANE, n=later, voucher_id=VOUCHER, need_micro=1)
    await world.call(later, 970 * WON)
    await world.sound()


@pytest.mark.parametrize("other", ["lives", "came after", "was killed", "holds"])
async def test_what_somebody_may_still_use_stays_open(world: World, conn: Connection, other: str) -> None:
    if other in ("lives", "was killed"):
        await register_gateway(conn, "g0")
    n = await _used(world, conn)
    if other == "was killed":
        await mark_gateway_ended(conn, "g0")
    if other == "holds":
        await world.reserve(n, WON)
    assert await _leave(world, conn, "g1") is (other != "holds")
    if other == "came after":
        await register_gateway(conn, "g2")
    assert await end_unused_epochs(conn, lanes=[LANE]) == 0
    assert await world.treasury.current_epoch(LANE) == n
