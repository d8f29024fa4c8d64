"""What a company reads: its own calls only, newest first, page by page, in the contract's words."""

from __future__ import annotations

import pytest

from billing.database import Connection, Pool
from billing.posting import Poster
from billing.usage_store import BadQuery, usage_one, usage_page, voucher_balances
from tests.fakes.books_world import COMPANY, ENDS_MS, LANE, VOUCHER, WON, World
from tests.fakes.values import replace


@pytest.fixture
async def world(pool: Pool) -> World:
    world = World(pool)
    await world.fund(government_won=750, self_won=250, share_ppm=750_000)
    return world


async def _calls(world: World, conn: Connection, count: int) -> list[str]:
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    poster = Poster(conn, world.purse)
    await poster.take_lanes()
    ops = []
    for index in range(count):
        op = await world.reserve(n, WON)
        event = world.event(op, n, 215_000)
        meta = replace(event.meta, tag=f"t{index % 2}", started_ms=world.clock.now_ms + index)
        await world.purse.note(
            lane=LANE, kind="settled", op=op, n=n, event=replace(event, meta=meta).to_bytes()
        )
        ops.append(op)
    while await poster.post_once():
        pass
    return ops


async def test_one_record_in_the_contracts_shape(world: World, conn: Connection) -> None:
    [op] = await _calls(world, conn, 1)
    assert await usage_one(conn, COMPANY, op) == {
        "id": op,
        "request_id": "r",
        "product": "nuri-x1",
        "provider": "nuri",
        "voucher": VOUCHER,
        "api_key": "backend",
        "tag": "t0",
        "started_at": "2026-09-21T14:13:20.000Z",
        "finished_at": "2026-09-21T14:13:20.005Z",
        "dialect": "openai",
        "stream": False,
        "status": "settled",
        "end_reason": "completed",
        "client_gone": False,
        "estimated": False,
        "error": None,
        "tokens": {
            "input": 12,
            "cached_input": 0,
            "cache_write": 0,
            "cache_write_1h": 0,
            "output": 40,
            "reasoning": 0,
            "input_audio": 0,
            "output_audio": 0,
        },
        "units": {},
        "charge_krw": "0.215",
        "government_krw": "0.16125",
        "self_krw": "0.05375",
        "own_krw": "0",
        "uncollected_krw": "0",
        "price_from": "2026-01-01T00:00:00+09:00",
        "upstream_request_id": None,
        "posted": True,
    }
    assert await usage_one(conn, "other", op) is None


async def test_pages_are_stable_while_calls_arrive(world: World, conn: Connection) -> None:
    ops = await _calls(world, conn, 5)
    first = await usage_page(conn, COMPANY, {"limit": "2"})
    more = await _calls(world, conn, 3)
    second = await usage_page(conn, COMPANY, {"limit": "2", "cursor": first["next_cursor"]})
    third = await usage_page(conn, COMPANY, {"limit": "2", "cursor": second["next_cursor"]})
    seen = [record["id"] for page in (first, second, third) for record in page["data"]]
    assert seen == ops[::-1]
    assert third["next_cursor"] is None
    newest = await usage_page(conn, COMPANY, {})
    assert [record["id"] for record in newest["data"]] == [*more[::-1], *ops[::-1]]
    assert (await usage_page(conn, "other", {}))["data"] == []


async def test_one_call_is_found_without_a_look_at_the_others(world: World, conn: Connection) -> None:
    """The books grow for years, and callers ask for a call until it is booked."""
    op = (await _calls(world, conn, 40))[20]
    async with conn.transaction():
        await conn.execute("set local enable_seqscan = off")  # what a table this small would be worth
        before = await _rows_read(conn)
        assert await usage_one(conn, COMPANY, op) is not None
        assert await _rows_read(conn) - before <= 2


async def _rows_read(conn: Connection) -> int:
    cursor = await conn.execute(
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'usage'"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_an_id_no_text_of_the_books_can_be_is_not_found(conn: Connection) -> None:
    assert await usage_one(conn, COMPANY, "op\0") is None


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"tag": "t0"}, 2),
        ({"status": "released"}, 0),
        ({"status": "open"}, 0),
        ({"product": "nuri-x1", "api_key": "backend"}, 3),
        ({"api_key": "other"}, 0),
        ({"from": "2026-09-21T14:13:20.001Z"}, 2),
        ({"from": "2026-09-21T23:13:20.001 09:00", "to": "2026-09-21T14:13:20.002Z"}, 1),
        ({"from": "2026-09-21", "to": "2026-09-21"}, 3),
        ({"from": "2026-09-22"}, 0),
    ],
)
async def test_filters(world: World, conn: Connection, filters: dict[str, str], count: int) -> None:
    await _calls(world, conn, 3)
    assert len((await usage_page(conn, COMPANY, filters))["data"]) == count


@pytest.mark.parametrize(
    "filters",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "²"},
        {"cursor": "x"},
        {"cursor": "//////////8"},
        {"from": "yesterday"},
        {"to": "9999-12-31"},
        {"status": "finished"},
        {"status": ""},
    ],
)
async def test_what_cannot_be_read_is_refused(conn: Connection, filters: dict[str, str]) -> None:
    with pytest.raises(BadQuery):
        await usage_page(conn, COMPANY, filters)


async def test_a_voucher_past_its_last_day_is_shown_as_expired(world: World, conn: Connection) -> None:
    del world
    [before] = await voucher_balances(conn, COMPANY)
    await conn.execute("update funds set ends_ms = 1700000000000")
    [after] = await voucher_balances(conn, COMPANY)
    assert (before.state, after.state) == ("active", "expired")


async def test_the_books_alone_account_for_every_won(world: World, conn: Connection) -> None:
    await _calls(world, conn, 2)
    [voucher] = await voucher_balances(conn, COMPANY)
    assert (voucher.spent_micro, voucher.frozen_micro) == (430_000, 1000 * WON - 430_000)
    assert (voucher.government_granted_micro, voucher.self_granted_micro) == (750 * WON, 250 * WON)
    assert voucher.ends_on == "2096-10-02"
    assert ENDS_MS == 4_000_000_000_000
    assert await voucher_balances(conn, "other") == []
