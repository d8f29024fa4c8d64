"""One event that cannot be booked stops neither its lane nor what came in the same notice."""

from __future__ import annotations

import pytest

from billing.database import Connection, Pool
from billing.posting import Poster
from metering.event import LeftNotice, UsageEvent
from tests.fakes.books_world import LANE, VOUCHER, WON, World
from tests.fakes.values import replace


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=300_000)
    return world


@pytest.fixture
async def poster(conn: Connection, world: World) -> Poster:
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    return poster


async def test_a_checkpoint_of_a_call_that_was_swept_in_another_epoch_is_booked_where_it_is_higher(
    world: World, poster: Poster, conn: Connection
) -> None:
    """The loan of the first epoch was not looked up, and the lane stood still for ever."""
    _, n, op = await _swept_in_a_former_epoch(world, poster)
    checkpoint = replace(world.event(op, n, 60 * WON), is_floor=True)
    await _leaves(world, n, checkpoint)
    await _post_all(poster)
    assert await _charges_won(conn) == {op: 60}
    assert await _parked(conn) == {}
    await world.sound()


async def test_a_fault_of_the_rules_parks_one_call_and_no_lane(
    world: World, poster: Poster, conn: Connection
) -> None:
    n, spoilt = await _spoilt(world, poster, conn)
    before = await world.call(n, WON)
    await world.settle(spoilt, n, 10 * WON)
    after = await world.call(n, WON)
    await _post_all(poster)
    assert await _charges_won(conn) == {spoilt: 40, before: 1, after: 1}
    assert list(await _parked(conn)) == [spoilt]
    assert world.purse.data.lane(LANE).log == []
    acks = await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=9)
    assert {before, spoilt, after} <= set(acks)


async def test_of_a_notice_too(world: World, poster: Poster, conn: Connection) -> None:
    n, spoilt = await _spoilt(world, poster, conn)
    sound = await world.reserve(n, WON)
    await _leaves(world, n, world.event(spoilt, n, 10 * WON), world.event(sound, n, WON))
    await _post_all(poster)
    assert await _charges_won(conn) == {spoilt: 40, sound: 1}
    assert list(await _parked(conn)) == [spoilt]
    cursor = await conn.execute("select gateway_id from left_epoch where (lane, n) = (%s, %s)", [LANE, n])
    assert await cursor.fetchall() == [("g1",)]
    acks = await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=9)
    assert {spoilt, sound, "left:g1"} <= set(acks)


async def test_what_cannot_be_read_beside_it_is_parked_for_itself_too(
    world: World, poster: Poster, conn: Connection
) -> None:
    """The whole notice was set aside in its place, and no alarm told of it."""
    n, spoilt = await _spoilt(world, poster, conn)
    whole = world.event("stranger", n, WON)
    stranger = replace(whole, meta=replace(whole.meta, company="other"))
    await _leaves(world, n, stranger, world.event(spoilt, n, 10 * WON))
    await _post_all(poster)
    assert (sorted(await _parked(conn)), poster.parked) == (sorted([spoilt, "stranger"]), 2)
    acks = await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=9)
    assert {spoilt, "stranger", "left:g1"} <= set(acks)


async def _spoilt(world: World, poster: Poster, conn: Connection) -> tuple[int, str]:
    """A call whose loan has gone from the books: nothing of ours does that, and the rules rely on it."""
    first, n, op = await _swept_in_a_former_epoch(world, poster)
    await conn.execute("delete from loan where (lane, n) = (%s, %s)", [LANE, first])
    return n, op


async def _swept_in_a_former_epoch(world: World, poster: Poster) -> tuple[int, int, str]:
    """At 40 won. -> that epoch, the one that lives, the call."""
    first = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=first, voucher_id=VOUCHER, need_micro=1)
    op = await world.reserve(first, 50 * WON)
    world.purse.data.lane(LANE).holds[first, op].floor = 40 * WON
    await world.purse.sweep(lane=LANE, n=first, op=op, gateway_id="g1")
    await _post_all(poster)
    world.purse.restart()
    n = await world.treasury.renew_epoch(LANE, first)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    return first, n, op


async def _leaves(world: World, n: int, *events: UsageEvent) -> None:
    notice = LeftNotice("g1", LANE, n, events, ())
    await world.purse.note(lane=LANE, kind="left", op="left:g1", n=n, event=notice.to_bytes())


async def _post_all(poster: Poster) -> None:
    while await poster.post_once():
        pass


async def _charges_won(conn: Connection) -> dict[str, int]:
    cursor = await conn.execute("select op, charge_micro from usage_now order by op")
    return {op: charge // WON for op, charge in await cursor.fetchall()}


async def _parked(conn: Connection) -> dict[str, str]:
    cursor = await conn.execute("select op, reason from parked")
    return dict(await cursor.fetchall())
