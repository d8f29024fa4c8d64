"""A call made again under its key, while the books still have what its lost gateway had given of it."""

from __future__ import annotations

from functools import partial

from billing.database import Connection, Pool
from billing.gateways import mark_gateway_ended, register_gateway
from billing.idempotency_store import claim, forget
from billing.loans import push_loans
from billing.posting import Poster
from metering.claim import Claimed
from metering.treasury import NothingFree
from tests.fakes.books_world import COMPANY, LANE, VOUCHER, WON, World


async def _post_all(poster: Poster) -> None:
    while await poster.post_once():
        pass


async def test_money_on_its_way_back_is_pending(pool: Pool, conn: Connection) -> None:
    """The second try costs less than the first had given: until that is posted others must not hear 402."""
    world = World(pool)
    await world.fund(government_won=750, self_won=250, share_ppm=750_000)
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    for gateway_id in ("g1", "g2"):
        await register_gateway(conn, gateway_id)
    n = await world.treasury.current_epoch(LANE)
    lend = partial(world.treasury.lend, lane=LANE, n=n, voucher_id=VOUCHER, need_micro=200 * WON)
    await lend()
    op = await world.reserve(n, 900 * WON)
    claim_it = partial(claim, conn, company_id=COMPANY, key_hash=b"k", body_hash=b"b")
    assert await claim_it(op=op, gateway_id="g1") == Claimed(op)
    await mark_gateway_ended(conn, "g1")
    assert await claim_it(op="op9", gateway_id="g2") == Claimed(op)
    assert await lend() == NothingFree(pending=False, free_micro=0)
    world.purse.data.lane(LANE).holds[n, op].floor = 900 * WON
    await world.purse.sweep(lane=LANE, n=n, op=op, gateway_id="g1")
    await _post_all(poster)
    assert await lend() == NothingFree(pending=True, free_micro=0)
    await world.settle(op, n, 300 * WON, gateway_id="g2")
    assert await lend() == NothingFree(pending=True, free_micro=0), "it is not posted yet"
    await _post_all(poster)
    await push_loans(world.purse, conn, lanes=[LANE])
    await world.reserve(n, 700 * WON)  # it is there
    assert await lend() == NothingFree(pending=False, free_micro=0)
    await world.sound()


async def test_one_op_for_a_key_whatever_a_dead_gateways_journal_tells(pool: Pool, conn: Connection) -> None:
    """The first try is charged in a journal nobody has read, the second comes to nothing, the third ends."""
    world = World(pool)
    await world.fund(government_won=1000)
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    for gateway_id in ("g1", "g2"):
        await register_gateway(conn, gateway_id)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1000 * WON)
    op = await world.reserve(n, 500 * WON)
    key = partial(claim, conn, company_id=COMPANY, key_hash=b"k", body_hash=b"b")
    assert await key(op=op, gateway_id="g1") == Claimed(op)
    await mark_gateway_ended(conn, "g1")
    journal = world.event(op, n, 200 * WON, gateway_id="g1").to_bytes()

    assert await key(op="op8", gateway_id="g2") == Claimed(op)
    await world.reserve(n, 500 * WON, gateway_id="g2", op=op)
    await world.settle(op, n, 0, gateway_id="g2")
    await _post_all(poster)
    await forget(conn, company_id=COMPANY, key_hash=b"k", own_op="op8", gateway_id="g2")

    assert await key(op="op9", gateway_id="g2") == Claimed(op)
    await world.purse.note(lane=LANE, kind="settled", op=op, n=n, event=journal)
    await world.reserve(n, 500 * WON, gateway_id="g2", op=op)
    await world.settle(op, n, 300 * WON, gateway_id="g2")
    await _post_all(poster)
    assert (await world.funds())[1] == 300 * WON, "the key is charged once, for what its caller was given"
    await world.sound()
