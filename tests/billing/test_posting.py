"""From the streams into the books: once, whatever is killed in between, never from another's money."""

from __future__ import annotations

from functools import partial

import orjson
import pytest

from billing.closing import close_epochs
from billing.database import Connection, Pool, connect
from billing.loans import push_loans
from billing.posting import Poster
from metering.event import LeftNotice, OpenHold, UsageEvent
from metering.treasury import Lent, NothingFree
from tests.fakes.books_world import LANE, META, VOUCHER, WON, World
from tests.fakes.values import replace


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=750, self_won=250, share_ppm=750_000)
    return world


@pytest.fixture
async def poster(conn: Connection, world: World) -> Poster:
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    return poster


async def _epoch(world: World) -> int:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    return n


async def _post_all(poster: Poster) -> None:
    while await poster.post_once():
        pass


async def _usage(conn: Connection, op: str) -> dict[str, object]:
    cursor = await conn.execute(
        "select step, kind, charge_micro, government_micro, self_micro, uncollected_micro, from_loan_micro,"
        " from_free_micro, status from usage_now where op = %s",
        [op],
    )
    row = await cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return {column.name: value for column, value in zip(cursor.description, row, strict=True)}


async def test_a_call_is_booked_once_and_split_by_the_share(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    op = await world.call(n, 100 * WON)
    await world.purse.note(
        lane=LANE, kind="settled", op=op, n=n, event=world.event(op, n, 100 * WON).to_bytes()
    )
    await _post_all(poster)
    await world.purse.note(
        lane=LANE, kind="settled", op=op, n=n, event=world.event(op, n, 100 * WON).to_bytes()
    )
    await _post_all(poster)
    booked = await _usage(conn, op)
    assert (booked["step"], booked["government_micro"], booked["self_micro"]) == (0, 75 * WON, 25 * WON)
    accounts = await world.sound()
    assert accounts["provider/nuri/payable"] == 100 * WON
    assert accounts[f"voucher/{VOUCHER}/government"] == 675 * WON
    assert await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=10) == [op] * 3
    assert (
        await world.treasury.key_spent_micro(META.key_id, (world.clock.now_ms + 32_400_000) // 86_400_000)
        == 100 * WON
    )


async def test_many_small_calls_sum_to_the_rule(world: World, poster: Poster) -> None:
    n = await _epoch(world)
    for charge in (1, 1, 1, 2, 7, 13, 1, 999_999, 333_333):
        await world.call(n, charge)
        await _post_all(poster)
    await world.sound()


async def test_a_worker_killed_before_commit_or_before_delete_posts_once(
    world: World, books_url: str, conn: Connection
) -> None:
    n = await _epoch(world)
    op = await world.call(n, 10 * WON)

    class Killed(Exception):
        pass

    class StopsAt(type(world.purse)):  # type: ignore[misc]
        async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
            raise Killed

    dying = StopsAt(now_ms=world.clock, data=world.purse.data)
    async with await connect(books_url) as first:
        poster = Poster(first, dying)
        await poster.take_lanes()
        with pytest.raises(Killed):
            await poster.post_once()
    assert world.purse.data.lane(LANE).log != []
    second = Poster(conn, world.purse)
    await second.take_lanes()
    await _post_all(second)
    assert (await _usage(conn, op))["step"] == 0
    assert (await world.funds())[1] == 10 * WON
    await world.sound()


async def test_a_lane_is_posted_by_one_worker(world: World, poster: Poster, books_url: str) -> None:
    async with await connect(books_url) as other_conn:
        other = Poster(other_conn, world.purse)
        await other.take_lanes()
        assert other.lanes == set()
    n = await _epoch(world)
    await world.call(n, WON)
    assert await poster.post_once() > 0


@pytest.mark.parametrize(("floor_won", "true_won"), [(10, 30), (30, 10), (0, 5), (5, 0)])
async def test_settled_after_swept_books_the_difference(
    world: World, poster: Poster, conn: Connection, floor_won: int, true_won: int
) -> None:
    n = await _epoch(world)
    op = await world.reserve(n, 50 * WON)
    world.purse.data.lane(LANE).holds[n, op].floor = floor_won * WON
    await world.purse.sweep(lane=LANE, n=n, op=op, gateway_id="g1")
    await _post_all(poster)
    assert (await _usage(conn, op))["kind"] == "swept"
    await world.settle(op, n, true_won * WON)
    await _post_all(poster)
    booked = await _usage(conn, op)
    assert (booked["kind"], booked["step"], booked["charge_micro"]) == ("settled", 1, true_won * WON)
    await world.sound()
    # The purse counted the floor; its limit follows what the books took instead.
    for _ in range(3):
        await push_loans(world.purse, conn, lanes=[LANE])
    balance = await world.purse.balance(lane=LANE, n=n, voucher_id=VOUCHER)
    assert balance is not None
    assert balance.limit_micro - balance.spent_micro == (1000 - true_won) * WON
    assert balance.before_micro + balance.spent_micro == true_won * WON


@pytest.mark.parametrize("floor_won", [0, 40], ids=["swept at nothing", "swept at its checkpoint"])
async def test_a_call_made_again_in_another_epoch_is_charged_there(
    world: World, poster: Poster, conn: Connection, floor_won: int
) -> None:
    """Under an Idempotency-Key, its gateway dead, Valkey anew: the sweep may be posted afterwards."""
    n = await _epoch(world)
    op = await world.reserve(n, 50 * WON)
    world.purse.data.lane(LANE).holds[n, op].floor = floor_won * WON
    await world.purse.sweep(lane=LANE, n=n, op=op, gateway_id="g1")
    await _post_all(poster)
    world.purse.restart()
    again = await world.treasury.renew_epoch(LANE, n)
    await _drained(world, n)
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 1
    await world.treasury.lend(lane=LANE, n=again, voucher_id=VOUCHER, need_micro=1)
    await world.settle(op, again, 70 * WON)
    await _post_all(poster)
    booked = await _usage(conn, op)
    assert (booked["kind"], booked["charge_micro"]) == ("settled", 70 * WON)
    assert (booked["government_micro"], booked["self_micro"]) == (52.5 * WON, 17.5 * WON)
    cursor = await conn.execute("select reason from parked")
    assert await cursor.fetchall() == []
    await world.sound()


async def test_swept_after_settled_is_nothing(world: World, poster: Poster, conn: Connection) -> None:
    n = await _epoch(world)
    op = await world.reserve(n, 50 * WON)
    older = world.purse.data.snapshot()
    await world.settle(op, n, 20 * WON)
    await _post_all(poster)
    world.purse.restore(older)
    await world.purse.sweep(lane=LANE, n=n, op=op, gateway_id="g1")
    await _post_all(poster)
    assert (await _usage(conn, op))["charge_micro"] == 20 * WON
    await world.sound()


async def test_a_charge_beyond_every_bound_has_one_place(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    op = await world.reserve(n, 900 * WON)
    await world.settle(op, n, 1_300 * WON)
    await _post_all(poster)
    booked = await _usage(conn, op)
    assert (booked["from_loan_micro"], booked["uncollected_micro"]) == (1000 * WON, 300 * WON)
    accounts = await world.sound()
    assert accounts["provider/nuri/payable"] == 1_300 * WON
    assert accounts[f"voucher/{VOUCHER}/uncollected"] == -300 * WON


async def test_a_charge_beyond_its_hold_never_takes_from_another_calls_hold(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    greedy = await world.reserve(n, 600 * WON)
    modest = await world.reserve(n, 400 * WON)
    await world.settle(greedy, n, 900 * WON)
    await world.settle(modest, n, 400 * WON)
    await _post_all(poster)
    assert (await _usage(conn, greedy))["uncollected_micro"] == 300 * WON
    assert (await _usage(conn, modest))["uncollected_micro"] == 0
    await world.sound()


async def test_an_event_that_cannot_be_applied_is_parked_and_the_others_go_on(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    good = await world.call(n, WON)
    whole = world.event("x", n, WON)
    bad = {
        "json": b"{",
        "company": replace(whole, meta=replace(whole.meta, op="company", company="other")).to_bytes(),
        "voucher": replace(whole, meta=replace(whole.meta, op="voucher"), voucher="nobody").to_bytes(),
        "sum": replace(whole, meta=replace(whole.meta, op="sum"), charge_micro=-1).to_bytes(),
        "name": replace(whole, meta=replace(whole.meta, op="other")).to_bytes(),
        "nul": replace(whole, meta=replace(whole.meta, op="nul"), error="a\0b").to_bytes(),
        "kind": whole.to_bytes().replace(b'"op":"x"', b'"op":"kind"').replace(b'"completed"', b"null"),
    }
    for op, event in bad.items():
        await world.purse.note(lane=LANE, kind="settled", op=op, n=n, event=event)
    last = await world.call(n, WON)
    await _post_all(poster)
    cursor = await conn.execute("select op, reason from parked")
    parked: dict[str, str] = dict(await cursor.fetchall())
    assert set(parked) == set(bad), parked
    assert world.purse.data.lane(LANE).log == []
    acks = await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=100)
    assert {good, last, "voucher"} <= set(acks)
    await world.sound()


async def test_text_that_copy_would_misread_arrives_as_it_was(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    op = await world.reserve(n, WON)
    tag = "a\\b\tc\nd\\N\r'\"한글"
    event = world.event(op, n, WON)
    event = replace(event, meta=replace(event.meta, tag=tag), error="\\.", units={"images": 2})
    await world.purse.note(lane=LANE, kind="settled", op=op, n=n, event=event.to_bytes())
    await _post_all(poster)
    cursor = await conn.execute(
        "select tag, error, units, output_tokens, stream from usage where op = %s", [op]
    )
    assert await cursor.fetchone() == (tag, "\\.", {"images": 2}, 40, False)


async def _register(conn: Connection, *gateways: str) -> None:
    for gateway in gateways:
        await conn.execute(
            "insert into gateway (id, registered_at) values (%s, clock_timestamp() - interval '1 hour')",
            [gateway],
        )


async def _left(
    world: World,
    n: int,
    gateway_id: str,
    *,
    events: tuple[UsageEvent, ...] = (),
    holds: tuple[OpenHold, ...] = (),
) -> None:
    notice = LeftNotice(gateway_id, LANE, n, events, holds)
    await world.purse.note(lane=LANE, kind="left", op=f"left:{gateway_id}", n=n, event=notice.to_bytes())


async def _drained(world: World, n: int) -> None:
    await world.purse.note(lane=LANE, kind="drained", op="", n=n, event=b"{}")


async def test_a_closing_epoch_returns_only_when_everybody_left(
    world: World, poster: Poster, conn: Connection
) -> None:
    await _register(conn, "g1", "g2")
    n = await _epoch(world)
    running = await world.reserve(n, 200 * WON)
    unposted = await world.reserve(n, 100 * WON)
    event = world.event(unposted, n, 60 * WON)
    world.purse.flush()
    assert await world.treasury.renew_epoch(LANE, n) == 2
    lend = partial(world.treasury.lend, lane=LANE, n=2, voucher_id=VOUCHER, need_micro=WON)
    assert await lend() == NothingFree(pending=True, free_micro=0)

    async def closed() -> int:
        await _post_all(poster)
        return await close_epochs(conn, lanes=[LANE])

    assert await closed() == 0
    await _drained(world, n)
    await _left(world, n, "g2")
    assert await closed() == 0, "g1 could still charge it"
    await _left(world, n, "g1", events=(event,), holds=(OpenHold(running, VOUCHER, 200 * WON),))
    assert await closed() == 1
    assert (await world.funds())[:2] == (740 * WON, 60 * WON), "all but the charge and the claim is free"
    for _ in range(2):
        await push_loans(world.purse, conn, lanes=[LANE])
    balance = await world.purse.balance(lane=LANE, n=2, voucher_id=VOUCHER)
    assert balance is not None
    assert (balance.before_micro, balance.frozen_micro) == (60 * WON, 200 * WON)
    assert await lend() == Lent(740 * WON, 0)
    await world.settle(running, n, 150 * WON)
    assert await closed() == 1
    assert await closed() == 0
    cursor = await conn.execute("select state from lane_epoch where lane = %s and n = %s", [LANE, n])
    assert await cursor.fetchone() == ("closed",)
    assert await world.funds() == (50 * WON, 210 * WON, 1000 * WON)
    assert "left:g1" in await world.purse.pop_acks(lane=LANE, gateway_id="g1", count=100)
    await world.sound()


async def test_a_clock_that_is_set_back_lets_no_gateway_be_forgotten(
    world: World, poster: Poster, conn: Connection
) -> None:
    """By the server's clock g1 was registered an hour after its epoch ended."""
    await _register(conn, "g1")
    await conn.execute("update gateway set registered_at = clock_timestamp() + interval '1 hour'")
    n = await _epoch(world)
    await world.reserve(n, 200 * WON)
    world.purse.flush()
    await world.treasury.renew_epoch(LANE, n)
    await _drained(world, n)
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 0, "it may still charge what it holds"


async def test_a_late_event_of_a_closed_epoch_is_paid_from_what_is_free(
    world: World, poster: Poster, conn: Connection
) -> None:
    n = await _epoch(world)
    lost = await world.reserve(n, 100 * WON)
    swept = await world.reserve(n, 100 * WON)
    world.purse.data.lane(LANE).holds[n, swept].floor = 40 * WON
    await world.purse.sweep(lane=LANE, n=n, op=swept, gateway_id="g1")
    world.purse.restart()
    await world.treasury.renew_epoch(LANE, n)
    await _drained(world, n)
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 1
    await world.settle(lost, n, 70 * WON)
    await world.settle(swept, n, 10 * WON)
    await _post_all(poster)
    booked = await _usage(conn, lost)
    assert (booked["from_loan_micro"], booked["from_free_micro"]) == (0, 70 * WON)
    assert await world.funds() == (920 * WON, 80 * WON, 1000 * WON)
    await world.sound()


async def test_who_makes_a_call_again_claims_its_hold_though_the_first_try_is_booked(
    world: World, poster: Poster, conn: Connection
) -> None:
    """No disk took the first try's charge; its client asked again before the books heard of it."""
    await _register(conn, "g1", "g2")
    n = await _epoch(world)
    op = await world.reserve(n, 300 * WON)
    world.purse.flush()
    await world.treasury.renew_epoch(LANE, n)
    await _drained(world, n)
    await _left(world, n, "g1", events=(world.event(op, n, 100 * WON),))
    await _left(world, n, "g2", holds=(OpenHold(op, VOUCHER, 300 * WON),))
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 1
    assert (await world.funds())[:2] == (600 * WON, 100 * WON), "the second try runs, and holds its money"
    await world.settle(op, n, 100 * WON)
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 0, "that was the first once more: the second still runs"
    await world.settle(op, n, 250 * WON, gateway_id="g2")
    await _post_all(poster)
    assert await close_epochs(conn, lanes=[LANE]) == 1
    assert await world.funds() == (900 * WON, 100 * WON, 1000 * WON), "one charge, and nothing is held"
    await world.sound()


async def test_the_gone_leave_no_claims(world: World, poster: Poster, conn: Connection) -> None:
    await _register(conn, "g1")
    n = await _epoch(world)
    op = await world.reserve(n, 100 * WON)
    world.purse.flush()
    await world.treasury.renew_epoch(LANE, n)
    await _drained(world, n)
    await _left(world, n, "g1", holds=(OpenHold(op, VOUCHER, 100 * WON),))
    await _post_all(poster)
    await close_epochs(conn, lanes=[LANE])
    assert (await world.funds())[0] == 900 * WON
    await world.purse.note(lane=LANE, kind="gone", op="gone:g1", n=0, event=orjson.dumps({"gateway": "g1"}))
    await _left(world, n, "g1", holds=(OpenHold(op, VOUCHER, 100 * WON),))
    await _post_all(poster)
    await close_epochs(conn, lanes=[LANE])
    assert (await world.funds())[0] == 1000 * WON
    await world.sound()
