"""The poster reads a batch while the one before it is written: nothing comes twice, is left out or waits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing.database import Connection, Pool, connect
from billing.posting import Poster
from billing.posting_wire import WireTokens
from metering.purse import LogEntry
from metering.purse_memory import MemoryPurse
from metering.usage import TOKEN_CLASSES
from tests.fakes.books_world import LANE, VOUCHER, WON, World

BATCH = 50
CALLS = 170


class WatchedPurse(MemoryPurse):
    """Keeps what was read after what, and loses the connection where it is told to delete."""

    reads: list[tuple[int, bool]]  # how many, and whether they follow what is being written
    deaf_to_delete = False

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]:
        entries = await super().read_log(lane=lane, count=count, after=after)
        self.reads.append((len(entries), bool(after)))
        return entries

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
        if self.deaf_to_delete:
            raise ConnectionError
        await super().delete_log(lane=lane, entry_ids=entry_ids)


@pytest.fixture
async def conn(books_url: str) -> AsyncIterator[Connection]:
    async with await connect(books_url) as opened:
        yield opened


@pytest.fixture
async def purse(pool: Pool) -> tuple[World, WatchedPurse]:
    world = World(pool)
    await world.fund(government_won=1000)
    purse = WatchedPurse(now_ms=world.clock)
    purse.reads = []
    world.use(purse)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    for _ in range(CALLS):
        await world.call(n, WON)
    return world, purse


@pytest.fixture
async def poster(conn: Connection, purse: tuple[World, WatchedPurse]) -> Poster:
    poster = Poster(conn, purse[1])
    await poster.take_lanes()
    return poster


async def _is_posted_once(world: World, conn: Connection) -> None:
    assert world.purse.data.lane(LANE).log == []
    cursor = await conn.execute("select count(*), count(distinct op), max(step) from usage")
    assert await cursor.fetchone() == (CALLS, CALLS, 0)
    assert (await world.funds())[1] == CALLS * WON
    await world.sound()


async def test_a_backlog_is_read_while_it_is_written(
    purse: tuple[World, WatchedPurse], poster: Poster, conn: Connection
) -> None:
    taken = [await poster.post_once(batch_max=BATCH) for _ in range(5)]
    assert taken == [50, 50, 50, 21, 0]
    assert purse[1].reads == [(50, False), (50, True), (50, True), (21, True)], "each entry is read once"
    await _is_posted_once(purse[0], conn)


async def test_what_was_read_ahead_is_forgotten_with_a_batch_that_failed(
    purse: tuple[World, WatchedPurse], poster: Poster, conn: Connection
) -> None:
    """It was committed and not deleted: it comes again, before what follows it."""
    world, watched = purse
    watched.deaf_to_delete = True
    with pytest.raises(ConnectionError):
        await poster.post_once(batch_max=BATCH)
    assert watched.reads == [(50, False), (50, True)]
    watched.deaf_to_delete = False
    while await poster.post_once(batch_max=BATCH):
        pass
    assert watched.reads[2] == (50, False)
    await _is_posted_once(world, conn)


async def test_a_lane_with_a_backlog_keeps_no_other_waiting(
    purse: tuple[World, WatchedPurse], poster: Poster
) -> None:
    world, other = purse[0], LANE + 1
    await poster.post_once(batch_max=BATCH)
    await world.purse.note(lane=other, kind="opened", op="", n=1, event=b"{}")
    await poster.post_once(batch_max=BATCH)  # was read before
    await poster.post_once(batch_max=BATCH)
    assert world.purse.data.lane(other).log == []
    assert world.purse.data.lane(LANE).log != []


def test_an_event_counts_every_class_of_tokens() -> None:
    assert WireTokens.__struct_fields__ == TOKEN_CLASSES
